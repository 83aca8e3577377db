"""Chance that belongs to a record: the same for the same seed and id, in whatever order the records come."""

from __future__ import annotations

from random import Random

from seekforge.core.files import sha256_json
from seekforge.core.records import Record


def draw(seed: int, purpose: str, record: Record, copy: int = 0) -> Random:
    """The record's own source of chance.

    Args:
        seed: The recipe's.
        purpose: What is drawn for, so that two ops do not draw alike.
        record: Whose id counts, and nothing else.
        copy: Which of several.
    """
    return Random(int(sha256_json([seed, purpose, record.id, copy])[:16], 16))


def chosen(seed: int, purpose: str, record: Record, share: float) -> bool:
    """Whether the record is among the share that is tried."""
    return draw(seed, f"{purpose} share", record).random() < share
