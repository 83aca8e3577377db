"""How far a figure could move with another test set of the same size: two ways to tell, each honest for its figures.

The percentile bootstrap (Efron 1979) draws rows with replacement. Where a row that is drawn twice changes the figure as
no new row would (distinct n-grams) it is no picture of another test set; there the jackknife leaves rows out (Tukey
1958), whose variance is on average not too small for any figure that does not ask for the rows' order (Efron and Stein
1981).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from seekforge.evaluate.metrics.base import Metric, Rows

Interval = tuple[float, float]
Z = 1.959963984540054  # of the normal distribution, two-sided, 95 %


def interval(rows: Rows, figure: Callable[[Rows], float], resamples: int, seed: int) -> Interval:
    """The 95 % percentile interval of `figure(rows)`.

    Args:
        rows: Shape (pairs, columns).
        figure: From rows to one number.
        resamples: How often to draw `pairs` rows with replacement.
        seed: Of the drawing.
    """
    figures = [figure(rows[draw]) for draw in draws(len(rows), resamples, seed)]
    low, high = np.nanpercentile(figures, [2.5, 97.5])
    return float(low), float(high)


def draws(count: int, resamples: int, seed: int) -> Iterator[NDArray[np.int64]]:
    """`resamples` times `count` row numbers drawn with replacement, one drawing in memory at a time."""
    random = np.random.default_rng(seed)
    return (random.integers(0, count, size=count) for _ in range(resamples))


def jackknife_error(count: int, figure: Callable[[NDArray[np.int64]], float], blocks: int, seed: int) -> float:
    """The jackknife's standard error of a figure; not a number for a single row.

    Args:
        count: Rows.
        figure: From the numbers of the rows that stay to the figure.
        blocks: At most how many parts are left out, one at a time; each row is one where there are so many.
        seed: Of the parts.
    """
    parts = np.array_split(np.random.default_rng(seed).permutation(count), min(blocks, count))
    if len(parts) < 2:
        return float("nan")
    left = np.array([figure(np.delete(np.arange(count), part)) for part in parts])
    return float(np.sqrt((len(parts) - 1) * np.nanmean((left - np.nanmean(left)) ** 2)))


def spread(metric: Metric, rows: Rows, resamples: int, seed: int) -> Interval:
    """The 95 % interval that is honest for this metric.

    Args:
        metric: Says which.
        rows: Its rows.
        resamples: Of the bootstrap; blocks of the jackknife.
        seed: Of either.
    """
    value = metric.figure(rows)
    if np.isnan(value):
        return value, value
    if metric.resampling == "bootstrap":
        return interval(rows, metric.figure, resamples, seed)
    error = jackknife_error(len(rows), lambda rest: metric.figure(rows[rest]), resamples, seed)
    return max(0.0, value - Z * error), min(1.0, value + Z * error)
