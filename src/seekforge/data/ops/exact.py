"""Exact duplicates: the same question with the same answer, case and white space aside."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from seekforge.core.config import ExactConfig
from seekforge.core.records import Record
from seekforge.data.ops.protocol import OpContext, Remove, SetOp, Table
from seekforge.data.similarity import compact

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_BYTES = 16  # of a key: among a billion different records two of the same key have a chance of 1 in 10**21


def key(record: Record) -> bytes:
    """What two records must share to be the same: a hash of the user's turns and the answer."""
    text = f"{compact(record.text)}\0{compact(record.answer)}"  # a message holds no NUL
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_BYTES).digest()


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
        """`key`: shape (records, 2), uint64."""
        import numpy as np

        return {"key": np.frombuffer(b"".join(map(key, records)), np.uint64).reshape(-1, 2)}

    def decide(self, table: Table) -> dict[int, Remove]:
        """Every record whose key one of lesser rank has."""
        import numpy as np

        keys = table.array("key")
        order = np.lexsort((table.rank, keys[:, 1], keys[:, 0]))
        fresh = np.ones(len(order), bool)
        fresh[1:] = (keys[order[1:]] != keys[order[:-1]]).any(axis=1)
        first = order[np.maximum.accumulate(np.where(fresh, np.arange(len(order)), 0))]
        return {
            int(row): Remove(
                f"the same question and answer as {table.ids[original]}", "exact duplicate", int(original), 1.0
            )
            for row, original in zip(order[~fresh], first[~fresh], strict=True)
        }
