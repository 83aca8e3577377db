"""The data stage as the runner sees it: its key, its files, its figures."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any, ClassVar

from seekforge.core.config import Recipe
from seekforge.core.files import disk_errors
from seekforge.core.gates import Measurement
from seekforge.core.records import write_records
from seekforge.core.stage import StageContext, StageResult
from seekforge.data.ops import Drop
from seekforge.data.outside import by_content
from seekforge.data.pipeline import DataResult, run_pipeline
from seekforge.data.sources import check_sources

DROPPED = "dropped.jsonl"
_SHOWN_DROPS = 12
_SHOWN_CHARACTERS = 300


class DataStage:
    """Reads, cleans and splits; writes `train.jsonl`, `validation.jsonl`, `test.jsonl` and `dropped.jsonl`."""

    name: ClassVar[str] = "data"
    kind: ClassVar[str] = "dataset"
    version: ClassVar[int] = 1
    needs: ClassVar[tuple[str, ...]] = ()

    def config(self, recipe: Recipe) -> Mapping[str, Any]:
        """The data config with each file's name and hash in place of its path, and the seed.

        Raises:
            DataError: A file is missing.
        """
        check_sources(recipe.data)
        return {**by_content(recipe.data), "seed": recipe.seed}

    def run(self, context: StageContext) -> StageResult:
        """Does everything in memory first, so that a bad record leaves no half-written split behind."""
        started = time.perf_counter()
        result = run_pipeline(context.recipe.data, context.recipe.seed, context.progress)
        seconds = time.perf_counter() - started
        for name, records in result.splits:
            write_records(context.folder / f"{name}.jsonl", records)
        _write_drops(context.folder / DROPPED, result.drops)
        return StageResult(str(result), tuple(_measurements(result, seconds, context)), details(result))


def details(result: DataResult) -> dict[str, Any]:
    """What the report shows: the funnel, the splits by label, some drops of each kind, the leak check."""
    known = [record for _, records in result.splits for record in records] + [drop.record for drop in result.drops]
    texts = {record.id: record.text for record in known}
    return {
        "funnel": [step.to_dict() for step in result.funnel],
        "splits": {name: len(records) for name, records in result.splits},
        "drops": [_shown(drop, texts) for drop in _some_of_each(result.drops)],
        "leak": {"found": result.leak.found.to_dict(), "final": result.leak.final.to_dict()},
    }


def _measurements(result: DataResult, seconds: float, context: StageContext) -> Iterable[Measurement]:
    counts = {
        "read": (result.read, "Records read"),
        "kept": (len(result.splits), "Records kept"),
        "dropped": (len(result.drops), "Records dropped"),
        **{name: (len(records), f"Records in {name}") for name, records in result.splits},
        "duplicates": (result.dropped_by("exact", "minhash"), "Duplicates dropped"),
    }
    for name, (count, title) in counts.items():
        yield context.measure(f"data.{name}", count, "count", title)
    yield context.measure(
        "data.leaks",
        result.leak.final.count,
        "count",
        "Test records that leak into training",
        "Set data.leak.drop to true, or split by what they share (data.split.by)",
    )
    yield context.measure("data.seconds_per_1000", 1000 * seconds / result.read, "seconds", "Time for 1,000 records")


def _write_drops(path: Path, drops: Sequence[Drop]) -> None:
    with disk_errors(path), path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(drop.to_dict(), ensure_ascii=False) + "\n" for drop in drops)


def _some_of_each(drops: Sequence[Drop]) -> list[Drop]:
    """The first drops of every op, in turn, so that a busy op does not hide the others."""
    by_op: dict[str, list[Drop]] = {}
    for drop in drops:
        by_op.setdefault(drop.op, []).append(drop)
    turns = [drop for turn in zip_longest(*by_op.values()) for drop in turn if drop is not None][:_SHOWN_DROPS]
    return sorted(turns, key=lambda drop: list(by_op).index(drop.op))


def _shown(drop: Drop, texts: Mapping[str, str]) -> dict[str, str]:
    kept = texts[drop.kept_id] if drop.kept_id else ""
    return {
        "op": drop.op,
        "id": drop.record.id,
        "reason": drop.reason,
        "text": _clip(drop.record.text),
        "kept_text": _clip(kept),
    }


def _clip(text: str) -> str:
    return text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 1] + "…"
