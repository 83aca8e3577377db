"""Percentile bootstrap (Efron 1979): how far a figure could move with another test set of the same size."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from seekforge.evaluate.metrics import Rows


def interval(rows: Rows, figure: Callable[[Rows], float], resamples: int, seed: int) -> tuple[float, float]:
    """The 95 % interval of `figure(rows)`.

    Args:
        rows: Shape (pairs, columns).
        figure: From rows to one number.
        resamples: How often to draw `pairs` rows with replacement.
        seed: Of the drawing.
    """
    generator = np.random.default_rng(seed)
    draws = generator.integers(0, len(rows), size=(resamples, len(rows)))
    figures = [figure(rows[draw]) for draw in draws]
    low, high = np.percentile(figures, [2.5, 97.5])
    return float(low), float(high)
