"""Exact duplicates: the same question with the same answer, case and white space aside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from seekforge.core.config import ExactConfig
from seekforge.core.records import Record
from seekforge.data.columns import hashed
from seekforge.data.ops.protocol import OpContext, Removals, Remove, SetOp, Table
from seekforge.data.similarity import compact

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def key(record: Record) -> str:
    """What two records must share to be the same: the user's turns and the answer."""
    return f"{compact(record.text)}\0{compact(record.answer)}"  # a message holds no NUL


class Exact(SetOp):
    """Keeps the first record of each key: by split (test before train), then by id; input order does not matter.

    Args:
        config: Nothing to set.
        context: Not used.
    """

    name: ClassVar[str] = "exact"

    def __init__(self, config: ExactConfig, context: OpContext) -> None:
        self.config = config

    def measure(self, records: Sequence[Record]) -> Mapping[str, NDArray[np.uint64]]:
        """`key`: shape (records, 2), uint64. Two different ones of a billion are equal with a chance of 1 in 10**21."""
        return {"key": hashed([key(record) for record in records])}

    def decide(self, table: Table) -> Removals:
        """Every record whose key one of lesser rank has."""
        import numpy as np

        order, first = firsts(table.array("key"), table.rank)
        kept = np.full(len(order), -1, np.int64)
        kept[order] = np.where(first == order, -1, first)
        return Removals(kept, np.ones(len(order)), partial(self._remove, table))

    def _remove(self, table: Table, row: int, kept: int, similarity: float) -> Remove:
        return Remove(f"the same question and answer as {table.ids[kept]}", "exact duplicate", kept, similarity)


def firsts(keys: NDArray[np.uint64], rank: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows by key and rank, and of each the row of least rank with the same key.

    Args:
        keys: Shape (rows, 2).
        rank: Shape (rows,).
    """
    import numpy as np

    order = np.lexsort((rank, keys[:, 1], keys[:, 0]))
    ordered = keys[order]
    fresh = np.ones(len(order), bool)
    fresh[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    return order, order[np.maximum.accumulate(np.where(fresh, np.arange(len(order)), 0))]
