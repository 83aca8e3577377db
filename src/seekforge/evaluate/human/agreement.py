"""How far raters agree: Krippendorff's alpha among any number of them, Cohen's kappa and Spearman's rho between two."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Level = Literal["nominal", "ordinal", "interval"]
_Matrix = NDArray[np.float64]


def alpha(units: Sequence[Sequence[Hashable]], level: Level) -> float | None:
    """Krippendorff's alpha: 1 is full agreement, 0 what chance gives, below 0 is systematic disagreement.

    1 minus the observed disagreement over the expected one, both from the matrix of coincidences: a unit with m values
    adds 1 / (m - 1) for each ordered pair of its values, so units of unequal numbers of values, raters who left some
    out included, count by what they have. A unit with a single value says nothing and is left out.

    Source: K. Krippendorff, "Computing Krippendorff's Alpha-Reliability", 2011, part C (any number of raters, missing
    data) and part D (squared differences of the levels).

    Args:
        units: For each thing rated the values that it got, in any order. Numbers where the level is not nominal.
        level: `nominal`: equal or not. `ordinal`: by how many values stand between two. `interval`: by the square of
            their difference.

    Returns:
        None where it is not defined: no unit has two values, or all values are the same.
    """
    paired = [unit for unit in units if len(unit) > 1]
    found = {value for unit in paired for value in unit}
    values = sorted(found, key=str) if level == "nominal" else sorted(found)  # type: ignore[type-var]
    if len(values) < 2:
        return None
    place = {value: index for index, value in enumerate(values)}
    coincidences = np.zeros((len(values), len(values)))
    for unit in paired:
        counts = np.zeros(len(values))
        for value in unit:
            counts[place[value]] += 1
        coincidences += (np.outer(counts, counts) - np.diag(counts)) / (len(unit) - 1)
    totals = coincidences.sum(axis=1)
    apart = _squared_differences(values, totals, level)
    observed, expected = (coincidences * apart).sum(), (np.outer(totals, totals) * apart).sum()
    return float(1 - (totals.sum() - 1) * observed / expected)


def _squared_differences(values: Sequence[Hashable], totals: _Matrix, level: Level) -> _Matrix:
    """Shape (values, values), zero on the diagonal."""
    if level == "nominal":
        return 1 - np.eye(len(values))
    if level == "interval":
        numbers = np.array(values, dtype=np.float64)
        result: _Matrix = (numbers[:, None] - numbers[None, :]) ** 2
        return result
    # Of the values from one to the other, those of both ends by half: the distance of their mean ranks.
    middle = np.cumsum(totals) - totals / 2
    ranks: _Matrix = (middle[:, None] - middle[None, :]) ** 2
    return ranks


def kappa(first: Sequence[Hashable], second: Sequence[Hashable]) -> float | None:
    """Cohen's kappa of two raters of the same things, nominal.

    Source: J. Cohen, "A Coefficient of Agreement for Nominal Scales", 1960: (observed - expected) / (1 - expected).

    Returns:
        None where it is not defined: nothing to compare, or both say the same of everything.
    """
    count = len(first)
    if not count:
        return None
    observed = sum(a == b for a, b in zip(first, second, strict=True)) / count
    left, right = Counter(first), Counter(second)
    expected = sum(left[value] * right[value] for value in left) / count**2
    return None if expected == 1 else (observed - expected) / (1 - expected)


def spearman(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Spearman's rho: Pearson's correlation of the ranks, ties at their mean rank.

    Source: C. Spearman, "The Proof and Measurement of Association between Two Things", 1904.

    Returns:
        None where it is not defined: fewer than three things, or one side is the same throughout.
    """
    if len(first) < 3 or len(set(first)) < 2 or len(set(second)) < 2:
        return None
    return float(np.corrcoef(_ranks(first), _ranks(second))[0, 1])


def _ranks(values: Sequence[float]) -> _Matrix:
    """Shape (values,), from 1. By hand, as importing scipy.stats for it would take seconds."""
    _, places, counts = np.unique(np.array(values, dtype=np.float64), return_inverse=True, return_counts=True)
    ranks: _Matrix = (np.cumsum(counts) - (counts - 1) / 2)[places]
    return ranks
