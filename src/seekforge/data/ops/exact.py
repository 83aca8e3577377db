"""Exact duplicates: the same question with the same answer, case and white space aside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from seekforge.core.config import ExactConfig
from seekforge.core.records import Record
from seekforge.data.ops import Drop, OpResult
from seekforge.data.order import canonical
from seekforge.data.similarity import compact


def key(record: Record) -> tuple[str, str]:
    """What two records must share to be the same: the user's turns and the answer."""
    return compact(record.text), compact(record.answer)


class Exact:
    """Keeps the first record of each key: by split (test before train), then by id; input order does not matter.

    Args:
        config: Nothing to set.
    """

    name: ClassVar[str] = "exact"

    def __init__(self, config: ExactConfig) -> None:
        self.config = config

    def run(self, records: Sequence[Record]) -> OpResult:
        """Drops every repeated record; the reason names the one that stays."""
        first: dict[tuple[str, str], Record] = {}
        for record in sorted(records, key=canonical):
            first.setdefault(key(record), record)
        kept, drops = [], []
        for record in records:
            original = first[key(record)]
            if original is record:
                kept.append(record)
            else:
                drops.append(Drop(record, self.name, f"the same question and answer as {original.id}", original, 1.0))
        return OpResult(self.name, tuple(kept), tuple(drops))
