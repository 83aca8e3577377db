"""Augmentation: new records made from the training records, shard by shard, each judged, then checked against all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from seekforge.core.config.augment import GrowConfig
from seekforge.core.progress import Progress
from seekforge.core.records import Record
from seekforge.data.engine.crew import Crew
from seekforge.data.engine.folder import Folder, line_of, read_lines, record_of, write_lines
from seekforge.data.engine.tally import Step
from seekforge.data.engine.task import context_of, opened
from seekforge.data.ops import GROW_OPS, Drop, Grown, GrowOp, OpContext, Remove, build_grow

GROWN, REFUSED = "grown", "refused"


@dataclass(frozen=True, slots=True)
class Growth:
    """One task: one op over the training records of one shard.

    Attributes:
        folder: Where the new records go.
        before: Where the splits' parts lie.
        number: Of the shard.
        place: The op's number among all steps.
        config: Of the op.
        context: For ops.
    """

    folder: Folder
    before: Folder
    number: int
    place: int
    config: GrowConfig
    context: OpContext


def grow(
    configs: Sequence[GrowConfig],
    first: int,
    parts: Folder,
    shards: int,
    context: OpContext,
    crew: Crew,
    progress: Progress,
) -> dict[int, tuple[Folder, Step]]:
    """Runs every op over every shard.

    Args:
        configs: Of the ops.
        first: The number of the first op's step.
        parts: Where the splits' parts lie.
        shards: How many there are.
        context: For ops.
        crew: Who does it.
        progress: Where to say how far it is.

    Returns:
        Step's number to the folder with what it proposed, and what was counted.
    """
    found: dict[int, tuple[Folder, Step]] = {}
    for place, config in enumerate(configs, first):
        folder = Folder(parts.path.parent / f"grow-{place:03}")
        tasks = [Growth(folder, parts, shard, place, config, context) for shard in range(shards)]
        step = Step(config.op)
        with progress.task(config.op, len(tasks)) as task:
            for mark in crew.map(run_growth, tasks, GROW_OPS.load(config.op).most_workers):
                step.add(Step.from_dict(mark["step"]))
                task.advance(note=f"{step.added:,} new")
        found[place] = folder, step
    return found


def run_growth(task: Growth) -> dict[str, Any]:
    """Proposes and judges, unless that was done before; returns what the mark says."""
    known = task.folder.mark(task.number)
    if known is not None:
        return known
    step = Step(task.config.op)
    accepted: list[dict[str, Any]] = []
    refused: list[dict[str, Any]] = []
    with step.clock():
        context = context_of(task.context, task.place, task.config.op)
        op: GrowOp[Any] = opened(task.config, context, build_grow)
        lines = read_lines(task.before.file("train", task.number))
        for batch in batches(map(record_of, lines), op.batch):
            for grown, remove in judged(op, batch):
                row = {"parent": grown.parent.id, "how": grown.how, "evidence": dict(grown.evidence)}
                if remove is None:
                    accepted.append({**row, "record": grown.record.to_dict()})
                    continue
                drop = Drop(grown.record, op.name, remove.reason, grown.parent.id, remove.similarity, remove.kind)
                step.refuse(replace(drop, evidence={**grown.evidence, **remove.evidence}))
                refused.append({**row, "reason": remove.reason, "kind": drop.kind, "record": grown.record.to_dict()})
    step.added = len(accepted)
    write_lines(task.folder.file(GROWN, task.number), map(line_of, accepted))
    write_lines(task.folder.file(REFUSED, task.number), map(line_of, refused))
    mark = {"step": step.to_dict()}
    task.folder.finish(task.number, mark)
    return mark


def judged(op: GrowOp[Any], records: Sequence[Record]) -> Iterator[tuple[Grown, Remove | None]]:
    """What an op makes of training records, each with the reason why it is not added, if there is one.

    The new record has an id of its own (`parent~op-1`), the split `train`, and says in its `meta` whose child it is.
    """
    grown = op.grow(records)
    counts: dict[str, int] = {}
    for one, statistic in zip(grown, op.measure(grown), strict=True):
        parent = one.parent
        verdict = op.decide(one, statistic)
        changed = one.record if isinstance(verdict, Remove) else verdict.record
        counts[parent.id] = number = counts.get(parent.id, 0) + 1
        meta = {**parent.meta, "parent": parent.id, "grown_by": op.name}
        record = replace(changed, id=f"{parent.id}~{op.name}-{number}", split="train", meta=meta)
        yield replace(one, record=record), verdict if isinstance(verdict, Remove) else None


def batches(records: Iterator[Record], size: int) -> Iterator[list[Record]]:
    """The records in lists of so many, the last one shorter."""
    batch: list[Record] = []
    for record in records:
        batch.append(record)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
