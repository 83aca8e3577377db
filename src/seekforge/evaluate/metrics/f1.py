"""Token F1 as SQuAD defines it (Rajpurkar et al. 2016), over words that jieba cuts where the text is Chinese."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from seekforge.evaluate.metrics.base import MeanOfPairs, Rows, pairs
from seekforge.evaluate.metrics.exact_match import fold
from seekforge.evaluate.text import words


def token_f1(prediction: str, reference: str, terms: frozenset[str] = frozenset()) -> float:
    """Harmonic mean of precision and recall of shared words, 0 to 1.

    Two texts without a word (emoji, signs) are equal or not, as a whole.

    >>> token_f1("hold rule 12", "hold rule 3")
    0.6666666666666666
    """
    left, right = words(prediction, terms), words(reference, terms)
    if not left and not right:
        return float(fold(prediction) == fold(reference))
    shared = sum((Counter(left) & Counter(right)).values())
    return 2 * shared / (len(left) + len(right))


class TokenF1(MeanOfPairs):
    """Mean token F1.

    Args:
        terms: Chinese words of the domain that stay whole.
    """

    def __init__(self, terms: frozenset[str] = frozenset()) -> None:
        self._terms = terms

    def rows(self, predictions: Sequence[str], references: Sequence[str]) -> Rows:
        """F1 of each pair, shape (pairs, 1)."""
        return np.array([[token_f1(p, r, self._terms)] for p, r in pairs(predictions, references)])
