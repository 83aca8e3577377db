"""The data stage as the runner sees it: its key, its files, its figures."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from itertools import zip_longest
from typing import Any, ClassVar

from seekforge.core.config import Recipe
from seekforge.core.gates import Measurement
from seekforge.core.stage import StageContext, StageResult
from seekforge.data.engine.tally import LENGTHS
from seekforge.data.outside import by_content
from seekforge.data.pipeline import Work, run_pipeline
from seekforge.data.result import REJECTED, DataResult
from seekforge.data.sources import check_sources

_SHOWN_DROPS = 12
_SHOWN_REJECTED = 5
_SHOWN_LABELS = 12


class DataStage:
    """Reads, cleans and splits; writes a file a split, `dropped.jsonl` and `rejected.jsonl`."""

    name: ClassVar[str] = "data"
    kind: ClassVar[str] = "dataset"
    version: ClassVar[int] = 2
    needs: ClassVar[tuple[str, ...]] = ()

    def config(self, recipe: Recipe) -> Mapping[str, Any]:
        """The data config with each file's name and hash in place of its path, and the seed.

        Raises:
            DataError: A file is missing.
        """
        check_sources(recipe.data)
        return {**by_content(recipe.data), "seed": recipe.seed}

    def run(self, context: StageContext) -> StageResult:
        """Works in the scratch folder, so that bad input leaves no half-written split behind."""
        started = time.perf_counter()
        recipe, machine = context.recipe, context.environment
        workers = machine.workers or (machine.cluster.workers if machine.cluster else None)
        work = Work(workers, machine.cluster is not None, scratch=context.scratch)
        result = run_pipeline(recipe.data, recipe.seed, context.progress, context.folder, work)
        seconds = time.perf_counter() - started
        return StageResult(str(result), tuple(_measurements(result, seconds, context)), details(result))


def details(result: DataResult) -> dict[str, Any]:
    """What the report shows: the funnel, the splits, examples of each reason, the leak check, distributions."""
    return {
        "funnel": [step.row() for step in result.funnel],
        "splits": {name: len(records) for name, records in result.splits},
        "drops": _some_of_each(result),
        "reasons": {name: dict(kinds) for name, kinds in result.reasons().items()},
        "notes": {step.step: dict(step.notes) for step in result.funnel if step.notes},
        "examples": [shown for step in result.funnel for found in step.examples.values() for shown in found],
        "rejected": _rejected(result),
        "distributions": {
            "lengths": {"from": list(LENGTHS), "before": result.before.lengths, "after": result.after.lengths},
            "labels": _both(result.before.labels, result.after.labels),
            "scripts": _both(result.before.scripts, result.after.scripts),
        },
        "leak": {"found": result.leak.found.to_dict(), "final": result.leak.final.to_dict()},
    }


def _measurements(result: DataResult, seconds: float, context: StageContext) -> Iterable[Measurement]:
    counts = {
        "read": (result.read, "Records read"),
        "kept": (len(result.splits), "Records kept"),
        "dropped": (len(result.drops), "Records dropped"),
        "rejected": (result.rejected, "Rows that are no records"),
        **{name: (len(records), f"Records in {name}") for name, records in result.splits},
        "duplicates": (result.dropped_by("exact", "minhash", "semantic"), "Duplicates dropped"),
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


def _some_of_each(result: DataResult) -> list[dict[str, Any]]:
    """Examples of dropped records: of every reason in turn, so that a busy op does not hide the others."""
    groups = [[shown for kind in step.reasons for shown in step.examples.get(kind, ())] for step in result.funnel]
    turns = [shown for turn in zip_longest(*filter(None, groups)) for shown in turn if shown is not None]
    chosen = turns[:_SHOWN_DROPS]
    order = [step.step for step in result.funnel]
    return sorted(chosen, key=lambda shown: order.index(shown["op"]))


def _rejected(result: DataResult) -> dict[str, Any]:
    rows: Iterator[dict[str, Any]] = result.rejections()
    examples = [
        {"where": row["where"], "reason": row["reason"], "raw": row["raw"][:300]}
        for row, _ in zip(rows, range(_SHOWN_REJECTED), strict=False)
    ]
    return {"rows": result.rejected, "file": REJECTED, "examples": examples}


def _both(before: Mapping[str, int], after: Mapping[str, int]) -> list[dict[str, Any]]:
    """The commonest names with their counts, the rest as one."""
    names = sorted(before, key=lambda name: (-before[name], name))
    shown = [{"name": name, "before": before[name], "after": after.get(name, 0)} for name in names[:_SHOWN_LABELS]]
    rest = names[_SHOWN_LABELS:]
    if rest:
        counts = {"before": sum(before[name] for name in rest), "after": sum(after.get(name, 0) for name in rest)}
        shown.append({"name": f"{len(rest)} more", **counts})
    return shown
