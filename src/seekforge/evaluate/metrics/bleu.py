"""BLEU by sacreBLEU (Post 2018), its Chinese tokenizer for Chinese references and 13a otherwise."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from seekforge.evaluate.metrics.base import OfPairs, Rows, pairs
from seekforge.evaluate.text import mostly_chinese

_ORDERS = 4


class Bleu(OfPairs):
    """Corpus BLEU, 0 to 100."""

    unit: str = "score"

    def rows(self, predictions: Sequence[str], references: Sequence[str]) -> Rows:
        """N-gram matches, n-gram totals and both lengths of each pair, shape (pairs, 10); their sums are a corpus's."""
        from sacrebleu.metrics.bleu import BLEU

        metric = BLEU(tokenize="zh" if mostly_chinese(references) else "13a", effective_order=True)
        scores = [metric.sentence_score(p, [r]) for p, r in pairs(predictions, references)]
        return np.array([[*s.counts, *s.totals, s.sys_len, s.ref_len] for s in scores], dtype=np.float64)

    def figure(self, rows: Rows) -> float:
        """BLEU of the summed statistics, smoothed as sacreBLEU does by default.

        A single pair is a sentence: as sacreBLEU's `sentence_bleu`, orders that it is too short for do not count.
        """
        from sacrebleu.metrics.bleu import BLEU

        total = [int(value) for value in rows.sum(axis=0)]
        score = BLEU.compute_bleu(
            correct=total[:_ORDERS],
            total=total[_ORDERS:-2],
            sys_len=total[-2],
            ref_len=total[-1],
            smooth_method="exp",
            effective_order=len(rows) == 1,
        )
        return float(score.score)
