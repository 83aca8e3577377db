"""Leakage against test sets in other files: the same question, a near one, or one that a record quotes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from seekforge.core.config import LeakageConfig
from seekforge.core.records import Record
from seekforge.data.known import KnownTests, Likeness, read_tests
from seekforge.data.ops.protocol import Keep, OpContext, Remove, RowOp

_HELD_OUT = frozenset({"test", "validation"})
_KINDS = {"exact": "in a test set", "near": "like a test question", "runs": "holds a test question"}
_SHOWN = 200


class Leakage(RowOp[Likeness | None]):
    """Compares training records with test files outside of the dataset; test and validation records stay.

    Args:
        config: The files and thresholds.
        context: Not used.
    """

    name: ClassVar[str] = "leakage"

    def __init__(self, config: LeakageConfig, context: OpContext) -> None:
        self.config = config
        self._tests: KnownTests | None = None

    def open(self) -> None:
        """Reads the test files.

        Raises:
            DataError: One cannot be read, or two records have one id.
        """
        config = self.config
        self._tests = KnownTests(read_tests(config.against), config.threshold, config.shingle, config.ngram)

    def measure(self, records: Sequence[Record]) -> list[Likeness | None]:
        """The test record that each training record is most like."""
        assert self._tests is not None
        return self._tests.likest(records)

    def decide(self, record: Record, statistic: Likeness | None) -> Keep | Remove:
        """Exact and near by the question, quoted by all that the record says."""
        if statistic is None or record.split in _HELD_OUT or not self._is_leak(statistic):
            return Keep(record)
        config, found = self.config, statistic
        where = f"{found.test} of {found.file}"
        reason = {
            "exact": f"the same question as {where}",
            "near": f"{found.share:.2f} similar to {where} (threshold {config.threshold:g})",
            "runs": f"{found.share:.2f} of the {config.ngram}-word runs of {where} (limit {config.containment:g})",
        }[found.how]
        evidence = {"test": found.test, "file": found.file, "text": found.text[:_SHOWN], "share": round(found.share, 4)}
        if config.action == "report":
            return Keep(record, reason, _KINDS[found.how], evidence)
        return Remove(reason, _KINDS[found.how], similarity=found.share, evidence=evidence)

    def _is_leak(self, found: Likeness) -> bool:
        return found.how != "runs" or found.share >= self.config.containment
