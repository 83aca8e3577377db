"""Ids must be unique over all sources. What is compared are hashes of 128 bits, so that no id is held in memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from seekforge.data.chunks import Chunk
from seekforge.data.columns import column_of
from seekforge.data.engine.folder import Folder
from seekforge.data.engine.task import READ
from seekforge.data.ops.exact import firsts
from seekforge.data.rows import PARQUET

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def repeated_ids(folder: Folder, chunks: Sequence[Chunk]) -> dict[str, dict[str, str]]:
    """Every record whose id one before it has.

    Returns:
        Shard to place among the shard's records to where the id was used before; numbers as text, as JSON has them.
    """
    import numpy as np

    parts = folder.files("columns", len(chunks), "npz")
    ids, numbers = column_of(parts, READ + "id"), column_of(parts, READ + "number")
    order, first_read = firsts(ids, np.arange(len(ids)))
    again = order != first_read
    if not again.any():
        return {}
    ends = np.cumsum([_rows(folder, shard) for shard in range(len(chunks))])
    found: dict[str, dict[str, str]] = {}
    for row, first in sorted(zip(order[again].tolist(), first_read[again].tolist(), strict=True)):
        shard, place = _located(ends, row)
        chunk = chunks[_located(ends, first)[0]]
        number = int(numbers[first])
        before = f"{chunk.path} row {number}" if chunk.kind == PARQUET else f"{chunk.path}:{number}"
        found.setdefault(str(shard), {})[str(place)] = before
    return found


def _rows(folder: Folder, shard: int) -> int:
    import numpy as np

    with np.load(folder.file("columns", shard, "npz")) as file:
        return len(file[READ + "number"])


def _located(ends: NDArray[np.int64], row: int) -> tuple[int, int]:
    import numpy as np

    shard = int(np.searchsorted(ends, row, side="right"))
    return shard, row - int(ends[shard - 1] if shard else 0)
