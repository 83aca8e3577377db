"""What the data stage made, for a notebook: files that are read when they are asked for, never held in memory."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from heapq import nsmallest
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from seekforge.core.records import Record, iterate_records
from seekforge.data.engine.tally import Profile, Step
from seekforge.data.leak import LeakReport
from seekforge.data.ops import Drop
from seekforge.data.order import SPLITS

DROPPED, REJECTED, REFUSED = "dropped.jsonl", "rejected.jsonl", "refused.jsonl"


@dataclass(frozen=True, slots=True)
class RecordFile:
    """The records of one file, read anew by each loop.

    Attributes:
        path: The file.
        size: Records in it.
        temporary: The folder that goes when nothing of the result is held any more, where nobody named one.
    """

    path: Path
    size: int
    temporary: TemporaryDirectory[str] | None = field(default=None, repr=False, compare=False)

    def __len__(self) -> int:
        """Records."""
        return self.size

    def __iter__(self) -> Iterator[Record]:
        """One record after the other."""
        yield from iterate_records(self.path)


@dataclass(frozen=True, slots=True)
class SplitFiles:
    """The three splits."""

    train: RecordFile
    validation: RecordFile
    test: RecordFile

    def __iter__(self) -> Iterator[tuple[str, RecordFile]]:
        """Names and records, train first."""
        return zip(SPLITS, (self.train, self.validation, self.test), strict=True)

    def __len__(self) -> int:
        """Records in all three."""
        return len(self.train) + len(self.validation) + len(self.test)


@dataclass(frozen=True, slots=True)
class DropFile:
    """The dropped records, in the order of the steps, read anew by each loop.

    Attributes:
        path: The file `dropped.jsonl`.
        size: Records in it.
        temporary: As of `RecordFile`.
    """

    path: Path
    size: int
    temporary: TemporaryDirectory[str] | None = field(default=None, repr=False, compare=False)

    def __len__(self) -> int:
        """Records."""
        return self.size

    def __iter__(self) -> Iterator[Drop]:
        """One after the other."""
        with self.path.open(encoding="utf-8") as file:
            for line in file:
                yield Drop.from_dict(json.loads(line))


@dataclass(frozen=True, slots=True)
class LeakFound:
    """The check on the splits as they came, and on what is left."""

    found: LeakReport
    final: LeakReport


@dataclass(frozen=True, slots=True)
class DataResult:
    """What became of every row: those in `splits`, in `drops` and in `rejected` together are all that were read.

    Attributes:
        folder: Where the files lie.
        read: Records read.
        rejected: Rows of the sources that are no records; they stand in `rejected.jsonl`.
        splits: What is kept.
        funnel: Step by step, reading first: what each kept, dropped and changed, why, and in what time.
        drops: Every dropped record with its reason.
        leak: The check between train and test.
        before: What the records were like when they were read.
        after: What those that are kept are like.
        temporary: As of `RecordFile`.
    """

    folder: Path
    read: int
    rejected: int
    splits: SplitFiles
    funnel: tuple[Step, ...]
    drops: DropFile
    leak: LeakFound
    before: Profile
    after: Profile
    temporary: TemporaryDirectory[str] | None = None

    def dropped_by(self, *steps: str) -> int:
        """How many records these steps dropped."""
        return sum(step.dropped for step in self.funnel if step.step in steps)

    def drops_by(self, step: str, kind: str | None = None) -> Iterator[Drop]:
        """The records that a step dropped, all or those of one kind of reason."""
        return (drop for drop in self.drops if drop.op == step and kind in (None, drop.kind))

    def sample(self, step: str, count: int, kind: str | None = None, seed: int = 0) -> list[Drop]:
        """Some of them, drawn at random; the same seed draws the same."""
        return nsmallest(count, self.drops_by(step, kind), key=lambda drop: _draw(seed, drop.record.id))

    def reasons(self) -> Mapping[str, Mapping[str, int]]:
        """How many records each step dropped, by kind of reason."""
        return {step.step: dict(step.reasons) for step in self.funnel if step.reasons}

    def rejections(self) -> Iterator[dict[str, Any]]:
        """The rows that are no records: `where`, `reason`, `mend` and the `raw` text."""
        with (self.folder / REJECTED).open(encoding="utf-8") as file:
            for line in file:
                yield json.loads(line)

    def __str__(self) -> str:
        """One line: `1,500 read, 1,213 kept: 900 train, 110 validation, 203 test`."""
        parts = ", ".join(f"{len(records):,} {name}" for name, records in self.splits)
        bad = f", {self.rejected:,} rejected ({REJECTED})" if self.rejected else ""
        return f"{self.read:,} read{bad}, {len(self.splits):,} kept: {parts}"


def _draw(seed: int, name: str) -> bytes:
    return blake2b(f"{seed} {name}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
