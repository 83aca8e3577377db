"""Distinct-n (Li et al. 2016, "A Diversity-Promoting Objective Function", section 5.2): how varied answers are."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from seekforge.evaluate.metrics.base import OfPairs, Reads, Resampling, Rows, pairs
from seekforge.evaluate.text import ngrams, words


class Distinct(OfPairs):
    """Different n-grams of words over all n-grams of all answers, 0 to 1.

    It falls as answers are added, so only figures over the same number of answers can be compared.

    Args:
        size: Words in an n-gram.
        terms: Chinese words of the domain that stay whole.
    """

    unit: str = "fraction"
    reads: Reads = "answers"
    # An answer that is drawn twice has nothing new: bootstrap figures all lie below that of the answers themselves.
    resampling: Resampling = "jackknife"

    def __init__(self, size: int, terms: frozenset[str] = frozenset()) -> None:
        self._size, self._terms = size, terms

    def rows(self, predictions: Sequence[str], references: Sequence[str]) -> Rows:
        """A number for each n-gram, equal ones for equal n-grams: shape (pairs, most n-grams), -1 behind them."""
        numbers: dict[tuple[str, ...], int] = {}
        found = [
            [numbers.setdefault(ngram, len(numbers)) for ngram in ngrams(words(answer, self._terms), self._size)]
            for answer, _ in pairs(predictions, references)
        ]
        rows = np.full((len(found), max(map(len, found), default=0)), -1.0)
        for row, own in zip(rows, found, strict=True):
            row[: len(own)] = own
        return rows

    def figure(self, rows: Rows) -> float:
        """Different numbers over all of them; 0 where there are none."""
        own = rows[rows >= 0].astype(np.int64)
        return float(np.count_nonzero(np.bincount(own)) / len(own)) if len(own) else 0.0


distinct1 = partial(Distinct, 1)
distinct2 = partial(Distinct, 2)
