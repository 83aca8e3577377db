"""What became of records: each one that went, with its reason, and each that stayed with a note."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from seekforge.core.records import Record


@dataclass(frozen=True, slots=True)
class Drop:
    """One record that went, and why.

    Attributes:
        record: The record itself.
        op: Who dropped it: an operation's name, or `leak`.
        reason: For people, with the figure and the threshold that decided.
        kept_id: Of the record that it repeats, where there is one.
        similarity: To that one, 0 to 1, where it was computed.
        kind: The reason without its figures, such as `too short`.
        evidence: What the decision rests on, for the report.
    """

    record: Record
    op: str
    reason: str
    kept_id: str | None = None
    similarity: float | None = None
    kind: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """As one line of `dropped.jsonl`."""
        return {
            "op": self.op,
            "reason": self.reason,
            "kind": self.kind or self.op,
            "kept_id": self.kept_id,
            "similarity": None if self.similarity is None else round(self.similarity, 4),
            "evidence": dict(self.evidence),
            "record": self.record.to_dict(),
        }

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> Drop:
        """The inverse of `to_dict`, the similarity rounded."""
        return cls(
            Record.from_dict(row["record"]),
            row["op"],
            row["reason"],
            row["kept_id"],
            row["similarity"],
            row["kind"],
            row["evidence"],
        )


@dataclass(frozen=True, slots=True)
class Noted:
    """One record that stayed, and what an op said of it.

    Attributes:
        before: As it came to the op.
        after: As it went on.
        op: Who said it.
        note: For people.
        kind: The note without its figures.
        evidence: What it rests on.
    """

    before: Record
    after: Record
    op: str
    note: str
    kind: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OpResult:
    """What an operation did: `kept` (in the order given) and `drops` together are all that it was given.

    Attributes:
        op: The operation's name.
        kept: Records that stay, changed or not.
        drops: Records that went.
        changed: How many of the kept ones are not as they came.
        noted: Kept records of which the op said something.
    """

    op: str
    kept: tuple[Record, ...]
    drops: tuple[Drop, ...] = ()
    changed: int = 0
    noted: tuple[Noted, ...] = ()

    def __str__(self) -> str:
        """One line: `minhash: 90 kept (0 changed), 10 dropped`."""
        return f"{self.op}: {len(self.kept):,} kept ({self.changed:,} changed), {len(self.drops):,} dropped"
