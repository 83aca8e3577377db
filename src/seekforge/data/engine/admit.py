"""Which grown records join the training set: none that repeats another one, none that is like a held-out one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seekforge.core.config import LeakConfig
from seekforge.core.errors import DataError
from seekforge.core.records import Record
from seekforge.data.columns import hashed, stack
from seekforge.data.engine.folder import Folder, line_of, read_lines, record_of, write_lines
from seekforge.data.engine.grow import GROWN, REFUSED, batches
from seekforge.data.engine.tally import Profile, Step
from seekforge.data.leak import LeakTable, questions, settle_rows
from seekforge.data.ops import Drop, Ragged
from seekforge.data.ops.exact import firsts, key
from seekforge.data.order import SPLITS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_BATCH = 1024
_HELD = ("test", "validation")


@dataclass(frozen=True, slots=True)
class Admitted:
    """What joined.

    Attributes:
        files: The lines of the new training records, in order.
        refused: The lines of all that was proposed and not added.
        profile: What the new ones are like.
    """

    files: Sequence[Path]
    refused: Sequence[Path]
    profile: Profile


def admit(grown: Mapping[int, tuple[Folder, Step]], parts: Folder, shards: int, config: LeakConfig) -> Admitted:
    """Checks what was accepted, writes what joins, and counts the rest as refused.

    Args:
        grown: Of `grow`: by step, where the new records lie and what was counted.
        parts: Where the splits' parts lie.
        shards: How many there are.
        config: Of the leak check; what leaks never joins, whatever `drop` says.

    Raises:
        DataError: A new record's id is an old one's.
    """
    sources = [(folder, step, shard) for folder, step in grown.values() for shard in range(shards)]
    reasons = _repeated(parts, shards, sources) | _leaking(parts, shards, sources, config)
    files, refused = [], []
    profile = Profile()
    row = 0
    for folder, step, shard in sources:
        joins, stays_out = [], []
        for found in map(json.loads, read_lines(folder.file(GROWN, shard))):
            record = Record.from_dict(found["record"])
            if (reason := reasons.get(row)) is None:
                joins.append(line_of(record.to_dict()))
                profile.count([record])
            else:
                step.added -= 1
                step.refuse(Drop(record, step.step, reason[0], found["parent"], None, reason[1], found["evidence"]))
                stays_out.append(line_of({**found, "reason": reason[0], "kind": reason[1]}))
            row += 1
        files.append(folder.file("joins", shard))
        refused += [folder.file(REFUSED, shard), folder.file("out", shard)]
        write_lines(files[-1], joins)
        write_lines(refused[-1], stays_out)
    return Admitted(files, refused, profile)


_Sources = Sequence[tuple[Folder, Step, int]]
_Reasons = dict[int, tuple[str, str]]


def _new(sources: _Sources) -> Iterator[Record]:
    for folder, _, shard in sources:
        for line in read_lines(folder.file(GROWN, shard)):
            yield Record.from_dict(json.loads(line)["record"])


def _old(parts: Folder, shards: int, names: Sequence[str]) -> Iterator[Record]:
    for name in names:
        for path in parts.files(name, shards):
            yield from map(record_of, read_lines(path))


def _repeated(parts: Folder, shards: int, sources: _Sources) -> _Reasons:
    """Rows of the new records that say what another record says, an old one or an earlier new one."""
    import numpy as np

    old = _hashes(_old(parts, shards, SPLITS))
    new = _hashes(_new(sources))
    if _shared(old["id"], new["id"]):
        raise DataError(
            "a record has the id that a grown one would get", where="data.augment", mend="Give ids without `~`"
        )
    keys = np.concatenate([old["key"], new["key"]])
    order, first = firsts(keys, np.arange(len(keys)))
    begin = len(old["key"])
    gone = order[(first != order) & (order >= begin)] - begin
    return {int(row): ("the same question and answer as another record", "exact duplicate") for row in gone}


def _hashes(records: Iterator[Record]) -> dict[str, NDArray[np.uint64]]:
    """The hash of what each record says, and of its id; shape (records, 2)."""
    ids: list[NDArray[np.uint64]] = [hashed([])]
    keys: list[NDArray[np.uint64]] = [hashed([])]
    for batch in batches(records, _BATCH):
        ids.append(hashed([record.id for record in batch]))
        keys.append(hashed([key(record) for record in batch]))
    import numpy as np

    return {"id": np.concatenate(ids), "key": np.concatenate(keys)}


def _shared(one: NDArray[np.uint64], other: NDArray[np.uint64]) -> bool:
    import numpy as np

    both = np.concatenate([np.unique(one, axis=0), np.unique(other, axis=0)])
    return len(np.unique(both, axis=0)) < len(both)


def _leaking(parts: Folder, shards: int, sources: _Sources, config: LeakConfig) -> _Reasons:
    """Rows of the new records that are like a held-out one."""
    import numpy as np

    held = [sum(1 for path in parts.files(name, shards) for _ in read_lines(path)) for name in _HELD]
    columns: list[Mapping[str, NDArray[Any] | Ragged]] = []
    ids: list[str] = []
    for batch in batches(chain(_old(parts, shards, _HELD), _new(sources)), _BATCH):
        sets, same = questions(batch, config.shingle)
        columns.append({"sets": sets, "same": same})
        ids += [record.id for record in batch]
    if sum(held) in (0, len(ids)):
        return {}
    all_sets, all_same = stack(columns).values()
    assert isinstance(all_sets, Ragged) and not isinstance(all_same, Ragged)
    places = [SPLITS.index(name) for name in (*_HELD, "train")]
    split = np.repeat(np.array(places, np.int8), [*held, len(ids) - sum(held)])
    table = LeakTable(split, np.arange(len(split)), ids, all_sets, all_same)
    gone, _, _ = settle_rows(table, config.model_copy(update={"disjoint": (), "drop": True}))
    return {row - sum(held): (remove.reason, remove.kind) for row, remove in gone.items()}
