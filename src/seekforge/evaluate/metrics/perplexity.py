"""Perplexity (Jelinek et al. 1977) of the reference answers: how much they surprise the model."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from seekforge.evaluate.metrics.base import Better, OfPairs, Reads, Rows, pairs


class Perplexity(OfPairs):
    """exp(-sum of log-probabilities / tokens) over all answers, end tokens included; 1 and more, less is better.

    A token is the model's own: models with other vocabularies are not to be compared by it.
    """

    unit: str = "perplexity"
    better: Better = "lower"
    reads: Reads = "likelihood"

    def rows(self, predictions: Sequence[float], references: Sequence[int]) -> Rows:
        """The log-probability of each reference answer in nats, and its tokens: shape (pairs, 2)."""
        return np.array(pairs(predictions, references), dtype=np.float64)

    def figure(self, rows: Rows) -> float:
        """Of the summed log-probabilities and tokens."""
        total, tokens = rows.sum(axis=0)
        return math.exp(-total / tokens)
