"""Metrics, one a file: a pair becomes a row of numbers, rows become one figure, so that all can be resampled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from seekforge.core.registry import Registry

Rows = NDArray[np.float64]


class Metric(Protocol):
    """One metric.

    Attributes:
        unit: `fraction` (0 to 1) or `score` (0 to 100).
    """

    unit: str

    def rows(self, predictions: Sequence[str], references: Sequence[str]) -> Rows:
        """What the figure is computed from: shape (pairs, columns)."""

    def figure(self, rows: Rows) -> float:
        """The figure of these rows."""


METRICS = Registry(
    "metric",
    {
        "accuracy": "seekforge.evaluate.metrics.accuracy:Accuracy",
        "exact_match": "seekforge.evaluate.metrics.exact_match:ExactMatch",
        "f1": "seekforge.evaluate.metrics.f1:TokenF1",
        "bleu": "seekforge.evaluate.metrics.bleu:Bleu",
        "rouge1": "seekforge.evaluate.metrics.rouge:rouge1",
        "rouge2": "seekforge.evaluate.metrics.rouge:rouge2",
        "rougeL": "seekforge.evaluate.metrics.rouge:rouge_l",
    },
)
_OF_WORDS = frozenset({"f1", "rouge1", "rouge2", "rougeL"})


def metric(name: str, terms: frozenset[str] = frozenset()) -> Metric:
    """A metric by its name; those that count words keep the domain's Chinese terms whole.

    Raises:
        ConfigError: There is no such metric.
    """
    made: Metric = METRICS.load(name)(**({"terms": terms} if terms and name in _OF_WORDS else {}))
    return made
