"""The canonical order of records: who stays when two are alike, whatever order they were read in."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from seekforge.core.records import Record

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SPLITS = ("train", "validation", "test")
_NUMBER = re.compile(r"[0-9]{1,99}")
# Test before validation before train: a duplicate across splits costs the training, never the test.
_RANK = {"test": 0, "validation": 1}


def natural(text: str) -> tuple[str, str]:
    """A sort key that counts: `raw-2` comes before `raw-10`.

    >>> sorted(["raw-10", "raw-2"], key=natural)
    ['raw-2', 'raw-10']
    """
    # A number's length goes before its digits; the text itself then tells 01 from 1.
    return _NUMBER.sub(lambda match: _counted(match[0].lstrip("0")), text), text


def canonical(record: Record) -> tuple[int, tuple[str, str]]:
    """Sort key: the split (test, validation, all others), then the id by `natural`.

    Ids that were made from line numbers therefore keep the earlier line.
    """
    return _RANK.get(record.split or "", 2), natural(record.id)


def canonical_text(record: Record) -> str:
    """The same order as one text, compared character by character; UTF-8 keeps that order."""
    rank, (counted, name) = canonical(record)
    return f"{rank}{counted}\0{name}"


def ranks(order: Sequence[str]) -> NDArray[np.int64]:
    """The place of each text in their order, shape (texts,)."""
    import numpy as np

    keys = list(order)
    rank = np.empty(len(keys), np.int64)
    rank[sorted(range(len(keys)), key=keys.__getitem__)] = np.arange(len(keys))
    return rank


def ranks_of(records: Sequence[Record]) -> NDArray[np.int64]:
    """The place of each record in the canonical order, shape (records,)."""
    return ranks([canonical_text(record) for record in records])


def _counted(digits: str) -> str:
    return f"{len(digits):02}{digits}"
