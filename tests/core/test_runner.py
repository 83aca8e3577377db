"""The runner, with small stages of the tests' own: order, reuse, resume, what is made again and what is left behind."""

import errno
import json
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from seekforge.core import artifacts
from seekforge.core.config import Environment, Recipe
from seekforge.core.errors import ConfigError, DataError, ResourceError, SeekforgeError
from seekforge.core.gates import Measurement
from seekforge.core.progress import Silent
from seekforge.core.runner import Outcome, Plan, Runner, lineage, recipe_hash, verdicts
from seekforge.core.runs import events, open_run
from seekforge.core.stage import Stage, StageContext, StageResult

MakeRecipe = Callable[..., Recipe]
Work = Callable[[StageContext], None]


@dataclass
class Fake:
    """A stage that writes one file: its own setting, and its parents' files."""

    name: Any
    needs: Any = ()
    version: Any = 1
    kind: Any = "thing"
    setting: Callable[[Recipe], object] = field(default=lambda recipe: recipe.seed)
    work: Work | None = None
    calls: int = 0

    def config(self, recipe: Recipe) -> Mapping[str, Any]:
        return {"setting": self.setting(recipe)}

    def run(self, context: StageContext) -> StageResult:
        self.calls += 1
        if self.work:
            self.work(context)
        texts = [artifact.file("out.txt").read_text() for artifact in context.parents.values()]
        text = f"{self.name}({self.setting(context.recipe)} {' '.join(texts)})"
        (context.folder / "out.txt").write_text(text)
        figure = context.measure(f"{self.name}.length", len(text), "count", "Length")
        return StageResult(f"{len(text)} characters", (figure,), {"text": text})


@dataclass
class Bench:
    """Three stages in a row, and the running of them."""

    machine: Environment
    recipe: MakeRecipe
    stages: list[Fake]
    said: list[str] = field(default_factory=list)
    run_id: str = ""

    def go(
        self, redo_from: str | None = None, until: str | None = None, *, done: bool = True, **keys: object
    ) -> list[Outcome]:
        recipe = self.recipe(**keys)
        identity = recipe_hash(recipe, redo_from)
        plan = Plan(cast("list[Stage]", self.stages), redo_from, until)
        run = open_run(self.machine.runs, recipe.name, identity)
        progress, self.run_id = Silent(), run.id
        self.said = progress.lines
        outcomes = Runner(recipe, plan, run, self.machine, progress, ["seekforge", "run", "a b.yaml"]).execute()
        run.save(identity, done=done)
        return outcomes

    def statuses(self, *args: str | None, **keys: Any) -> list[str]:
        return [outcome.status for outcome in self.go(*args, **keys)]

    def calls(self) -> list[int]:
        return [stage.calls for stage in self.stages]


@pytest.fixture
def bench(machine: Environment, recipe: MakeRecipe) -> Bench:
    stages = [Fake("one"), Fake("two", ("one",), setting=lambda r: r.train.epochs), Fake("three", ("one", "two"))]
    return Bench(machine, recipe, stages)


def test_stages_run_in_order_and_get_their_parents(bench: Bench) -> None:
    outcomes = bench.go(seed=5)
    assert [(o.stage, o.status) for o in outcomes] == [("one", "ran"), ("two", "ran"), ("three", "ran")]
    made = [outcome.artifact for outcome in outcomes]
    assert made[0] and made[1] and made[2]
    assert made[2].file("out.txt").read_text() == "three(5 one(5 ) two(3 one(5 )))"
    assert made[2].parents == (made[0].content_hash, made[1].content_hash)
    assert made[0].measurements[0].how == "seekforge run 'a b.yaml' --from one"
    run = bench.machine.runs / bench.run_id
    assert [(e["event"], e["stage"]) for e in events(run)] == [
        (event, stage) for stage in ("one", "two", "three") for event in ("stage started", "stage finished")
    ]
    for outcome in outcomes:
        link = run / outcome.stage
        assert not link.readlink().is_absolute(), "the runs folder may be moved"
        assert outcome.artifact
        assert link.resolve() == outcome.artifact.folder.resolve()


def test_unchanged_inputs_are_reused_and_said_so(bench: Bench) -> None:
    bench.go()
    first = bench.run_id
    outcomes = bench.go()
    assert [outcome.status for outcome in outcomes] == ["reused"] * 3
    assert bench.calls() == [1, 1, 1]
    assert bench.run_id != first
    assert bench.said == [
        f"{o.stage:<9} reused   {o.artifact.summary} (inputs unchanged)" for o in outcomes if o.artifact
    ]
    assert {o.seconds for o in outcomes} == {0.0}


