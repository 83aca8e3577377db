"""Near-duplicate search: MinHash signatures, locality-sensitive hashing, exact Jaccard on what it finds.

MinHash: Broder 1997, "On the resemblance and containment of documents". Banding: Leskovec, Rajaraman and Ullman,
"Mining of Massive Datasets", section 3.4. The bands only propose pairs; a pair counts by its exact Jaccard similarity,
so nothing unlike is ever reported, and the band shape is chosen so that next to nothing alike is missed. Shingles are
compared as 64-bit hashes: in a million texts of a thousand shingles none is expected to be taken for another.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from seekforge.data.columns import bounds
from seekforge.data.ops.protocol import Ragged

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PERMUTATIONS = 128
_RECALL = 0.99  # least chance that a pair exactly at the threshold is proposed; likelier pairs have more


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


def shingled_texts(texts: Sequence[str], size: int) -> Ragged:
    """Each text's shingles as 64-bit hashes, repeats among them."""
    return shingled([fold(text) for text in texts], size)


def shingled(folded: Sequence[str], size: int) -> Ragged:
    """The same of texts that are folded already."""
    import numpy as np

    from seekforge.data import kernels

    codes = np.frombuffer("".join(folded).encode("utf-32-le", "surrogatepass"), np.uint32)
    return Ragged(*kernels.shingle_hashes(codes, bounds(folded), size))


def signatures(sets: Ragged, permutations: int, seed: int = 0) -> NDArray[np.uint32]:
    """MinHash signatures.

    Returns:
        Array of shape (texts, permutations). Two texts agree in a column with the probability of their similarity.
    """
    from seekforge.data import kernels

    return kernels.signatures(sets.values, sets.bounds, *_functions(permutations, seed))


def band_keys(sets: Ragged, threshold: float, permutations: int = PERMUTATIONS, seed: int = 0) -> NDArray[np.uint64]:
    """Bucket keys, shape (texts, bands): two texts that share one are worth comparing.

    Args:
        sets: Of `shingled_texts`.
        threshold: Least Jaccard similarity that should be found.
        permutations: Hash functions.
        seed: Of the hash functions: another seed misses other pairs.
    """
    from seekforge.data import kernels

    bands, rows = band_shape(threshold, permutations)
    factors, offsets = _functions(permutations, seed)
    return kernels.band_keys(sets.values, sets.bounds, factors[: bands * rows], offsets[: bands * rows], bands)


def _functions(permutations: int, seed: int) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """Odd factors and offsets of the hash functions, shape (permutations,) each."""
    import numpy as np

    random = np.random.default_rng(seed)
    factors = random.integers(0, 2**31, permutations, dtype=np.uint32) * np.uint32(2) + np.uint32(1)
    return factors, random.integers(0, 2**32, permutations, dtype=np.uint32)


def buckets(keys: NDArray[np.uint64]) -> tuple[NDArray[np.int32], int]:
    """Numbers the buckets that have two texts or more.

    Returns:
        Shape (bands, texts): the bucket of each text in each band, -1 where it is alone; and how many buckets.
    """
    import numpy as np

    from seekforge.data import kernels

    groups = np.empty(keys.shape[::-1], np.int32)
    filled = 0
    for band, row in enumerate(groups):
        filled = kernels.bucket(np.ascontiguousarray(keys[:, band]), row, filled)
    return groups, filled


def sets_of(shingled: Ragged, groups: NDArray[np.int32]) -> Ragged:
    """The shingles of the texts that share a bucket, as ascending sets; only these are ever compared."""
    import numpy as np

    from seekforge.data import kernels

    wanted: NDArray[np.bool_] = np.logical_or.reduce(groups >= 0, axis=0)
    return Ragged(*kernels.sorted_sets(shingled.values, shingled.bounds, wanted))


def repeats(
    keys: NDArray[np.uint64], shingled: Ragged, rank: NDArray[np.int64], threshold: float
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Which rows repeat one that stays: in the order of rank, a row goes if one that stayed is like it.

    Args:
        keys: Shape (rows, bands), of `band_keys`.
        shingled: Of `shingled_texts`.
        rank: Shape (rows,): the least stays.
        threshold: Least Jaccard similarity.

    Returns:
        Shape (rows,) each: the most similar of the rows that stay, of equals that of least rank, or -1 for one that
        stays; and how similar it is.
    """
    import numpy as np

    from seekforge.data import kernels

    groups, count = buckets(keys)
    sets = sets_of(shingled, groups)
    return kernels.greedy(groups, count, np.argsort(rank), rank, sets.values, sets.bounds, threshold)
