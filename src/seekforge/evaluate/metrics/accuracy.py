"""Accuracy of decisions: predictions and references are labels, `""` where an answer held none."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from seekforge.evaluate.metrics.base import MeanOfPairs, Reads, Rows, pairs


class Accuracy(MeanOfPairs):
    """Share of decisions that are right."""

    reads: Reads = "decisions"

    def rows(self, predictions: Sequence[str], references: Sequence[str]) -> Rows:
        """1 where the labels are the same, shape (pairs, 1)."""
        return np.array([[float(p == r)] for p, r in pairs(predictions, references)])
