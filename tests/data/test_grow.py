"""Augmentation in the pipeline: children of training records only, none a repeat, none like a held-out record."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

from seekforge.core.config import DataConfig
from seekforge.core.config.augment import SynonymsConfig
from seekforge.core.errors import DataError
from seekforge.core.progress import Silent
from seekforge.core.records import Message, Record, read_records
from seekforge.data import DataResult, Work, pipeline, run_pipeline
from seekforge.data.engine import grow
from seekforge.data.ops import Grown, GrowOp, Keep, OpContext, Remove

Write = Callable[..., Path]
MakeConfig = Callable[..., DataConfig]
HELD_OUT = "a held-out question about a cheque that was lost abroad"


class Shout(GrowOp[int]):
    """Proposes each question in capitals with a mark, once as it is and once as a held-out one; refuses long ones."""

    name: ClassVar[str] = "shout"
    batch: ClassVar[int] = 7

    def __init__(self, config: SynonymsConfig, context: OpContext) -> None:
        assert context.scratch is not None
        assert context.scratch.name.endswith("-synonyms")

    def grow(self, records: Sequence[Record]) -> list[Grown]:
        found = []
        for record in records:
            assert record.split == "train"
            for text in (record.text.upper() + " NOW", record.text, HELD_OUT + f" {record.id}"):
                changed = replace(record, messages=(Message("user", text), record.messages[-1]))
                found.append(Grown(record, changed, "shouted", {"n": len(text)}))
        return found

    def measure(self, grown: Sequence[Grown]) -> list[int]:
        return [len(one.record.text) for one in grown]

    def decide(self, grown: Grown, statistic: int) -> Keep | Remove:
        long = statistic > 70
        return Remove(f"{statistic} characters (most 70)", "too long") if long else Keep(grown.record)


@pytest.fixture
def run(write: Write, config: MakeConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., DataResult]:
    def make(*more: dict[str, Any], folder: str = "out", rows: int = 20, progress: Silent | None = None) -> DataResult:
        for module in (grow, pipeline):
            monkeypatch.setattr(module, "build_grow", Shout)
        names = ["train"] * 18 + ["validation", "test"]
        data = [
            {"instruction": f"question {n} {n**5} {'x' * n}", "output": f"A{n}", "split": names[n % 20], "bank": n}
            for n in range(60)
        ]
        data.append({"instruction": HELD_OUT, "output": "A", "split": "test", "bank": 99})
        path = write("raw.jsonl", [*data, *more])
        made = config(path, split={"column": "split"}, augment=[SynonymsConfig()])
        (tmp_path / folder).mkdir()
        return run_pipeline(made, 7, progress, tmp_path / folder, Work(workers=1, rows=rows))

    return make


def test_children_join_the_training_set_and_say_whose_they_are(run: Callable[..., DataResult]) -> None:
    result = run()
    train = read_records(result.folder / "train.jsonl")
    children = [record for record in train if "parent" in record.meta]
    parents = {record.id: record for record in train if "parent" not in record.meta}
    assert len(parents) == 54
    assert len(children) == result.funnel[-1].added > 10
    assert train[: len(parents)] == list(parents.values())
    for child in children:
        parent = parents[str(child.meta["parent"])]
        assert child.text == parent.text.upper() + " NOW"
        assert child.id == f"{parent.id}~shout-1"
        assert (child.answer, child.meta["grown_by"], child.meta["bank"]) == (
            parent.answer,
            "shout",
            parent.meta["bank"],
        )
    assert len(result.splits.train) == len(train)
    assert [len(result.splits.test), len(result.splits.validation)] == [4, 3]
    assert len(result.drops) == 0


def test_repeats_and_leaks_and_bad_ones_are_refused_with_reasons(run: Callable[..., DataResult]) -> None:
    progress = Silent()
    result = run(progress=progress)
    step = result.funnel[-1]
    lines = (result.folder / "refused.jsonl").read_text(encoding="utf-8").splitlines()
    refused = [json.loads(line) for line in lines]
    assert len(refused) == step.refused == 3 * 54 - step.added
    assert step.reasons["exact duplicate"] > 30
    assert step.reasons["like a test record"] > 10
    assert step.reasons["too long"] > 5
    assert {row["kind"] for row in refused} == set(step.reasons)
    assert all(row["parent"] and row["reason"] and row["record"]["meta"]["grown_by"] == "shout" for row in refused)
    assert (step.kept, step.dropped) == (len(result.splits), 0)
    said = [line for line in progress.lines if "records added" in line]
    assert len(said) == 1
    assert f"{step.step}: {step.added:,} records added, {step.refused:,} refused, the first for: " in said[0]
    assert said[0].endswith("; all in refused.jsonl")


def test_shards_change_no_byte(run: Callable[..., DataResult]) -> None:
    one, other = run(folder="one", rows=1000), run(folder="two", rows=9)
    assert (one.folder / "train.jsonl").read_bytes() == (other.folder / "train.jsonl").read_bytes()


def test_an_id_that_a_child_would_get_is_refused(run: Callable[..., DataResult]) -> None:
    with pytest.raises(DataError, match="has the id that a grown one would get"):
        run({"id": "raw-1~shout-1", "instruction": "another thing", "output": "B", "split": "train"})
