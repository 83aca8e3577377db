"""The rule that gives trials up: what it is held against, when, and what it never does."""

from __future__ import annotations

import random
from pathlib import Path

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seekforge.core.config import PruneConfig, SearchConfig
from seekforge.train.search.budget import Budget
from seekforge.train.search.pruning import behind, points_of, pruner_of
from seekforge.train.search.study import Claim, Study

DEFAULT = PruneConfig()
SPACE = {"learning_rate": optuna.distributions.FloatDistribution(1e-4, 1e-2, log=True)}
GOOD = [3.0, 1.0, 0.5, 0.3, 0.2, 0.1, 0.08, 0.07]
BAD = [loss + 0.5 for loss in GOOD]
LOSSES = st.lists(st.floats(0, 9), min_size=1, max_size=8).map(lambda values: dict(enumerate(values, 1)))


def given_up(losses: list[float], others: list[dict[int, float]], rule: PruneConfig = DEFAULT) -> int | None:
    """The number of the validation at which a trial of these losses is given up; it joins the others as far as it came.

    The last validation is none of the points, so a trial that comes to it has come to its end.
    """
    mine: dict[int, float] = {}
    points = points_of(rule, 8)
    known = list(others)
    others.append(mine)
    for number, loss in enumerate(losses, 1):
        mine[number] = loss
        if behind(mine, known, points, rule):
            return number
    return None


def whole(losses: list[float]) -> dict[int, float]:
    return dict(enumerate(losses, 1))


def test_with_one_to_be_held_against_a_bad_one_is_given_up_half_way_and_a_good_one_never() -> None:
    assert given_up(BAD, [whole(GOOD)]) == 4
    assert given_up([loss - 0.01 for loss in GOOD], [whole(GOOD)]) is None
    assert given_up(GOOD, [whole(GOOD)]) is None, "an equal one is as good"
    assert given_up(BAD, []) is None


def test_what_falls_back_later_is_given_up_at_three_quarters() -> None:
    assert given_up([*GOOD[:3], 0.29, 0.29, 0.28, 0.28, 0.28], [whole(GOOD)]) == 6
    assert given_up([9.0, 8.0, 7.0, 0.2, 0.15, 0.09, 0.3, 0.3], [whole(GOOD)]) is None, "other points do not matter"


def test_what_was_given_up_counts_at_the_points_that_it_came_to() -> None:
    rule = PruneConfig(keep=0.5)
    others = [whole(GOOD)]
    assert [given_up(BAD, others, rule) for _ in range(2)] == [4, 4]
    assert given_up([loss + 0.1 for loss in GOOD], others, rule) == 6, "second of four half way, of two that went on"


def test_startup_is_how_many_others_must_have_come_there() -> None:
    rule = PruneConfig(startup=2)
    others = [whole(GOOD)]
    assert given_up(BAD, others, rule) is None
    assert given_up([loss + 1 for loss in GOOD], others, rule) == 4


@pytest.mark.parametrize("seed", range(20))
def test_of_twelve_in_any_order_half_are_given_up_and_the_best_is_not(seed: int) -> None:
    levels = [0.1 * n for n in range(11)]
    random.Random(seed).shuffle(levels)
    others = [whole([loss + 0.35 for loss in GOOD])]  # the recipe: four are better, seven worse
    ended = {level: given_up([loss + level for loss in GOOD], others) for level in levels}
    assert sum(number is not None for number in ended.values()) >= 6
    assert ended[0.0] is None


def study(folder: Path, rule: PruneConfig | None = DEFAULT) -> Study:
    found = Study(folder, SPACE, pruner_of(rule, 8), seed=7)
    found.begin({"learning_rate": 1e-3})
    return found


def claim(found: Study) -> Claim:
    taken = found.claim(Budget(99, None))
    assert taken is not None
    return taken


def report(taken: Claim, losses: list[float]) -> list[int]:
    """The validations at which Optuna would give the trial up."""
    asked = []
    for number, loss in enumerate(losses, 1):
        taken.trial.report(loss, number)
        if taken.trial.should_prune():
            asked.append(number)
    return asked


def test_on_disk_running_trials_count_and_killed_ones_do_not_and_the_rule_may_change(tmp_path: Path) -> None:
    one, other = study(tmp_path), study(tmp_path)
    own, beside = claim(one), claim(other)
    report(own, GOOD[:4])
    assert report(beside, BAD[:4]) == [4], "the first still runs, in another process"
    beside.lock.close()
    two = study(tmp_path, PruneConfig(startup=2))
    again = claim(two)
    assert again.resumed == beside.trial.number
    assert report(again, BAD[:4]) == [], "its own first attempt is none of two others"
    two.prune(again, {}, "")
    assert report(claim(study(tmp_path, PruneConfig(at=(0.2,)))), BAD[:4]) == [2]
    assert report(claim(study(tmp_path, None)), BAD[:4]) == []


@given(LOSSES, st.lists(LOSSES, max_size=12), st.floats(0.01, 0.99))
def test_the_best_is_kept_and_so_is_what_nobody_is_held_against(
    mine: dict[int, float], others: list[dict[int, float]], keep: float
) -> None:
    points = points_of(DEFAULT, 8)
    rule = PruneConfig(keep=keep)
    assert not behind(dict.fromkeys(mine, 0.0), others, points, rule)
    assert not behind(mine, [], points, rule)
    if behind(mine, others, points, rule):
        assert max(mine) in points
        assert behind({n: loss + 1 for n, loss in mine.items()}, others, points, rule), "a worse one too"


def test_a_training_that_skips_the_point_is_looked_at_next_and_only_once() -> None:
    others = [{1: 1.0, 4: 0.1}]
    assert points_of(DEFAULT, 8) == [4, 6]
    assert behind({1: 3.0, 3: 2.0, 5: 1.0}, others, [4], DEFAULT)
    assert not behind({1: 3.0, 3: 2.0, 5: 1.0, 6: 0.9}, others, [4], DEFAULT)
    assert behind({4: float("nan")}, others, [4], DEFAULT)
    assert not behind({4: 0.2}, [{4: float("nan")}, {1: 0.0}], [4], DEFAULT)


def test_points_are_shares_of_any_number_of_validations() -> None:
    assert points_of(DEFAULT, 2) == [1, 2]
    assert points_of(PruneConfig(at=(0.7, 0.3)), 10) == [3, 7]
    assert SearchConfig().prune == PruneConfig(keep=0.4, at=(0.5, 0.75), startup=1)
