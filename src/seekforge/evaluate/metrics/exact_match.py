"""Exact match after folding case, white space and full-width forms."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import numpy as np

from seekforge.evaluate.metrics.base import MeanOfPairs, Rows, pairs


def fold(text: str) -> str:
    """The form in which two answers are compared.

    >>> fold(" Ｈold.  Rule 1") == fold("hold. rule 1")
    True
    """
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


class ExactMatch(MeanOfPairs):
    """Share of answers that equal their reference."""

    def rows(self, predictions: Sequence[str], references: Sequence[str]) -> Rows:
        """1 where the folded texts are the same, shape (pairs, 1)."""
        return np.array([[float(fold(p) == fold(r))] for p, r in pairs(predictions, references)])
