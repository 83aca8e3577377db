"""Expected calibration error (Guo et al. 2017, "On Calibration of Modern Neural Networks", equation 3)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from seekforge.evaluate.metrics.base import Better, OfPairs, Reads, Resampling, Rows, pairs

_BINS = 15  # of equal width, as in the paper


class Ece(OfPairs):
    """How far the model's probability of its decisions is from the share of them that is right, 0 to 1."""

    unit: str = "fraction"
    better: Better = "lower"
    reads: Reads = "confidence"
    # A distance is never below 0, so noise adds to it, and every bootstrap sample adds noise to noise.
    resampling: Resampling = "jackknife"

    def rows(self, predictions: Sequence[float | None], references: Sequence[bool]) -> Rows:
        """The probability of the decision, not a number where there is none, and 1 if it is right: shape (pairs, 2)."""
        found = [(np.nan if p is None else p, float(r)) for p, r in pairs(predictions, references)]
        return np.array(found, dtype=np.float64)

    def figure(self, rows: Rows) -> float:
        """Over the bins of decisions, by their size: |accuracy - mean probability|; not a number without decisions."""
        confidence, right = rows[~np.isnan(rows[:, 0])].T
        if not len(confidence):
            return float("nan")
        # A probability on the border of two bins belongs to the lower one, as in the paper.
        bins = np.clip(np.ceil(confidence * _BINS).astype(np.int64) - 1, 0, _BINS - 1)
        gaps = np.bincount(bins, weights=right - confidence, minlength=_BINS)
        return float(np.abs(gaps).sum() / len(confidence))
