"""chrF2 (Popović 2015, "chrF: character n-gram F-score for automatic MT evaluation"), with sacreBLEU's conventions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from seekforge.evaluate.metrics.base import OfPairs, Rows, pairs

_ORDERS = 6
_BETA = 2  # recall weighs twice as much as precision


class Chrf(OfPairs):
    """Corpus chrF2, 0 to 100, over characters without white space: Chinese needs no cutting into words."""

    unit: str = "score"

    def rows(self, predictions: Sequence[str], references: Sequence[str]) -> Rows:
        """Of each order the n-grams of the prediction, of the reference and of both: shape (pairs, 18)."""
        return np.array([_counts(p, r) for p, r in pairs(predictions, references)], dtype=np.float64)

    def figure(self, rows: Rows) -> float:
        """F of the mean precision and the mean recall over the orders that both sides have."""
        said, wanted, shared = rows.sum(axis=0).reshape(_ORDERS, 3).T
        there = (said > 0) & (wanted > 0)
        if not shared[there].any():
            return 0.0
        precision, recall = (shared[there] / said[there]).mean(), (shared[there] / wanted[there]).mean()
        return float(100 * (1 + _BETA**2) * precision * recall / (_BETA**2 * precision + recall))


def _counts(prediction: str, reference: str) -> list[int]:
    sides = ["".join(text.split()) for text in (prediction, reference)]
    counts: list[int] = []
    for size in range(1, _ORDERS + 1):
        said, wanted = (Counter(text[at : at + size] for at in range(len(text) - size + 1)) for text in sides)
        # As sacreBLEU: an order that the reference is too short for says nothing against the prediction.
        counts += [said.total() if wanted else 0, wanted.total(), (said & wanted).total()]
    return counts
