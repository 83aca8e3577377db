"""What a cleaning operation is, and the registry of those that there are. An operation is built from its config."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from seekforge.core.config.data import OpConfig
from seekforge.core.records import Record
from seekforge.core.registry import Registry


@dataclass(frozen=True, slots=True)
class Drop:
    """One record that went, and why.

    Attributes:
        record: The record itself.
        op: Who dropped it: an operation's name, or `leak`.
        reason: For people, with the figure and the threshold that decided.
        kept: The record that it repeats, where there is one.
        similarity: Jaccard similarity to `kept`, 0 to 1, where it was computed.
    """

    record: Record
    op: str
    reason: str
    kept: Record | None = None
    similarity: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """As one line of `dropped.jsonl`."""
        return {
            "op": self.op,
            "reason": self.reason,
            "kept_id": self.kept.id if self.kept else None,
            "similarity": None if self.similarity is None else round(self.similarity, 4),
            "record": self.record.to_dict(),
        }


@dataclass(frozen=True, slots=True)
class OpResult:
    """What an operation did: `kept` (in the order given) and `drops` together are all that it was given.

    Attributes:
        op: The operation's name.
        kept: Records that stay, changed or not.
        drops: Records that went.
        changed: How many of the kept ones are not as they came.
    """

    op: str
    kept: tuple[Record, ...]
    drops: tuple[Drop, ...] = ()
    changed: int = 0

    def __str__(self) -> str:
        """One line: `minhash: 90 kept (0 changed), 10 dropped`."""
        return f"{self.op}: {len(self.kept):,} kept ({self.changed:,} changed), {len(self.drops):,} dropped"


class Op(Protocol):
    """One cleaning operation."""

    name: ClassVar[str]

    def run(self, records: Sequence[Record]) -> OpResult:
        """Keeps, changes or drops each record; equal input gives equal output."""


OPS = Registry(
    "data op",
    {
        "normalise": "seekforge.data.ops.normalise:Normalise",
        "exact": "seekforge.data.ops.exact:Exact",
        "minhash": "seekforge.data.ops.minhash:Minhash",
    },
)


def build(config: OpConfig) -> Op:
    """The operation that a config describes.

    Raises:
        ConfigError: No operation has this name.
    """
    op: Op = OPS.load(config.op)(config)
    return op
