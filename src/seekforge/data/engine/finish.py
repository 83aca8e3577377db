"""The end of the way: divides the clean shards, checks for leaks, and writes each split's file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, overload

from seekforge.core.config import DataConfig, LeakConfig, SplitConfig
from seekforge.core.errors import DataError
from seekforge.core.progress import Progress
from seekforge.core.records import Record
from seekforge.data.columns import Strings, encoded
from seekforge.data.engine.crew import Crew
from seekforge.data.engine.decide import table_of
from seekforge.data.engine.folder import Folder
from seekforge.data.engine.output import Output, run_output
from seekforge.data.engine.passes import Cleaned, record_at
from seekforge.data.engine.verdicts import write_verdicts
from seekforge.data.leak import SEED, LeakReport, LeakTable, field_texts, questions, settle_rows
from seekforge.data.ops import Ragged
from seekforge.data.order import SPLITS
from seekforge.data.similarity import band_keys
from seekforge.data.split import assign, group_digests, refuse_empty

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LEAK = "leak"


@dataclass(frozen=True, slots=True)
class Probe:
    """What the last pass measures of each record, for the split and the leak check.

    Attributes:
        split: How records are divided.
        leak: What is checked.
        seed: Of the split.
        name: Of the step.
    """

    split: SplitConfig
    leak: LeakConfig
    seed: int
    name: str = LEAK

    def measure(self, records: Sequence[Record]) -> Mapping[str, NDArray[Any] | Ragged]:
        """Group, shingles, bucket keys and, where fields must differ, their values."""
        sets, same = questions(records, self.leak.shingle)
        columns: dict[str, NDArray[Any] | Ragged] = {
            "sets": sets,
            "keys": band_keys(sets, self.leak.threshold, seed=SEED),
            "same": same,
        }
        if self.split.column is None:
            columns["group"] = group_digests(records, self.split.by, self.seed)
        if self.leak.disjoint:
            found = (field_texts(record, self.leak.disjoint) for record in records)
            columns["fields"] = encoded(json.dumps(fields, ensure_ascii=False) for fields in found)
        return columns


class _Fields(Sequence[Mapping[str, Sequence[str]]]):
    """The fields of each record, parsed when they are asked for."""

    def __init__(self, texts: Strings) -> None:
        self._texts = texts

    def __len__(self) -> int:
        return len(self._texts)

    @overload
    def __getitem__(self, index: int) -> Mapping[str, Sequence[str]]: ...
    @overload
    def __getitem__(self, index: slice) -> list[Mapping[str, Sequence[str]]]: ...
    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return [json.loads(text) for text in self._texts[index]]
        return json.loads(self._texts[index])


@dataclass(frozen=True, slots=True)
class Divided:
    """What the end found.

    Attributes:
        sizes: Records in each split.
        found: The leak check on the splits as they came.
        final: The check on what is left.
        marks: Of each shard, what was counted as it was written.
    """

    sizes: dict[str, int]
    found: LeakReport
    final: LeakReport
    marks: Sequence[Mapping[str, Any]]


def finish(done: Cleaned, config: DataConfig, output: Folder, crew: Crew, progress: Progress) -> Divided:
    """Divides, checks, and writes shards of each split.

    Raises:
        DataError: A split would be empty, all training records leak, or no record has a field that is checked.
    """
    import numpy as np

    table = _table(done, config)
    refuse_empty(_sizes(table.split), config.split)
    gone, found, final = settle_rows(table, config.leak)
    if len(gone) == (table.split == SPLITS.index("train")).sum():
        reason = next(iter(gone.values())).reason if gone else ""
        raise DataError(
            f"all {len(gone):,} training records leak into the test, such as: {reason}",
            where="data.leak",
            mend="Split by what they share (data.split.by), or shorten data.leak.disjoint",
        )
    write_verdicts(done.folder, done.shards, gone, table.ids)
    place = table.split.copy()
    place[list(gone)] = -1
    ends = np.cumsum(done.shards)
    tasks = []
    for shard, part in enumerate(np.split(place, ends[:-1])):
        tasks.append(Output(output, done.folder, shard, part.tobytes(), len(config.ops) + 1))
    marks = []
    with progress.task("write", len(tasks)) as task:
        for mark in crew.map(run_output, tasks):
            marks.append(mark)
            task.advance()
    return Divided(_sizes(place), found, final, marks)


def _sizes(place: NDArray[np.int8]) -> dict[str, int]:
    return {name: int((place == number).sum()) for number, name in enumerate(SPLITS)}


def _table(done: Cleaned, config: DataConfig) -> LeakTable:
    """All that the split and the check see."""
    import numpy as np

    table = table_of(done.folder, len(done.shards))
    if config.split.column:
        codes = {name: number for number, name in enumerate(SPLITS)}
        place = np.fromiter((codes[str(name)] for name in table.splits), np.int8, len(table))
    else:
        place = assign(table.array("group"), table.labels, config.split)
    return LeakTable(
        place,
        table.rank,
        table.ids,
        table.ragged("sets"),
        table.array("same"),
        table.array("keys"),
        _Fields(Strings(table.ragged("fields"))) if config.leak.disjoint else None,
        lambda: _known(done, place),
    )


def _known(done: Cleaned, place: NDArray[np.int8]) -> Sequence[str]:
    """Names of the fields of the first test record."""
    first = (place == SPLITS.index("test")).nonzero()[0][:1].tolist()
    return [name for row in first for name in record_at(done.folder, done.shards, row).meta]
