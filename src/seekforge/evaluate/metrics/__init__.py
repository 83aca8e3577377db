"""Metrics, one a file: a pair becomes a row of numbers, rows become one figure, so that all can be resampled."""

from __future__ import annotations

from seekforge.core.registry import Registry
from seekforge.evaluate.metrics.base import Metric as Metric
from seekforge.evaluate.metrics.base import Rows as Rows

METRICS = Registry(
    "metric",
    {
        "accuracy": "seekforge.evaluate.metrics.accuracy:Accuracy",
        "macro_f1": "seekforge.evaluate.metrics.macro_f1:MacroF1",
        "exact_match": "seekforge.evaluate.metrics.exact_match:ExactMatch",
        "f1": "seekforge.evaluate.metrics.f1:TokenF1",
        "bleu": "seekforge.evaluate.metrics.bleu:Bleu",
        "chrf": "seekforge.evaluate.metrics.chrf:Chrf",
        "rouge1": "seekforge.evaluate.metrics.rouge:rouge1",
        "rouge2": "seekforge.evaluate.metrics.rouge:rouge2",
        "rougeL": "seekforge.evaluate.metrics.rouge:rouge_l",
        "distinct1": "seekforge.evaluate.metrics.distinct:distinct1",
        "distinct2": "seekforge.evaluate.metrics.distinct:distinct2",
        "repetition": "seekforge.evaluate.metrics.repetition:Repetition",
        "ece": "seekforge.evaluate.metrics.ece:Ece",
        "perplexity": "seekforge.evaluate.metrics.perplexity:Perplexity",
    },
)
_OF_WORDS = frozenset({"f1", "rouge1", "rouge2", "rougeL", "distinct1", "distinct2", "repetition"})


def metric(name: str, terms: frozenset[str] = frozenset()) -> Metric:
    """A metric by its name; those that count words keep the domain's Chinese terms whole.

    Raises:
        ConfigError: There is no such metric.
    """
    made: Metric = METRICS.load(name)(**({"terms": terms} if terms and name in _OF_WORDS else {}))
    return made
