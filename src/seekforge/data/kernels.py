"""The inner loops of the near-duplicate search, compiled by numba.

The machine code is kept beside this file or, where that cannot be written, in the user's cache. Import this module
inside functions: numba takes half a second.

Every function is plain Python over arrays and means the same when it is not compiled.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

F = TypeVar("F", bound=Callable[..., Any])
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # odd, so multiplying by it permutes the 64-bit numbers
_MIX = np.uint64(0xBF58476D1CE4E5B9)  # splitmix64 (Steele et al. 2014)


def compiled(function: F) -> F:
    """The function as machine code."""
    try:
        made: Any = numba.njit(cache=True, nogil=True)(function)
    except RuntimeError:  # no folder for the cache
        made = numba.njit(nogil=True)(function)
    return cast(F, made)


@compiled
def shingle_hashes(
    codes: NDArray[np.uint32], bounds: NDArray[np.int64], size: int
) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """All shingles of each text as 64-bit hashes, in the order of the text, repeats among them.

    Args:
        codes: Code points of all texts, end to end.
        bounds: Shape (texts + 1,): text i is `codes[bounds[i]:bounds[i + 1]]`.
        size: Characters in a shingle; a shorter text is its own only shingle.

    Returns:
        The hashes end to end, and the bounds of each text's, shape (texts + 1,).
    """
    count = len(bounds) - 1
    ends = np.zeros(count + 1, np.int64)
    for text in range(count):
        ends[text + 1] = ends[text] + max(1, bounds[text + 1] - bounds[text] - size + 1)
    found = np.empty(ends[count], np.uint64)
    for text in range(count):
        begin, end = bounds[text], bounds[text + 1]
        for place in range(ends[text + 1] - ends[text]):
            value = np.uint64(0)
            for at in range(begin + place, min(begin + place + size, end)):
                value = value * _GOLDEN + np.uint64(codes[at]) + np.uint64(1)
            value = (value ^ (value >> np.uint64(29))) * _MIX
            found[ends[text] + place] = value ^ (value >> np.uint64(32))
    return found, ends


@compiled
def sort_hashes(values: NDArray[np.uint64], counts: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Hashes in ascending order, in linear time: they are spread evenly, so their first bits nearly tell their place.

    Args:
        values: Any; what is not spread evenly takes longer.
        counts: At least four times as long as the values and no shorter than 4; it is written over.
    """
    count = len(values)
    bits = 1
    while (1 << bits) < count:
        bits += 1
    shift = np.uint64(64 - bits)
    starts = counts[: (1 << bits) + 1]
    starts[:] = 0
    for at in range(count):
        starts[(values[at] >> shift) + np.uint64(1)] += 1
    for place in range(1 << bits):
        starts[place + 1] += starts[place]
    found = np.empty(count, np.uint64)
    for at in range(count):
        slot = values[at] >> shift
        found[starts[slot]] = values[at]
        starts[slot] += 1
    for at in range(1, count):  # those that share their first bits
        value, place = found[at], at
        while place > 0 and found[place - 1] > value:
            found[place] = found[place - 1]
            place -= 1
        found[place] = value
    return found


@compiled
def sorted_sets(
    values: NDArray[np.uint64], bounds: NDArray[np.int64], wanted: NDArray[np.bool_]
) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """The wanted rows as sets, ascending and without repeats; the others as empty ones.

    Returns:
        The sets end to end, and the bounds of each, shape (rows + 1,).
    """
    count = len(bounds) - 1
    total, longest = 0, 1
    for row in range(count):
        if wanted[row]:
            total += bounds[row + 1] - bounds[row]
            longest = max(longest, bounds[row + 1] - bounds[row])
    counts = np.empty(4 * longest, np.int64)
    found = np.empty(total, np.uint64)
    ends = np.zeros(count + 1, np.int64)
    filled = 0
    for row in range(count):
        if wanted[row]:
            part = sort_hashes(values[bounds[row] : bounds[row + 1]], counts)
            for place in range(len(part)):
                if place == 0 or part[place] != part[place - 1]:
                    found[filled] = part[place]
                    filled += 1
        ends[row + 1] = filled
    return found[:filled], ends