@pytest.mark.parametrize(
    ("keys", "statuses"),
    [
        ({"seed": 8}, ["ran", "ran", "ran"]),
        ({"train": {"epochs": 2}}, ["reused", "ran", "ran"]),
        ({"serve": {"requests": 3}}, ["reused", "reused", "reused"]),
        ({"name": "other"}, ["reused", "reused", "reused"]),
    ],
)
def test_what_a_stage_depends_on_decides(bench: Bench, keys: dict[str, object], statuses: list[str]) -> None:
    bench.go()
    assert bench.statuses(**keys) == statuses


def test_a_child_follows_its_parents_content_not_their_making(bench: Bench) -> None:
    bench.go()
    bench.stages[0].version = 2
    assert bench.statuses() == ["ran", "reused", "reused"], "made again, but the same bytes came out"
    bench.stages[0].setting = lambda recipe: "changed"
    assert bench.statuses() == ["ran", "ran", "ran"]


def test_going_back_finds_the_old_artifacts(bench: Bench) -> None:
    bench.go()
    bench.go(seed=8)
    assert bench.statuses() == ["reused"] * 3


def test_a_tampered_artifact_is_made_again(bench: Bench) -> None:
    before = bench.go()[1].artifact
    assert before
    (before.folder / "out.txt").write_text("two(3 one(7 )!")
    assert bench.statuses() == ["reused", "ran", "reused"]
    assert f"{before.folder.name}: files no longer match the manifest; made again" in bench.said
    after = artifacts.load(before.folder)
    assert after.content_hash == before.content_hash
    assert artifacts.verify(after)


def test_a_folder_without_a_manifest_is_made_again(bench: Bench) -> None:
    made = bench.go()[0].artifact
    assert made
    (made.folder / artifacts.MANIFEST).unlink()
    assert bench.statuses() == ["ran", "reused", "reused"]
    assert artifacts.verify(artifacts.load(made.folder))


def test_from_makes_that_stage_and_those_after_it_again(bench: Bench) -> None:
    bench.go()
    assert bench.statuses("two") == ["reused", "ran", "ran"]
    assert bench.calls() == [1, 2, 2]


def test_until_stops_after_that_stage(bench: Bench) -> None:
    outcomes = bench.go(None, "two")
    assert [o.status for o in outcomes] == ["ran", "ran", "not reached"]
    assert outcomes[2].artifact is None
    assert bench.calls() == [1, 1, 0]
    assert bench.statuses() == ["reused", "reused", "ran"]
    assert bench.statuses("one", "one") == ["ran", "not reached", "not reached"]


