"""One operation over records in memory: for notebooks and tests, and the smallest picture of what the pipeline does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from seekforge.core.records import Record
from seekforge.data.ops.protocol import Keep, Mark, Remove, RowOp, SetOp, Table
from seekforge.data.ops.result import Drop, Noted, OpResult
from seekforge.data.order import ranks_of


def apply(op: RowOp[Any] | SetOp, records: Sequence[Record]) -> OpResult:
    """Measures all records and carries out what the op decides.

    >>> from seekforge.core.config import ExactConfig
    >>> from seekforge.core.records import Message
    >>> from seekforge.data.ops import build
    >>> twins = [Record(name, (Message("user", "hi"), Message("assistant", "ok"))) for name in "ab"]
    >>> print(apply(build(ExactConfig()), twins))
    exact: 1 kept (0 changed), 1 dropped
    """
    op.open()
    verdicts: Iterable[Keep | Remove]
    verdicts = row_verdicts(op, records) if isinstance(op, RowOp) else set_verdicts(op, records)
    kept: list[Record] = []
    drops: list[Drop] = []
    noted: list[Noted] = []
    changed = 0
    for record, verdict in zip(records, verdicts, strict=True):
        if isinstance(verdict, Remove):
            drops.append(drop_of(op.name, record, verdict, records))
            continue
        kept.append(verdict.record)
        changed += verdict.record != record
        if verdict.note:
            noted.append(Noted(record, verdict.record, op.name, verdict.note, verdict.kind, verdict.evidence))
    return OpResult(op.name, tuple(kept), tuple(drops), changed, tuple(noted))


def row_verdicts(op: RowOp[Any], records: Sequence[Record]) -> Iterator[Keep | Remove]:
    """What a `RowOp` decides of each record, measured in its batches, one batch at a time."""
    for start in range(0, len(records), op.batch):
        batch = records[start : start + op.batch]
        yield from (op.decide(record, found) for record, found in zip(batch, op.measure(batch), strict=True))


def set_verdicts(op: SetOp, records: Sequence[Record]) -> list[Keep | Remove]:
    """What a `SetOp` decides of each record."""
    found = op.decide(table_of(op, records))
    verdicts: list[Keep | Remove] = []
    for row, record in enumerate(records):
        verdict = found.get(row)
        if isinstance(verdict, Mark):
            verdicts.append(Keep(record, verdict.note, verdict.kind, verdict.evidence))
        else:
            verdicts.append(verdict or Keep(record))
    return verdicts


def table_of(op: SetOp, records: Sequence[Record]) -> Table:
    """What the decision of a `SetOp` sees of these records, measured in one batch."""
    ids, labels, splits = ([getattr(record, name) for record in records] for name in ("id", "label", "split"))
    return Table(op.measure(records), ranks_of(records), ids, labels, splits)


def drop_of(op: str, record: Record, verdict: Remove, records: Sequence[Record]) -> Drop:
    """A verdict with the record that it is about."""
    kept_id = None if verdict.kept is None else records[verdict.kept].id
    return Drop(record, op, verdict.reason, kept_id, verdict.similarity, verdict.kind, verdict.evidence)
