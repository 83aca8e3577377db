"""From ratings to figures: scores by model, wins of pairs, agreement; intervals by resampling whole questions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from seekforge.core.config.rubric import RubricConfig
from seekforge.evaluate.bootstrap import interval
from seekforge.evaluate.human.agreement import Level, alpha
from seekforge.evaluate.human.model import TIE, Rating
from seekforge.evaluate.metrics import Rows
from seekforge.evaluate.rubric import names, weighted

Interval = tuple[float, float]
TOTAL = "weighted"  # the rubric's one figure, beside its criteria


@dataclass(frozen=True, slots=True)
class Figure:
    """A mean with its 95 % interval."""

    value: float
    interval: Interval


@dataclass(frozen=True, slots=True)
class ModelScore:
    """What a model's answers got.

    Attributes:
        answers: Rated ones.
        ratings: Of them, by all raters.
        figures: Criterion, and `weighted`, to the mean over the answers, each answer being the mean of its ratings.
    """

    model: str
    answers: int
    ratings: int
    figures: Mapping[str, Figure]


@dataclass(frozen=True, slots=True)
class Match:
    """Two models side by side.

    Attributes:
        items: Pairs that were rated.
        wins: Ratings that prefer the first.
        losses: Ratings that prefer the second.
        ties: The others.
        win_rate: Of the first, a tie being half a win; the mean over the pairs, each being the mean of its ratings.
    """

    first: str
    second: str
    items: int
    wins: int
    losses: int
    ties: int
    win_rate: Figure


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far the raters agree on one thing.

    Attributes:
        of: A criterion, `weighted` or `choice`.
        level: Of the measurement.
        alpha: Krippendorff's; None where it is not defined.
        units: Answers or pairs with two ratings or more.
    """

    of: str
    level: str
    alpha: float | None
    units: int


@dataclass(frozen=True, slots=True)
class Results:
    """The figures of a study.

    Attributes:
        left: Share of choices for the left side, ties aside: far from a half, it is a habit of the raters.
    """

    models: tuple[ModelScore, ...]
    matches: tuple[Match, ...]
    agreement: tuple[Agreement, ...]
    left: float | None

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


def results(rubric: RubricConfig, ratings: Sequence[Rating], resamples: int = 1000, seed: int = 7) -> Results:
    """All figures of these ratings.

    Args:
        rubric: Weights and criteria.
        ratings: Complete ones, of any number of raters.
        resamples: Of the bootstrap, which draws questions with all their items and ratings: what was said of the same
            question is no independent evidence.
        seed: Of the bootstrap.
    """

    def figure(values: Mapping[tuple[str, str], Sequence[float]]) -> Figure:
        rows = _by_question(values)
        return Figure(_mean(rows), interval(rows, _mean, resamples, seed))

    chosen = [rating for rating in ratings if rating.choice is not None]
    sided = [rating for rating in chosen if rating.choice != TIE and rating.left is not None]
    return Results(
        models=tuple(_model_scores(rubric, ratings, figure)),
        matches=tuple(_matches(chosen, figure)),
        agreement=tuple(_agreement(rubric, ratings)),
        left=sum(rating.choice == rating.left for rating in sided) / len(sided) if sided else None,
    )


_Make = Callable[[Mapping[tuple[str, str], Sequence[float]]], Figure]


def said_of(rubric: RubricConfig, ratings: Sequence[Rating], name: str) -> dict[tuple[str, str, str], list[float]]:
    """Record, item and model to what its raters gave for a criterion, or for `weighted`."""
    found: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    for rating in ratings:
        for model, scores in rating.scores.items():
            value = weighted(rubric, scores) if name == TOTAL else float(scores[name])
            found[rating.record, rating.item, model].append(value)
    return dict(found)


def _model_scores(rubric: RubricConfig, ratings: Sequence[Rating], figure: _Make) -> list[ModelScore]:
    by_name = {name: said_of(rubric, ratings, name) for name in (*names(rubric), TOTAL)}
    models = list(dict.fromkeys(model for _, _, model in by_name[TOTAL]))
    found = []
    for model in sorted(models):
        own = {
            name: {(record, item): given for (record, item, of), given in said.items() if of == model}
            for name, said in by_name.items()
        }
        total = own[TOTAL]
        figures = {name: figure(values) for name, values in own.items()}
        found.append(ModelScore(model, len(total), sum(map(len, total.values())), figures))
    return found


def _matches(chosen: Sequence[Rating], figure: _Make) -> list[Match]:
    found = []
    for first, second in sorted({rating.models for rating in chosen}):
        mine = [rating for rating in chosen if rating.models == (first, second)]
        values: dict[tuple[str, str], list[float]] = defaultdict(list)
        for rating in mine:
            values[rating.record, rating.item].append({first: 1.0, TIE: 0.5}.get(str(rating.choice), 0.0))
        wins, losses = (sum(rating.choice == model for rating in mine) for model in (first, second))
        ties = len(mine) - wins - losses
        found.append(Match(first, second, len(values), wins, losses, ties, figure(values)))
    return found


def _agreement(rubric: RubricConfig, ratings: Sequence[Rating]) -> list[Agreement]:
    found = []
    for name in (*names(rubric), TOTAL):
        units: list[Sequence[Hashable]] = list(said_of(rubric, ratings, name).values())
        if units:
            level: Level = "interval" if name == TOTAL else "ordinal"
            found.append(Agreement(name, level, alpha(units, level), _paired(units)))
    choices: dict[str, list[Hashable]] = defaultdict(list)
    for rating in ratings:
        if rating.choice is not None:
            choices[rating.item].append(rating.choice)
    if choices:
        pairs = list(choices.values())
        found.append(Agreement("choice", "nominal", alpha(pairs, "nominal"), _paired(pairs)))
    return found


def _paired(units: Sequence[Sequence[Hashable]]) -> int:
    return sum(len(unit) > 1 for unit in units)


def _by_question(values: Mapping[tuple[str, str], Sequence[float]]) -> Rows:
    """Shape (questions, 2): the sum of the items' means, and how many items."""
    sums: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for (record, _), given in values.items():
        sums[record][0] += sum(given) / len(given)
        sums[record][1] += 1
    return np.array(list(sums.values()), dtype=np.float64)


def _mean(rows: Rows) -> float:
    return float(rows[:, 0].sum() / rows[:, 1].sum())
