"""How much of an answer was said already: seq-rep-4, over words that jieba cuts where the text is Chinese.

Source: Welleck et al. 2020, "Neural Text Generation With Unlikelihood Training", section 6.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from seekforge.evaluate.metrics.base import Better, MeanOfPairs, Reads, Rows, pairs
from seekforge.evaluate.text import ngrams, words

_SIZE = 4  # words


class Repetition(MeanOfPairs):
    """Mean over the answers of the share of runs of four words that occurred before in the same answer; less is better.

    Args:
        terms: Chinese words of the domain that stay whole.
    """

    better: Better = "lower"
    reads: Reads = "answers"

    def __init__(self, terms: frozenset[str] = frozenset()) -> None:
        self._terms = terms

    def rows(self, predictions: Sequence[str], references: Sequence[str]) -> Rows:
        """The share of each answer, 0 for one of fewer words: shape (pairs, 1)."""
        return np.array([[_share(words(p, self._terms))] for p, _ in pairs(predictions, references)])


def _share(found: list[str]) -> float:
    runs = ngrams(found, _SIZE)
    return 1 - len(set(runs)) / len(runs) if runs else 0.0
