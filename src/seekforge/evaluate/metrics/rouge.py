"""ROUGE F-measures by rouge-score (Lin 2004), over words that jieba cuts where the text is Chinese."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from seekforge.evaluate.metrics.base import MeanOfPairs, Rows, pairs
from seekforge.evaluate.text import words


class _Words:
    """rouge-score's tokenizer seam."""

    def __init__(self, terms: frozenset[str]) -> None:
        self._terms = terms

    def tokenize(self, text: str) -> list[str]:
        return words(text, self._terms)


class Rouge(MeanOfPairs):
    """Mean F-measure of one ROUGE type, 0 to 1.

    Args:
        kind: `rouge1`, `rouge2` or `rougeL`.
        terms: Chinese words of the domain that stay whole.
    """

    def __init__(self, kind: str, terms: frozenset[str] = frozenset()) -> None:
        from rouge_score.rouge_scorer import RougeScorer

        self._kind = kind
        self._scorer = RougeScorer([kind], tokenizer=_Words(terms))

    def rows(self, predictions: Sequence[str], references: Sequence[str]) -> Rows:
        """F-measure of each pair, shape (pairs, 1)."""
        found = pairs(predictions, references)
        return np.array([[self._scorer.score(r, p)[self._kind].fmeasure] for p, r in found])


rouge1 = partial(Rouge, "rouge1")
rouge2 = partial(Rouge, "rouge2")
rouge_l = partial(Rouge, "rougeL")