@compiled
def bucket(keys: NDArray[np.uint64], groups: NDArray[np.int32], filled: int) -> int:
    """Numbers the keys that come twice or more, by a hash table with open addressing.

    Args:
        keys: Shape (rows,).
        groups: Shape (rows,), to be filled: the number of each row's key, -1 where it comes once.
        filled: How many numbers are taken.

    Returns:
        How many are taken then.
    """
    bits = 4
    while (1 << bits) < 2 * len(keys):
        bits += 1
    table = np.full(1 << bits, -1, np.int32)
    shift, mask = np.uint64(64 - bits), (1 << bits) - 1
    for row in range(len(keys)):
        slot = np.int64((keys[row] * _MIX) >> shift)
        while table[slot] >= 0 and keys[table[slot]] != keys[row]:
            slot = (slot + 1) & mask
        first = table[slot]
        groups[row] = -1
        if first < 0:
            table[slot] = row
        else:
            if groups[first] < 0:
                groups[first] = filled
                filled += 1
            groups[row] = groups[first]
    return filled


@compiled
def minima(
    values: NDArray[np.uint64], factors: NDArray[np.uint32], offsets: NDArray[np.uint32], least: NDArray[np.uint32]
) -> None:
    """MinHash of one set: into `least` the least of each of the functions `factor * hash + offset` modulo 2**32."""
    for column in range(len(factors)):
        least[column] = np.uint32(0xFFFFFFFF)
    for at in range(len(values)):
        value = np.uint32(values[at] >> np.uint64(32))
        for column in range(len(factors)):
            hashed = np.uint32(np.uint32(value * factors[column]) + offsets[column])
            least[column] = min(least[column], hashed)


@compiled
def signatures(
    values: NDArray[np.uint64], bounds: NDArray[np.int64], factors: NDArray[np.uint32], offsets: NDArray[np.uint32]
) -> NDArray[np.uint32]:
    """The `minima` of each set.

    Returns:
        Shape (sets, functions). Two sets agree in a column with the probability of their similarity.
    """
    result = np.empty((len(bounds) - 1, len(factors)), np.uint32)
    for row in range(len(result)):
        minima(values[bounds[row] : bounds[row + 1]], factors, offsets, result[row])
    return result


@compiled
def band_keys(
    values: NDArray[np.uint64],
    bounds: NDArray[np.int64],
    factors: NDArray[np.uint32],
    offsets: NDArray[np.uint32],
    bands: int,
) -> NDArray[np.uint64]:
    """Bucket keys: a hash of each band's columns of the signatures, which are not kept, shape (sets, bands)."""
    keys = np.empty((len(bounds) - 1, bands), np.uint64)
    rows = len(factors) // bands
    least = np.empty(len(factors), np.uint32)
    for text in range(len(keys)):
        minima(values[bounds[text] : bounds[text + 1]], factors, offsets, least)
        for band in range(bands):
            key = np.uint64(band + 1)
            for column in range(band * rows, (band + 1) * rows):
                key = (key ^ np.uint64(least[column])) * _GOLDEN
                key ^= key >> np.uint64(32)
            keys[text, band] = key
    return keys


@compiled
def jaccard(values: NDArray[np.uint64], bounds: NDArray[np.int64], one: int, other: int) -> float:
    """Shared elements over all elements of two ascending sets, 0 to 1."""
    left, left_end = bounds[one], bounds[one + 1]
    right, right_end = bounds[other], bounds[other + 1]
    total = left_end - left + right_end - right
    shared = 0
    while left < left_end and right < right_end:
        if values[left] == values[right]:
            shared += 1
            left += 1
            right += 1
        elif values[left] < values[right]:
            left += 1
        else:
            right += 1
    return float(shared / (total - shared))


