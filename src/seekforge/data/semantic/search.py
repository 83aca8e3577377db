"""Which vectors repeat one that stays: an approximate index (HNSW) of those that stay, asked once for each row.

HNSW: Malkov and Yashunin 2018, "Efficient and robust approximate nearest neighbor search using hierarchical navigable
small world graphs". The index only proposes; a pair counts by its cosine, computed anew from the vectors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seekforge.core.errors import ResourceError
from seekforge.data.semantic.guard import Objection

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_CONNECTIVITY, _EXPANSION_ADD, _EXPANSION_SEARCH = 16, 128, 64
_ASKED, _MORE, _MOST = 16, 4, 256  # neighbours at first, how many times more while all are objected to, at most


@dataclass(frozen=True, slots=True)
class Match:
    """A row that stays and that another is like.

    Attributes:
        index: Its row.
        similarity: Cosine.
        objection: Why the two are no duplicates all the same; None if they are.
    """

    index: int
    similarity: float
    objection: Objection | None = None


def matches(
    vectors: NDArray[np.float16],
    rank: NDArray[np.int64],
    threshold: float,
    object_to: Callable[[int, int], Objection | None],
) -> dict[int, Match]:
    """What each row is like, of those that stay, in the order of rank.

    A row whose match has no objection is a duplicate and does not stay; so nothing goes for its likeness to a row that
    is itself gone.

    Args:
        vectors: Shape (rows, dimension), of length 1; a row of zeros is like nothing.
        rank: Shape (rows,): the least stays.
        threshold: Least cosine.
        object_to: Why two rows are no duplicates, or None.

    Returns:
        The nearest match that is not objected to, else the nearest that is; rows like nothing are left out.

    Raises:
        ResourceError: The package `usearch` is not installed.
    """
    import numpy as np

    index = _Index(vectors, rank, threshold)
    found: dict[int, Match] = {}
    for row in map(int, np.argsort(rank)):
        if not vectors[row].any():
            continue
        objected: Match | None = None
        for other, similarity in index.nearest(row):
            objection = object_to(row, other)
            if objection is None:
                found[row] = Match(other, similarity)
                break
            objected = objected or Match(other, similarity, objection)
        else:
            index.add(row)
            if objected is not None:
                found[row] = objected
    return found


class _Index:
    def __init__(self, vectors: NDArray[np.float16], rank: NDArray[np.int64], threshold: float) -> None:
        self._vectors, self._rank, self._threshold = vectors, rank, threshold
        self._index: Any = _open(vectors.shape[1])
        self._size = 0

    def add(self, row: int) -> None:
        self._index.add(row, self._vectors[row], threads=1)  # in one thread the graph is always the same
        self._size += 1

    def nearest(self, row: int) -> Iterator[tuple[int, float]]:
        """Rows at least as like as the threshold, the likest first, of equals the one of least rank."""
        import numpy as np

        asked, seen = _ASKED, set[int]()
        while self._size:
            keys = self._index.search(self._vectors[row], min(asked, self._size), threads=1).keys.astype(np.int64)
            cosines = self._vectors[keys].astype(np.float32) @ self._vectors[row].astype(np.float32)
            fresh = [
                (int(key), min(float(cosine), 1.0))
                for key, cosine in zip(keys, cosines, strict=True)
                if cosine >= self._threshold and int(key) not in seen
            ]
            yield from sorted(fresh, key=lambda pair: (-pair[1], self._rank[pair[0]]))
            seen.update(key for key, _ in fresh)
            if len(seen) < asked or asked >= _MOST:
                return
            asked *= _MORE


def require() -> Any:  # noqa: ANN401  usearch's own class is not typed
    """The class of the index.

    Raises:
        ResourceError: The package `usearch` is not installed.
    """
    try:
        from usearch.index import Index
    except ImportError as error:
        raise ResourceError(
            f"the package `usearch` does not load ({error})",
            where="op semantic",
            mend="Run `pip install 'seekforge[data]'`",
        ) from error
    return Index


def _open(dimension: int) -> Any:  # noqa: ANN401
    return require()(
        ndim=dimension,
        metric="ip",
        dtype="f16",
        connectivity=_CONNECTIVITY,
        expansion_add=_EXPANSION_ADD,
        expansion_search=_EXPANSION_SEARCH,
    )
