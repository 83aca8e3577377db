"""Near-duplicate search: MinHash signatures in numpy, locality-sensitive hashing, exact Jaccard on what it finds.

MinHash: Broder 1997, "On the resemblance and containment of documents". Banding: Leskovec, Rajaraman and Ullman,
"Mining of Massive Datasets", section 3.4. The bands only propose pairs; a pair counts by its exact Jaccard similarity,
so nothing unlike is ever reported, and the band shape is chosen so that next to nothing alike is missed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PERMUTATIONS = 128
_RECALL = 0.99  # least chance that a pair exactly at the threshold is proposed; likelier pairs have more
_BLOCK = 2048  # texts whose shingles are hashed at once: fits the cache
_GOLDEN = 0x9E3779B97F4A7C15  # odd, so multiplying by it permutes the 64-bit numbers
_MIX = 0xBF58476D1CE4E5B9  # splitmix64 (Steele et al. 2014)


@dataclass(frozen=True, slots=True)
class Match:
    """A text found alike: its index and the exact Jaccard similarity of the shingle sets."""

    index: int
    similarity: float


def fold(text: str) -> str:
    """What texts are compared by: case folded, runs of white space as one space."""
    return " ".join(text.casefold().split())


def compact(text: str) -> str:
    """The text case-folded and without any white space: what counts as the very same."""
    return "".join(text.casefold().split())


def shingles(text: str, size: int) -> frozenset[str]:
    """All runs of `size` characters of the folded text; a shorter text is its own only shingle."""
    folded = fold(text)
    return frozenset([folded[at : at + size] for at in range(max(1, len(folded) - size + 1))])


def jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    """Shared elements over all elements, 0 to 1."""
    shared = len(one & other)
    return shared / (len(one) + len(other) - shared)


def band_shape(threshold: float, permutations: int) -> tuple[int, int]:
    """Bands and rows a band: as many rows as still propose a pair at the threshold with 99 % probability.

    >>> band_shape(0.7, 128)
    (32, 4)
    """
    for rows in range(permutations, 1, -1):
        bands = permutations // rows
        if 1 - (1 - threshold**rows) ** bands >= _RECALL:
            return bands, rows
    return permutations, 1


class Neighbours:
    """Finds, among the texts added so far, those that are like a given one.

    Args:
        texts: All texts that will ever be added or asked about.
        threshold: Least Jaccard similarity, 0 to 1.
        size: Characters in a shingle.
        permutations: Hash functions.
        seed: Of the hash functions: another seed misses other pairs.
    """

    def __init__(
        self, texts: Sequence[str], threshold: float, size: int, permutations: int = PERMUTATIONS, seed: int = 0
    ) -> None:
        self._texts, self._threshold, self._size = texts, threshold, size
        self._sets: dict[int, frozenset[str]] = {}
        self._buckets: dict[int, list[int]] = {}
        self._keys = _shared_keys(band_keys(texts, threshold, size, permutations, seed))

    def add(self, index: int) -> None:
        """From now on `matches` may return this text."""
        for key in self._keys[index]:
            self._buckets.setdefault(key, []).append(index)

    def matches(self, index: int) -> list[Match]:
        """The added texts at least as similar as the threshold, the most similar first, then in the order of adding."""
        found = dict.fromkeys(other for key in self._keys[index] for other in self._buckets.get(key, ()))
        scored = (Match(other, jaccard(self._set(index), self._set(other))) for other in sorted(found))
        alike = [match for match in scored if match.similarity >= self._threshold]
        return sorted(alike, key=lambda match: -match.similarity)

    def _set(self, index: int) -> frozenset[str]:
        if index not in self._sets:
            self._sets[index] = shingles(self._texts[index], self._size)
        return self._sets[index]


def signatures(texts: Sequence[str], size: int, permutations: int, seed: int) -> NDArray[np.uint32]:
    """MinHash signatures.

    Returns:
        Array of shape (texts, permutations). Two texts agree in a column with the probability of their similarity.
    """
    import numpy as np

    random = np.random.default_rng(seed)
    factors = random.integers(0, 2**63, permutations, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    offsets = random.integers(0, 2**63, permutations, dtype=np.uint64)
    result = np.empty((len(texts), permutations), np.uint32)
    for start in range(0, len(texts), _BLOCK):
        hashes, bounds = _shingle_hashes([fold(text) for text in texts[start : start + _BLOCK]], size)
        for column, (factor, offset) in enumerate(zip(factors, offsets, strict=True)):
            least = np.minimum.reduceat(hashes * factor + offset, bounds)
            result[start : start + _BLOCK, column] = least >> np.uint64(32)  # the low bits of a product are weak
    return result


def _shingle_hashes(folded: Sequence[str], size: int) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """64-bit hashes of all shingles of all texts, one after the other, and where each text's begin."""
    import numpy as np

    padded = [text.ljust(size, "\0") for text in folded]
    codes = np.frombuffer("".join(padded).encode("utf-32-le", "surrogatepass"), "<u4").astype(np.uint64)
    lengths = np.fromiter(map(len, padded), np.int64, len(padded))
    count = len(codes) - size + 1
    hashes = np.zeros(count, np.uint64)
    for place in range(size):
        hashes = hashes * np.uint64(_GOLDEN) + codes[place : place + count]
    hashes = (hashes ^ (hashes >> np.uint64(29))) * np.uint64(_MIX)
    hashes ^= hashes >> np.uint64(32)
    within = np.ones(len(codes), bool)
    for place in range(1, size):  # a shingle that starts here would run into the next text
        within[np.cumsum(lengths) - place] = False
    per_text = lengths - size + 1
    return hashes[within[:count]], np.cumsum(per_text) - per_text


