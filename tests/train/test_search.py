"""The search's decisions, its study on disk with workers that die, and trials that do not fit or do not learn."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.engines import tiny

from seekforge.core.config import PruneConfig, SearchConfig, SearchSpace, TrainConfig, validate
from seekforge.core.errors import ConfigError, SeekforgeError
from seekforge.core.families import FAMILIES
from seekforge.core.progress import Silent
from seekforge.engines.transformers import load_tokenizer
from seekforge.train.examples import Encoded, encode
from seekforge.train.plan import Device
from seekforge.train.prepare import Devices, Ready, plan_of
from seekforge.train.search import trial as trial_module
from seekforge.train.search.budget import Budget, Row, State, best, counted, worked
from seekforge.train.search.pruning import pruner_of
from seekforge.train.search.space import check_warmup, recipe_values, space_of, with_values
from seekforge.train.search.study import Claim, Study
from seekforge.train.search.trial import Trials, number_of
from seekforge.train.search.worker import line_of

SPANS = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)).map(lambda t: (min(t), max(t))), max_size=8)
GUIDE = SearchSpace()
FOREVER = float("inf")
one_thread = pytest.fixture(scope="module", autouse=True)(tiny.one_thread)


@given(SPANS)
def test_time_counts_once_however_many_trials_run_in_it(spans: list[tuple[int, int]]) -> None:
    rows = [Row(n, "complete", began=float(a), ended=float(b)) for n, (a, b) in enumerate(spans)]
    seconds = {second for a, b in spans for second in range(a, b)}
    assert worked(rows, now=99.0) == len(seconds)


STATES = st.sampled_from(["complete", "pruned", "failed", "running", "waiting"])


@given(st.lists(STATES, max_size=12), st.integers(1, 9))
def test_no_trial_begins_when_so_many_have_begun(states: list[State], trials: int) -> None:
    rows = [Row(number, state) for number, state in enumerate(states)]
    begun = sum(state != "waiting" for state in states)
    assert Budget(trials, None).allows(rows, 0.0) == (begun < trials)


def test_a_killed_trial_that_is_tried_again_counts_once_and_one_that_is_not_counts_too() -> None:
    killed = Row(1, "failed")
    assert counted([Row(0, "complete"), killed, Row(2, "complete", retry_of=1)]) != [killed]
    assert [row.number for row in counted([Row(0, "complete"), killed, Row(2, "complete", retry_of=1)])] == [0, 2]
    assert counted([killed]) == [killed]


def test_minutes_are_of_work_and_not_of_the_pause_after_a_kill() -> None:
    budget = Budget(None, 60.0)
    rows = [Row(0, "complete", began=0.0, ended=50.0), Row(1, "failed"), Row(2, "running", began=1000.0)]
    assert budget.left(rows, 1004.0) == 6.0
    assert budget.allows(rows, 1009.0)
    assert not budget.allows(rows, 1010.0)
    assert Budget(3, None).left(rows, 1e9) == FOREVER


def test_the_best_is_a_trial_that_came_to_its_end() -> None:
    rows = [Row(0, "complete", loss=2.0, recipe=True), Row(1, "pruned", loss=0.5), Row(2, "complete", loss=1.0)]
    assert best(rows) == rows[2]
    assert best(rows[1:2]) is None
    assert "best so far: 1.0000, trial 2" in line_of(rows[1], rows)


def test_the_guides_space_is_for_full_and_adapters_learn_ten_times_faster() -> None:
    full = space_of(GUIDE, TrainConfig(method="full"))
    adapters = space_of(GUIDE, TrainConfig(method="lora"))
    assert set(full) == {"learning_rate", "batch_size", "warmup_steps"}
    assert set(adapters) == {*full, "lora.rank", "lora.alpha"}
    rate = optuna.distributions.FloatDistribution
    assert full["learning_rate"] == rate(1e-5, 5e-5, log=True)
    assert adapters["learning_rate"] == rate(1e-4, 5e-4, log=True)
    assert full["batch_size"] == optuna.distributions.CategoricalDistribution((8, 16, 32))
    assert full["warmup_steps"] == optuna.distributions.IntDistribution(100, 200)


def test_null_keeps_what_the_recipe_has_and_a_share_takes_the_place_of_steps() -> None:
    share = {"low": 0.0, "high": 0.2}
    tree = {"learning_rate": None, "batch_size": None, "warmup_ratio": share, "lora": {"rank": None}}
    assert set(space_of(SearchSpace.model_validate(tree), TrainConfig())) == {"warmup_ratio", "lora.alpha"}
    nothing = {"learning_rate": None, "batch_size": [8], "warmup_steps": None}
    with pytest.raises(ConfigError, match=r"^search\.space: there is nothing to choose from"):
        space_of(SearchSpace.model_validate(nothing), TrainConfig(method="full"))


def test_the_recipes_own_values_are_those_inside_the_space() -> None:
    own = TrainConfig.model_validate({"batch_size": 16, "learning_rate": 2e-3, "lora": {"rank": 12}})
    assert recipe_values(space_of(GUIDE, own), own) == {"batch_size": 16, "lora.alpha": 32}
    ratio = SearchSpace.model_validate({"warmup_ratio": {"low": 0.0, "high": 0.1}})
    assert recipe_values(space_of(ratio, own), own)["warmup_ratio"] == 0.05
    steps = own.model_copy(update={"warmup_steps": 9})
    assert "warmup_ratio" not in recipe_values(space_of(ratio, steps), steps)
    changed = with_values(steps, {"warmup_ratio": 0.1, "lora.rank": 4, "learning_rate": 1e-4})
    assert (changed.warmup, changed.lora.rank, changed.lora.alpha, changed.rate) == (0.1, 4, 32, 1e-4)
    assert with_values(own, {"warmup_steps": 7}).warmup == 7


def test_a_warm_up_longer_than_the_training_is_refused() -> None:
    config = TrainConfig(epochs=2)
    with pytest.raises(ConfigError, match="goes to 200, a training with batch_size=32 has 126 steps") as caught:
        check_warmup(space_of(GUIDE, config), config, 2000)
    assert "search.space.warmup_ratio={low: 0.0, high: 0.2}" in str(caught.value)
    check_warmup(space_of(GUIDE, config), config, 4000)


BAD = [
    ({"space": {"learning_rate": {"low": 1e-3, "high": 1e-4}}}, "low 0.001 is above high 0.0001"),
    ({"space": {"learning_rate": {"low": 0, "high": 1e-4, "log": True}}}, "a logarithmic range begins above 0"),
    ({"space": {"batch_size": []}}, "search.space.batch_size: "),
    ({"space": {"batch_size": [0]}}, "search.space.batch_size.0: "),
    (
        {"space": {"warmup_steps": {"low": 1, "high": 2}, "warmup_ratio": {"low": 0, "high": 0.1}}},
        "warmup_steps and warmup_ratio say the same; leave one out",
    ),
    ({"space": {"lora": {"ranks": [8]}}}, "unknown key 'ranks'"),
    ({"trials": None}, "a search needs an end; set trials or minutes"),
    ({"prune": {"keep": 1}}, "search.prune.keep: "),
    ({"prune": {"at": [0.5, 1]}}, "search.prune.at.1: "),
]


@pytest.mark.parametrize(("tree", "words"), BAD)
def test_a_wrong_space_is_one_line(tree: dict[str, Any], words: str) -> None:
    from seekforge.core.config import Recipe

    recipe = {"name": "x", "model": "demo", "data": {"sources": [{"path": "x"}]}, "search": tree}
    with pytest.raises(ConfigError) as caught:
        validate(Recipe, recipe, "r.yaml")
    assert words in str(caught.value)


@given(st.integers(1, 400), st.integers(2, 12))
def test_validations_are_numbered_upwards_and_end_with_the_last(total: int, validations: int) -> None:
    every = -(-total // validations)
    steps = [*range(every, total, every), total]
    numbers = [number_of(step, total, validations) for step in steps]
    assert numbers == sorted(set(numbers))
    assert numbers[-1] == validations
    assert all(1 <= number <= validations for number in numbers)


CONFIG = TrainConfig.model_validate({"batch_size": 4, "learning_rate": 5e-3, "max_steps": 8})
SPACE = space_of(
    SearchSpace.model_validate(
        {
            "learning_rate": {"low": 1e-3, "high": 2e-2, "log": True},
            "batch_size": [4, 8],
            "warmup_steps": None,
            "lora": {"rank": [4, 16], "alpha": None},
        }
    ),
    CONFIG,
)


def study(folder: Path, prune: PruneConfig | None = None) -> Study:
    return Study(folder, SPACE, pruner_of(prune, 8), seed=7)


def drop(claim: Claim) -> None:
    """What the kernel does for a process that is killed: its locks are free, and nothing else happens."""
    claim.lock.close()


def take(found: Study, trials: int = 9) -> Claim:
    claim = found.claim(Budget(trials, None))
    assert claim is not None
    return claim


def test_the_recipe_is_first_and_two_processes_share_one_budget(tmp_path: Path) -> None:
    one, other = study(tmp_path), study(tmp_path)
    one.begin(recipe_values(SPACE, CONFIG))
    other.begin(recipe_values(SPACE, CONFIG))
    claims = [take(one, 3), take(other, 3), take(one, 3)]
    assert other.claim(Budget(3, None)) is None, "those that run count"
    assert claims[0].values == {"learning_rate": 5e-3, "batch_size": 4, "lora.rank": 16}
    assert len({claim.trial.number for claim in claims}) == 3
    assert len({claim.values["learning_rate"] for claim in claims}) == 3, "each draws its own values"
    other_rows = other.rows()
    assert [row.state for row in other_rows] == ["running"] * 3, "a trial whose process lives is left alone"
    one.complete(claims[0], 1.0, {"steps": 8}, "all 8 steps done")
    one.prune(claims[2], {}, "not among the best")
    other.fail(claims[1], "does not fit")
    assert [row.state for row in one.rows()] == ["complete", "failed", "pruned"]
    assert [row.recipe for row in one.rows()] == [True, False, False]
    assert not list((tmp_path / "trials").iterdir()), "nothing of a trial that has ended is kept"


def test_settings_outside_the_space_stay_with_the_recipe(tmp_path: Path) -> None:
    config = CONFIG.model_copy(update={"learning_rate": 0.5})
    found = study(tmp_path)
    found.begin(recipe_values(SPACE, config))
    first = take(found)
    assert first.values == {"batch_size": 4, "lora.rank": 16}
    assert with_values(config, first.values).rate == 0.5
    assert set(take(found).values) == set(SPACE)


def test_a_killed_trial_is_marked_failed_and_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    before = study(tmp_path)
    before.begin(recipe_values(SPACE, CONFIG))
    before.complete(take(before), 1.0, {}, "")
    killed = take(before)
    (killed.folder / "scratch").mkdir()
    drop(killed)
    after = study(tmp_path)
    again = take(after)
    assert (again.trial.number, again.resumed, again.values) == (2, 1, killed.values)
    assert (again.folder / "scratch").is_dir()
    assert not killed.folder.exists()
    after.complete(again, 0.9, {}, "")
    rows = after.rows()
    assert [(row.state, row.note) for row in rows][1] == ("failed", "its worker was killed")
    assert (rows[1].began, rows[2].attempts) == (None, 2), "how long it ran is not known"
    assert [row.number for row in counted(rows)] == [0, 2]


def test_what_is_killed_again_and_again_is_given_up(tmp_path: Path) -> None:
    found = study(tmp_path)
    found.begin(recipe_values(SPACE, CONFIG))
    tried = []
    for _ in range(4):
        claim = take(found)
        tried.append(claim.values)
        drop(claim)
    assert tried[0] == tried[1] == tried[2] != tried[3]
    assert [row.number for row in counted(found.rows())] == [2, 3], "it counts once"


def test_what_a_kill_right_after_the_end_leaves_is_removed(tmp_path: Path) -> None:
    found = study(tmp_path)
    found.begin(recipe_values(SPACE, CONFIG))
    claim = take(found)
    found.complete(claim, 1.0, {}, "")
    claim.folder.mkdir()
    running = take(found)
    assert not claim.folder.exists()
    assert running.folder.is_dir()


def test_a_trial_behind_the_others_is_given_up_and_the_time_too(tmp_path: Path) -> None:
    now = [0.0]

    def watch(claim: Claim) -> Any:
        return trial_module._Watch(claim.trial, total=80, validations=8, seconds=60.0, clock=lambda: now[0])

    found = study(tmp_path, PruneConfig(at=(0.25,)))
    found.begin(recipe_values(SPACE, CONFIG))
    first = take(found)
    whole = watch(first)
    for step, loss in ((10, 3.0), (20, 2.0), (20, 9.0), (80, 1.0)):
        whole(step, loss)
    found.complete(first, 1.0, {}, "")
    assert found.rows()[0].losses == {1: 3.0, 2: 2.0, 8: 1.0}, "what comes again after a rollback is not counted"
    behind = watch(take(found))
    behind(10, 5.0)
    with pytest.raises(optuna.TrialPruned, match="not among the best at step 20 of 80"):
        behind(20, 2.5)
    late = watch(take(found))
    late(10, 5.0)
    now[0] = 60.0
    with pytest.raises(optuna.TrialPruned, match="the search's time was over at step 20 of 80"):
        late(20, 1.5)


def test_the_recipes_own_trial_comes_to_its_end(tmp_path: Path) -> None:
    found = study(tmp_path, PruneConfig(at=(0.1,)))
    found.begin(recipe_values(SPACE, CONFIG))
    own, other = take(found), take(found)
    other.trial.report(1.0, 1)
    found.complete(other, 1.0, {}, "")
    watch = trial_module._Watch(own.trial, 80, 8, FOREVER, lambda: 0.0)
    watch(10, 5.0)
    assert own.trial.should_prune(), "any other trial would have been given up"


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Ready:
    folder = tiny.make(tmp_path_factory.mktemp("model"), "qwen2")
    tokenizer = load_tokenizer(folder)

    def split(count: int, start: int = 0) -> Encoded:
        return Encoded([e for r in tiny.records(count, start) for e in encode(r, tokenizer)], count, [])

    return Ready(folder, tokenizer, FAMILIES["qwen2"], {"train": split(32), "validation": split(8, 10_000)})


@pytest.fixture
def begun(ready: Ready, tmp_path: Path) -> Callable[..., tuple[Trials, Study]]:
    def begin(**settings: Any) -> tuple[Trials, Study]:
        config = CONFIG.model_copy(update=settings)
        found = study(tmp_path)
        found.begin(recipe_values(SPACE, config))
        return Trials(ready, config, 7, 4, None, Silent()), found

    return begin


def test_a_batch_that_does_not_fit_is_cut_into_pieces(
    begun: Callable[..., tuple[Trials, Study]], ready: Ready, monkeypatch: pytest.MonkeyPatch
) -> None:
    trials, found = begun(checkpointing=True)
    whole = CONFIG.model_copy(update={"checkpointing": True})
    peak = plan_of(ready, whole, Devices(1, Device("cpu", 1 << 40))).prediction.peak
    monkeypatch.setattr(trial_module, "this_device", lambda: Device("cpu", int(1.45 * peak) - 1))  # a byte too little
    trials.run(found, take(found), FOREVER)
    (row,) = found.rows()
    assert row.state == "complete", row.note
    used = row.facts["settings"]
    assert used["batch_size"] < 4
    assert used["batch_size"] * used["accumulate"] == 4
    assert used["evaluate_every"] == 2
    assert row.values["batch_size"] == 4, "what the sampler learns from is the size of a step"
    assert list(row.losses) == [1, 2, 3, 4]


def test_what_does_not_fit_at_all_fails_and_counts(
    begun: Callable[..., tuple[Trials, Study]], monkeypatch: pytest.MonkeyPatch
) -> None:
    trials, found = begun()
    monkeypatch.setattr(trial_module, "this_device", lambda: Device("cpu", 1 << 20))
    trials.run(found, take(found), FOREVER)
    (row,) = found.rows()
    assert (row.state, row.loss) == ("failed", None)
    assert "the cpu has 0.00 GiB free" in row.note
    assert found.claim(Budget(1, None)) is None


def test_a_trial_that_diverges_is_given_up_with_the_reason(
    begun: Callable[..., tuple[Trials, Study]], monkeypatch: pytest.MonkeyPatch
) -> None:
    trials, found = begun()

    def diverges(*_: object) -> None:
        raise SeekforgeError("training diverged before its first good checkpoint: the loss is not a number")

    monkeypatch.setattr(trial_module, "train", diverges)
    trials.run(found, take(found), FOREVER)
    assert [(row.state, row.note.partition(":")[0]) for row in found.rows()] == [
        ("pruned", "training diverged before its first good checkpoint")
    ]


@pytest.mark.parametrize("words", ["CUDA out of memory. Tried to", "DefaultCPUAllocator: can't allocate memory"])
def test_a_plan_that_was_wrong_ends_the_trial_and_not_the_search(
    words: str, begun: Callable[..., tuple[Trials, Study]], monkeypatch: pytest.MonkeyPatch
) -> None:
    trials, found = begun()

    def fails(*_: object) -> None:
        raise RuntimeError(words)

    monkeypatch.setattr(trial_module, "train", fails)
    trials.run(found, take(found), FOREVER)
    assert [(row.state, row.note) for row in found.rows()] == [("failed", "out of memory, against the plan")]
    words = "something else"
    with pytest.raises(RuntimeError, match="something else"):
        trials.run(found, take(found), FOREVER)


def test_settings_that_do_not_suit_the_model_end_the_search(begun: Callable[..., tuple[Trials, Study]]) -> None:
    wrong = CONFIG.lora.model_copy(update={"targets": ("query",)})
    trials, found = begun(lora=wrong)
    with pytest.raises(ConfigError, match="the model has no layer 'query'"):
        trials.run(found, take(found), FOREVER)


def test_the_budget_of_a_recipe_is_in_trials() -> None:
    assert (SearchConfig().trials, SearchConfig().minutes) == (12, None)