@pytest.mark.parametrize(
    ("redo_from", "until", "words"),
    [
        ("tow", None, "--from: unknown stage 'tow'. did you mean 'two'?"),
        (None, "thre", "--until: unknown stage 'thre'. did you mean 'three'?"),
        ("zzz", None, "known: one, three, two"),
        ("three", "one", "--from three comes after --until one"),
    ],
)
def test_stages_that_cannot_be_meant(bench: Bench, redo_from: str | None, until: str | None, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        bench.go(redo_from, until)
    assert words in str(caught.value)
    assert not bench.machine.runs.exists()


class Killed(BaseException):
    """Stands for kill -9 within this process; the real one is in tests/cli/test_kill_drill.py."""


def _die(context: StageContext) -> None:
    (context.scratch / "checkpoint").write_text("half way")
    raise Killed


def test_a_killed_run_is_taken_up_under_its_id(bench: Bench) -> None:
    bench.stages[1].work = _die
    with pytest.raises(Killed):
        bench.go()
    first, found = bench.run_id, []
    bench.stages[1].work = lambda context: found.append((context.scratch / "checkpoint").read_text())
    assert bench.statuses() == ["reused", "resumed", "ran"]
    assert bench.run_id == first
    assert found == ["half way"]
    assert "two       resuming" in bench.said
    assert bench.calls() == [1, 2, 1]
    assert bench.statuses() == ["reused"] * 3
    assert bench.run_id != first, "a finished run is not taken up"


def test_a_killed_run_with_from_does_not_begin_all_over(bench: Bench) -> None:
    bench.go()
    bench.stages[2].work = _die
    with pytest.raises(Killed):
        bench.go("two")
    assert bench.calls() == [1, 2, 2]
    bench.stages[2].work = None
    assert bench.statuses("two") == ["reused", "reused", "resumed"]
    assert bench.calls() == [1, 2, 3]


def test_from_holds_even_where_a_killed_run_had_finished_the_stage(bench: Bench) -> None:
    bench.stages[2].work = _die
    with pytest.raises(Killed):
        bench.go()
    bench.stages[2].work = None
    assert bench.statuses("one") == ["ran", "ran", "resumed"]


def _store(bench: Bench) -> list[str]:
    """Names of what lies in the store, without the hashes."""
    folder = bench.machine.runs / "artifacts"
    return sorted(path.name.partition("-")[0] + path.suffix for path in folder.iterdir())


def _refuse(context: StageContext) -> None:
    raise DataError("line 3 is wrong")


def test_a_stage_that_refuses_its_input_leaves_nothing(bench: Bench) -> None:
    bench.stages[0].work = _refuse
    with pytest.raises(DataError, match="line 3 is wrong"):
        bench.go()
    assert _store(bench) == []


def test_a_stage_that_fails_leaves_nothing_that_looks_finished(bench: Bench) -> None:
    def fail(context: StageContext) -> None:
        (context.folder / "out.txt").write_text("half")
        raise SeekforgeError("the engine broke")

    bench.stages[1].work = fail
    with pytest.raises(SeekforgeError, match="the engine broke"):
        bench.go()
    assert _store(bench) == [".one.lock", ".two.lock", "one", "two.partial"]
    finished = [e["stage"] for e in events(bench.machine.runs / bench.run_id) if e["event"] == "stage finished"]
    assert finished == ["one"]
    bench.stages[1].work = None
    assert bench.statuses() == ["reused", "resumed", "ran"]


@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), RuntimeError("I/O error: No space left on device")]
)
def test_a_full_disk_in_a_stage_is_one_line(bench: Bench, error: Exception) -> None:
    def fill(context: StageContext) -> None:
        (context.scratch / "checkpoint").write_text("kept")
        raise error

    bench.stages[1].work = fill
    with pytest.raises(ResourceError, match="Free some space and run the same command again"):
        bench.go()
    bench.stages[1].work = None
    assert bench.statuses() == ["reused", "resumed", "ran"]


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 256 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("only root may mount a small disk")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_disk_that_is_really_full(bench: Bench, tiny_disk: Path) -> None:
    bench.machine = Environment(tiny_disk / "runs", bench.machine.cache, "")

    def fill(context: StageContext) -> None:
        (context.scratch / "weights").write_bytes(bytes(1 << 20))

    bench.stages[1].work = fill
    with pytest.raises(ResourceError) as caught:
        bench.go()
    assert caught.value.exit_code == 2
    assert "no space left on the disk" in str(caught.value)
    assert "two.partial" in _store(bench)
    assert "two" not in _store(bench)
    for path in (tiny_disk / "runs" / "artifacts").rglob("weights"):
        path.unlink()  # the user frees some space
    bench.stages[1].work = None
    assert bench.statuses() == ["reused", "resumed", "ran"]


def test_gates_are_judged_on_what_was_reached(bench: Bench, recipe: MakeRecipe) -> None:
    gates = {"one.length": ">= 1", "two.length": "> 1000", "three.length": ">= 1", "one.other": ">= 1", "x.y": "== 0"}
    judged = verdicts(recipe(gates=gates), bench.go(None, "two"))
    assert {v.name: v.passed for v in judged} == {
        "one.length": True,
        "two.length": False,
        "one.other": False,
        "x.y": False,
    }
    assert isinstance(judged[0].value, float)


def test_a_standing_gate_is_judged_where_its_stage_was_reached(machine: Environment, recipe: MakeRecipe) -> None:
    outcomes = Bench(machine, recipe, [Fake("one"), Fake("parity", ("one",))]).go()
    judged = verdicts(recipe(gates={"one.length": ">= 1"}), outcomes)
    assert {v.name: v.passed for v in judged} == {"one.length": True, "parity.over_budget": False}
    assert verdicts(recipe(gates={}), outcomes) == []


def test_lineage_names_who_was_made_from_whom(bench: Bench) -> None:
    tree = lineage(bench.go(None, "two"))
    nodes = tree["artifacts"]
    assert [node["stage"] for node in nodes] == ["one", "two"]
    assert nodes[1]["parents"] == [nodes[0]["content_hash"]]
    assert nodes[1]["config"] == {"setting": 3.0}
    assert nodes[1]["folder"] == f"two-{nodes[1]['key'][:16]}"
    json.dumps(tree)


def test_a_measurement_carries_the_command_and_the_machine(bench: Bench) -> None:
    made = bench.go()[0].artifact
    assert made
    figure = made.measurements[0]
    assert figure == Measurement("one.length", 7.0, "count", figure.how, figure.where, "Length", "")
    assert "core" in figure.where