def band_keys(
    texts: Sequence[str], threshold: float, size: int, permutations: int = PERMUTATIONS, seed: int = 0
) -> NDArray[np.uint64]:
    """Bucket keys: two texts that share one are worth comparing.

    Returns:
        Array of shape (texts, bands).
    """
    import numpy as np

    bands, rows = band_shape(threshold, permutations)
    signature = signatures(texts, size, permutations, seed)
    keys = np.empty((len(signature), bands), np.uint64)
    for band in range(bands):
        key = np.full(len(signature), band + 1, np.uint64)
        for row in range(band * rows, (band + 1) * rows):
            key = (key ^ signature[:, row]) * np.uint64(_GOLDEN)
            key ^= key >> np.uint64(32)
        keys[:, band] = key
    return keys


def shingle_sets(texts: Sequence[str], size: int) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """Each text's set of shingles as hashes, ascending, end to end, and the bounds of each, shape (texts + 1,)."""
    import numpy as np

    if not texts:
        return np.empty(0, np.uint32), np.zeros(1, np.int64)
    hashes, starts = _shingle_hashes([fold(text) for text in texts], size)
    sets = [np.unique(part) for part in np.split((hashes >> np.uint64(32)).astype(np.uint32), starts[1:])]
    bounds = np.zeros(len(texts) + 1, np.int64)
    np.cumsum([len(part) for part in sets], out=bounds[1:])
    return np.concatenate(sets), bounds


class Sets(Protocol):
    """Sets of numbers by row, each as an ascending array."""

    def __getitem__(self, row: int) -> NDArray[Any]:
        """One set."""


def repeats(keys: NDArray[np.uint64], sets: Sets, rank: NDArray[np.int64], threshold: float) -> dict[int, Match]:
    """Which rows repeat one that stays: in the order of rank, a row goes if one that stayed is like it.

    Args:
        keys: Shape (rows, bands), of `band_keys`.
        sets: Of `shingle_sets`.
        rank: Shape (rows,): the least stays.
        threshold: Least Jaccard similarity.

    Returns:
        Each row that goes, with the most similar of those that stay; of equals the one of least rank.
    """
    import numpy as np

    near = _shared_keys(keys)
    buckets: dict[int, list[int]] = {}
    found: dict[int, Match] = {}
    for row in map(int, np.argsort(rank)):
        others = dict.fromkeys(other for key in near[row] for other in buckets.get(key, ()))
        matches = [Match(other, _overlap(sets[row], sets[other])) for other in others]
        alike = [match for match in matches if match.similarity >= threshold]
        if alike:
            found[row] = min(alike, key=lambda match: (-match.similarity, rank[match.index]))
            continue
        for key in near[row]:
            buckets.setdefault(key, []).append(row)
    return found


def _overlap(one: NDArray[Any], other: NDArray[Any]) -> float:
    import numpy as np

    shared = len(np.intersect1d(one, other, assume_unique=True))
    return shared / (len(one) + len(other) - shared)


def _shared_keys(keys: NDArray[np.uint64]) -> list[list[int]]:
    """Each text's bucket keys, less those that no other text has: most texts have none left."""
    import numpy as np

    if not len(keys):
        return []
    _, place, count = np.unique(keys, return_inverse=True, return_counts=True)
    shared = count[place.reshape(keys.shape)] > 1
    return [row[mask].tolist() for row, mask in zip(keys, shared, strict=True)]
