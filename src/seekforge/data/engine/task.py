"""One pass over one shard, as a worker does it: takes away what the last op dropped, runs ops, measures for the next.

What comes in is a chunk of a source or a shard of the pass before; what goes out lies in the pass's folder.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol, cast

from seekforge.core.config import Config, DataConfig, OpConfig
from seekforge.core.records import Record
from seekforge.data.chunks import Chunk, Rejected, read_chunk
from seekforge.data.columns import encoded, hashed, save, stack
from seekforge.data.engine.folder import Folder, line_of, read_lines, record_of, write_lines
from seekforge.data.engine.tally import Profile, Step
from seekforge.data.engine.verdicts import drop_from, read_verdicts
from seekforge.data.ops import Drop, Noted, OpContext, Ragged, Remove, RowOp, SetOp, build
from seekforge.data.ops.memory import drop_of, row_verdicts
from seekforge.data.order import canonical_text
from seekforge.data.sources import used_before

if TYPE_CHECKING:
    from numpy.typing import NDArray

PROBE, READ = "probe/", "read/"
_BATCH = 1024


class Probe(Protocol):
    """What a pass measures for a decision that is no op's: the split, the leak check. Picklable and cheap to make."""

    @property
    def name(self) -> str:
        """Of the step."""

    def measure(self, records: Sequence[Record]) -> Mapping[str, NDArray[Any] | Ragged]:
        """As in `SetOp`."""


@dataclass(frozen=True, slots=True)
class Pass:
    """One way over all shards.

    Attributes:
        folder: Where its files go.
        config: The data config.
        context: For ops.
        before: The pass whose shards come in; None for the first, which reads chunks.
        applied: The op whose verdicts lie in the folder before, and its step's number.
        rows: Row ops with their steps' numbers, in order.
        probe: What is measured of the records that are left, with its step's number.
    """

    folder: Folder
    config: DataConfig
    context: OpContext
    before: Folder | None = None
    applied: tuple[int, str] | None = None
    rows: tuple[tuple[int, OpConfig], ...] = ()
    probe: tuple[int, OpConfig | Probe] | None = None


