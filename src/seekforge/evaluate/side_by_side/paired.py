"""The difference of two models on the same items, with its interval and how likely luck alone would make it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from seekforge.evaluate.metrics import Metric, Rows


@dataclass(frozen=True, slots=True)
class Difference:
    """One figure of two models.

    Attributes:
        value: The second model's minus the first one's, in the figure's own unit.
        interval: 95 %.
        p: Two-sided.
    """

    value: float
    interval: tuple[float, float]
    p: float


def difference(metric: Metric, first: Rows, second: Rows, resamples: int, seed: int) -> Difference:
    """By the paired bootstrap: the same items drawn for both models (Koehn 2004).

    The p-value moves the drawn differences to 0 and counts those as far from it as the real one (Efron and Tibshirani
    1993, chapter 16).

    Args:
        metric: From rows to one number.
        first: The first model's rows, shape (items, columns).
        second: The second one's.
        resamples: How often to draw.
        seed: Of the drawing.
    """
    value = metric.figure(second) - metric.figure(first)
    draws = np.random.default_rng(seed).integers(0, len(first), size=(resamples, len(first)))
    drawn = np.array([metric.figure(second[draw]) - metric.figure(first[draw]) for draw in draws])
    low, high = np.percentile(drawn, [2.5, 97.5])
    as_far = np.count_nonzero(np.abs(drawn - value) >= abs(value) * (1 - 1e-12))
    return Difference(value, (float(low), float(high)), (1 + as_far) / (1 + resamples))


def holm(values: Sequence[float]) -> list[float]:
    """p-values for several comparisons at once (Holm 1979): the least by their number, the next by one less, and so on.

    >>> holm([0.01, 0.5, 0.02])
    [0.03, 0.5, 0.04]
    """
    order = sorted(range(len(values)), key=lambda place: values[place])
    adjusted, least = [0.0] * len(values), 0.0
    for rank, place in enumerate(order):
        least = max(least, min(1.0, (len(values) - rank) * values[place]))
        adjusted[place] = least
    return adjusted
