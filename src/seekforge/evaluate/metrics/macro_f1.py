"""Macro-averaged F1 of decisions: every label counts the same, however rare it is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from seekforge.evaluate.metrics.base import OfPairs, Reads, Rows, pairs


class MacroF1(OfPairs):
    """Mean over the labels of the harmonic mean of precision and recall (Sokolova and Lapalme 2009), 0 to 1.

    The labels are those that stand in the references or were decided for; an answer without a decision is missing in
    its label's recall and is no label of its own.
    """

    unit: str = "fraction"
    reads: Reads = "decisions"

    def rows(self, predictions: Sequence[str], references: Sequence[str]) -> Rows:
        """For each label whether it was decided for, was right, and both: shape (pairs, 3 x labels)."""
        found = pairs(predictions, references)
        labels = np.array(sorted({*predictions, *references} - {""}), dtype=np.str_)
        decided, right = (np.array(side, dtype=labels.dtype)[:, None] == labels for side in zip(*found, strict=True))
        return np.concatenate([decided, right, decided & right], axis=1).astype(np.float64)

    def figure(self, rows: Rows) -> float:
        """The mean over the labels that occur in these rows; not a number where none does."""
        decided, right, both = rows.sum(axis=0).reshape(3, -1)
        there = decided + right > 0
        return float((2 * both[there] / (decided + right)[there]).mean()) if there.any() else float("nan")