@dataclass(frozen=True, slots=True)
class Shard:
    """One task: a pass, a shard's number, and for the first pass its chunk.

    Attributes:
        work: The pass.
        number: Of the shard.
        chunk: What to read.
        repeated: Rows of the chunk, counted among those that are records, whose id was used before, and where.
    """

    work: Pass
    number: int
    chunk: Chunk | None = None
    repeated: Mapping[int, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Flow:
    """The records on their way through a shard, each with its line as read where it is still the same."""

    records: list[Record]
    lines: list[str | None]
    steps: dict[int, Step] = field(default_factory=dict)

    def keep(self, rows: Sequence[int]) -> None:
        self.records = [self.records[row] for row in rows]
        self.lines = [self.lines[row] for row in rows]


def run_shard(shard: Shard) -> dict[str, Any]:
    """Does the pass over one shard, unless that was done before; returns what its mark says.

    Raises:
        SeekforgeError: What the sources or an op raise.
    """
    work, number = shard.work, shard.number
    known = work.folder.mark(number)
    if known is not None and known["repeated"] == len(shard.repeated):
        return known
    mark: dict[str, Any] = {"repeated": len(shard.repeated)}
    columns: dict[str, NDArray[Any] | Ragged] = {}
    flow = _read(shard, mark, columns) if shard.chunk else _resume(work, number)
    if work.applied is not None:
        _apply(work, number, flow)
    for step, config in work.rows:
        _row_op(work, number, flow, step, config)
    columns |= _measure(work, flow)
    _write(work, number, flow, columns)
    mark |= {"rows": len(flow.records), "steps": {place: step.to_dict() for place, step in flow.steps.items()}}
    work.folder.finish(number, mark)
    return mark


def _read(shard: Shard, mark: dict[str, Any], columns: dict[str, NDArray[Any] | Ragged]) -> _Flow:
    """Reads a chunk; rejected rows go to a file of their own."""
    import numpy as np

    step = Step("read")
    flow = _Flow([], [], {0: step})
    rejected: list[Rejected] = []
    numbers, names = [], []
    assert shard.chunk is not None
    with step.clock():
        for place, read in enumerate(_records(shard, shard.chunk, rejected)):
            if (before := shard.repeated.get(place)) is not None:
                rejected.append(read.rejected(used_before(read.record.id, before, read.where)))
                continue
            flow.records.append(read.record)
            numbers.append(read.row.number)
            names.append(read.record.id)
        profile = Profile()
        profile.count(flow.records)
    flow.lines = [None] * len(flow.records)
    step.kept = len(flow.records)
    columns[READ + "number"] = np.array(numbers, np.int64)
    columns[READ + "id"] = hashed(names)
    write_lines(shard.work.folder.file("rejected", shard.number), (line_of(bad.to_dict()) for bad in rejected))
    mark["rejected"] = sum(bad.rows for bad in rejected)
    mark["first_rejected"] = [rejected[0].error.what, rejected[0].where, rejected[0].error.mend] if rejected else None
    mark["before"] = profile.to_dict()
    return flow


def _records(shard: Shard, chunk: Chunk, rejected: list[Rejected]) -> Iterator[Any]:
    for read in read_chunk(chunk, shard.work.config):
        if isinstance(read, Rejected):
            rejected.append(read)
        else:
            yield read


def _resume(work: Pass, number: int) -> _Flow:
    assert work.before is not None
    lines: list[str | None] = list(read_lines(work.before.file("records", number)))
    return _Flow([record_of(line) for line in lines if line], lines)


def _apply(work: Pass, number: int, flow: _Flow) -> None:
    """Carries out the verdicts of a `SetOp`."""
    assert work.applied is not None and work.before is not None
    place, name = work.applied
    step = Step(name)
    with step.clock():
        verdicts = read_verdicts(work.before, number)
        drops, kept = [], []
        for row, record in enumerate(flow.records):
            verdict = verdicts.get(row)
            if verdict is None:
                kept.append(row)
            elif verdict["stays"]:
                kept.append(row)
                step.note(Noted(record, record, name, verdict["reason"], verdict["kind"], verdict["evidence"]))
            else:
                drop = drop_from(name, record, verdict)
                step.drop(drop, verdict["kept_row"])
                drops.append(drop)
        _finish_step(work, number, flow, step, place, drops, kept)


def _row_op(work: Pass, number: int, flow: _Flow, place: int, config: OpConfig) -> None:
    """Runs one `RowOp` over the shard."""
    op = opened(config, context_of(work.context, place, config.op))
    assert isinstance(op, RowOp)
    step = Step(op.name, private=op.private)
    with step.clock():
        drops: list[Drop] = []
        kept = []
        for row, (record, verdict) in enumerate(zip(flow.records, row_verdicts(op, flow.records), strict=True)):
            if isinstance(verdict, Remove):
                drop = drop_of(op.name, record, verdict, flow.records)
                step.drop(drop)
                drops.append(drop)
                continue
            kept.append(row)
            if verdict.note:
                step.note(Noted(record, verdict.record, op.name, verdict.note, verdict.kind, verdict.evidence))
            if verdict.record is not record and verdict.record != record:
                flow.records[row], flow.lines[row] = verdict.record, None
                step.changed += 1
        _finish_step(work, number, flow, step, place, drops, kept)


def _finish_step(
    work: Pass, number: int, flow: _Flow, step: Step, place: int, drops: Sequence[Drop], kept: Sequence[int]
) -> None:
    path = work.folder.file(f"drops/{place:03}", number)
    write_lines(path, (line_of(drop.to_dict()) for drop in drops))
    step.kept = len(kept)
    flow.keep(kept)
    flow.steps[place] = step


def _measure(work: Pass, flow: _Flow) -> dict[str, NDArray[Any] | Ragged]:
    """What the decision after this pass will see, with the index: ids, labels, splits, the canonical order."""
    found: dict[str, NDArray[Any] | Ragged] = {
        "id": encoded(record.id for record in flow.records),
        "label": encoded(record.label or "" for record in flow.records),
        "split": encoded(record.split or "" for record in flow.records),
        "order": encoded(canonical_text(record) for record in flow.records),
    }
    if work.probe is None:
        return found
    place, probe = work.probe
    op = opened(probe, context_of(work.context, place, probe.op)) if isinstance(probe, Config) else probe
    step = Step(op.name)
    size = op.batch if isinstance(op, SetOp) else _BATCH
    measure = cast(Callable[[Sequence[Record]], Mapping[str, Any]], op.measure)
    with step.clock():
        starts = range(0, max(1, len(flow.records)), size)
        columns = stack(measure(flow.records[start : start + size]) for start in starts)
    flow.steps[place] = step
    return found | {PROBE + name: column for name, column in columns.items()}


def _write(work: Pass, number: int, flow: _Flow, columns: Mapping[str, NDArray[Any] | Ragged]) -> None:
    pairs = zip(flow.records, flow.lines, strict=True)
    write_lines(work.folder.file("records", number), (line or line_of(record.to_dict()) for record, line in pairs))
    save(work.folder.file("columns", number, "npz"), columns)


def context_of(context: OpContext, place: int, name: str) -> OpContext:
    """The context of one op, with a folder of its own."""
    return replace(context, scratch=context.scratch and context.scratch / f"{place:03}-{name}")


def opened(config: Config, context: OpContext, make: Callable[..., Any] = build) -> Any:  # noqa: ANN401
    """The op that `make` makes of a config, opened, one a process."""
    return _opened(type(config), config.model_dump_json(), context, make)


@lru_cache(maxsize=64)
def _opened(kind: type[Config], config: str, context: OpContext, make: Callable[..., Any]) -> Any:  # noqa: ANN401
    op = make(kind.model_validate_json(config), context)
    op.open()
    return op
