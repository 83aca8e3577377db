"""The whole way from files to splits, in memory: read, clean, divide, check for leaks; each step can be looked at."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from seekforge.core.config import DataConfig
from seekforge.core.errors import DataError
from seekforge.core.progress import Progress, Silent
from seekforge.core.records import Record
from seekforge.data.leak import LeakResult, settle
from seekforge.data.ops import Drop, OpContext, OpResult, build
from seekforge.data.ops.memory import apply
from seekforge.data.sources import read_sources
from seekforge.data.split import Splits, divide, refuse_empty

_NOTE_EVERY = 1000


@dataclass(frozen=True, slots=True)
class Step:
    """One row of the funnel: what a step kept, dropped and changed."""

    step: str
    kept: int
    dropped: int = 0
    changed: int = 0

    def to_dict(self) -> dict[str, str | int]:
        """As the report shows it."""
        return {"step": self.step, "kept": self.kept, "dropped": self.dropped, "changed": self.changed}


@dataclass(frozen=True, slots=True)
class DataResult:
    """What became of every record: those in `splits` and those in `drops` together are all that were read.

    Attributes:
        read: Records read.
        splits: What is kept.
        funnel: Step by step, reading first.
        drops: Every dropped record with its reason, in the order of the steps.
        leak: The check between train and test.
    """

    read: int
    splits: Splits
    funnel: tuple[Step, ...]
    drops: tuple[Drop, ...]
    leak: LeakResult

    def dropped_by(self, *steps: str) -> int:
        """How many records these steps dropped."""
        return sum(drop.op in steps for drop in self.drops)

    def __str__(self) -> str:
        """One line: `1,500 read, 1,213 kept: 900 train, 110 validation, 203 test`."""
        parts = ", ".join(f"{len(records):,} {name}" for name, records in self.splits)
        return f"{self.read:,} read, {len(self.splits):,} kept: {parts}"


def run_pipeline(config: DataConfig, seed: int = 7, progress: Progress | None = None) -> DataResult:
    """Reads, cleans, divides and checks.

    Args:
        config: What to read and how to clean it.
        seed: Of the random split.
        progress: Where to say how far it is; by default nowhere.

    Raises:
        DataError: A file or record cannot be used, or a split would be empty.
    """
    progress = progress or Silent()
    records = tuple(_read(config, progress))
    funnel = [Step("read", len(records))]
    drops: list[Drop] = []
    context = OpContext(config.labels, config.label_field, seed)
    with progress.task("clean", len(config.ops)) as task:
        for op_config in config.ops:
            result: OpResult = apply(build(op_config, context), records)
            records = result.kept
            drops += result.drops
            funnel.append(Step(result.op, len(result.kept), len(result.drops), result.changed))
            task.advance(note=str(result))
    leak = settle(divide(records, config.split, seed), config.leak)
    if not leak.splits.train:
        raise DataError(
            f"all {len(leak.drops):,} training records leak into the test, such as: {leak.drops[0].reason}",
            where="data.leak",
            mend="Split by what they share (data.split.by), or shorten data.leak.disjoint",
        )
    refuse_empty(leak.splits, config.split)
    funnel.append(Step("leak", len(leak.splits), len(leak.drops)))
    return DataResult(funnel[0].kept, leak.splits, tuple(funnel), (*drops, *leak.drops), leak)


def _read(config: DataConfig, progress: Progress) -> Iterable[Record]:
    """Records as they come; the total is not known before the end, so the count is the note."""
    with progress.task("read", len(config.sources)) as task:
        for count, record in enumerate(read_sources(config), 1):
            if count % _NOTE_EVERY == 0:
                task.advance(0, f"{count:,} records")
            yield record
        task.advance(len(config.sources))