@compiled
def greedy(
    groups: NDArray[np.int32],
    sizes: int,
    order: NDArray[np.int64],
    rank: NDArray[np.int64],
    values: NDArray[np.uint64],
    bounds: NDArray[np.int64],
    threshold: float,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Goes through rows in order; one goes if it is like one that stayed before it.

    Args:
        groups: Shape (bands, rows): the bucket of each row in each band, -1 where it is alone.
        sizes: How many buckets there are.
        order: Shape (rows,): rows by rank.
        rank: Shape (rows,).
        values: The rows' sets, end to end.
        bounds: Of each set, shape (rows + 1,).
        threshold: Least Jaccard similarity.

    Returns:
        Shape (rows,) each: the row that it repeats, the most similar and of equals the one of least rank, or -1 if it
        stays; and how similar.
    """
    bands, count = groups.shape
    kept = np.full(count, -1, np.int64)
    similarity = np.zeros(count, np.float64)
    heads = np.full(sizes, -1, np.int64)  # the entries of each bucket as a chain, the latest first
    links = np.empty((bands, count), np.int32)
    seen = np.full(count, -1, np.int64)
    for row in order:
        best, best_rank = 0.0, np.int64(-1)
        for band in range(bands):
            group = groups[band, row]
            if group < 0:
                continue
            other = heads[group]
            while other >= 0:
                if seen[other] != row:
                    seen[other] = row
                    found = jaccard(values, bounds, row, other)
                    if found >= threshold and (found > best or (found == best and rank[other] < best_rank)):
                        best, best_rank = found, rank[other]
                        kept[row] = other
                other = np.int64(links[band, other])
        similarity[row] = best
        if kept[row] >= 0:
            continue
        for band in range(bands):
            group = groups[band, row]
            if group >= 0:
                links[band, row] = heads[group]
                heads[group] = row
    return kept, similarity


@compiled
def chains(
    groups: NDArray[np.int32], sizes: int, rows: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """The given rows of each bucket as a chain: shape (buckets,) where each begins, and (bands, rows) what follows.

    Places in `rows` stand for the rows; -1 ends a chain.
    """
    bands = groups.shape[0]
    heads = np.full(sizes, -1, np.int64)
    links = np.empty((bands, len(rows)), np.int32)
    for place in range(len(rows) - 1, -1, -1):
        for band in range(bands):
            group = groups[band, rows[place]]
            if group >= 0:
                links[band, place] = heads[group]
                heads[group] = place
    return heads, links


@compiled
def likeness(
    same: NDArray[np.int32], values: NDArray[np.uint64], bounds: NDArray[np.int64], one: int, other: int
) -> float:
    """1 for rows of the same number, else `jaccard`."""
    if same[one] >= 0 and same[one] == same[other]:
        return 1.0
    return jaccard(values, bounds, one, other)


@compiled
def across(
    groups: NDArray[np.int32],
    sizes: int,
    held: NDArray[np.int64],
    others: NDArray[np.int64],
    same: NDArray[np.int32],
    values: NDArray[np.uint64],
    bounds: NDArray[np.int64],
    threshold: float,
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.bool_]]:
    """Looks for each of some rows among the held ones.

    Args:
        groups: As in `greedy`.
        sizes: How many buckets there are.
        held: The rows to look among; of equally similar ones the first counts.
        others: The rows to look for.
        same: Shape (rows,): rows of the same number are the same, similarity 1; -1 is the same as nothing.
        values: The rows' sets, end to end.
        bounds: Of each set, shape (rows + 1,).
        threshold: Least Jaccard similarity.

    Returns:
        For each of `others` the place in `held` of the one most like it or -1, and how similar; and for each of `held`
        whether one of `others` is like it.
    """
    heads, links = chains(groups, sizes, held)
    nearest = np.full(len(others), -1, np.int64)
    similarity = np.zeros(len(others), np.float64)
    touched = np.zeros(len(held), np.bool_)
    seen = np.full(len(held), -1, np.int64)
    for index in range(len(others)):
        for band in range(groups.shape[0]):
            group = groups[band, others[index]]
            place = heads[group] if group >= 0 else -1
            while place >= 0:
                if seen[place] != index:
                    seen[place] = index
                    found = likeness(same, values, bounds, others[index], held[place])
                    if found >= threshold:
                        touched[place] = True
                        if found > similarity[index] or (found == similarity[index] and place < nearest[index]):
                            similarity[index], nearest[index] = found, place
                place = np.int64(links[band, place])
    return nearest, similarity, touched
