"""Two models on the same items: is the difference more than luck? Each function is pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from seekforge.core.errors import DataError
from seekforge.evaluate.bootstrap import Interval, Z, draws, jackknife_error
from seekforge.evaluate.metrics.base import Metric, Rows


@dataclass(frozen=True, slots=True)
class Difference:
    """One figure of two models on the same items.

    Attributes:
        value: The second model's minus the first one's, in the figure's own unit.
        interval: 95 %.
        p: Two-sided: how likely a difference as large would be between models that are equally good.
    """

    value: float
    interval: Interval
    p: float


@dataclass(frozen=True, slots=True)
class McNemar:
    """Right and wrong answers of two models to the same items.

    Attributes:
        only_first: Items that only the first model got right.
        only_second: Items that only the second one got right.
        p: Two-sided, exact.
    """

    only_first: int
    only_second: int
    p: float


def mcnemar(first: Sequence[bool], second: Sequence[bool]) -> McNemar:
    """McNemar's test (1947), exact: of the items that one model alone got right, half are either's by luck.

    Args:
        first: Whether the first model was right, an item each.
        second: Whether the second one was.

    Raises:
        DataError: The items are not the same.

    >>> mcnemar([True, False, False, False], [True, True, True, True])
    McNemar(only_first=0, only_second=3, p=0.25)
    """
    _check(len(first), len(second))
    one = sum(a and not b for a, b in zip(first, second, strict=True))
    other = sum(b and not a for a, b in zip(first, second, strict=True))
    tail = sum(math.comb(one + other, k) for k in range(min(one, other) + 1))
    return McNemar(one, other, min(1.0, 2 * tail / 2 ** (one + other)))


def paired_bootstrap(
    first: Rows, second: Rows, figure: Callable[[Rows], float], resamples: int, seed: int
) -> Difference:
    """The same items drawn for both models (Koehn 2004, "Statistical Significance Tests for Machine Translation").

    The p-value moves the drawn differences to 0 and counts those as far from it as the real one (Efron and Tibshirani
    1993, chapter 16); with so many draws it is never below 1 / (resamples + 1).

    Args:
        first: The first model's rows, shape (items, columns).
        second: The second one's; its columns may be others.
        figure: From rows to one number.
        resamples: How often to draw.
        seed: Of the drawing.

    Raises:
        DataError: The items are not the same.
    """
    _check(len(first), len(second))
    value = figure(second) - figure(first)
    drawn = np.array([figure(second[draw]) - figure(first[draw]) for draw in draws(len(first), resamples, seed)])
    drawn = drawn[~np.isnan(drawn)]
    if math.isnan(value) or not len(drawn):
        return Difference(math.nan, (math.nan, math.nan), math.nan)
    low, high = np.percentile(drawn, [2.5, 97.5])
    # Rounding must not tell a drawn difference from the real one.
    as_far = np.count_nonzero(np.abs(drawn - value) >= abs(value) * (1 - 1e-12))
    return Difference(value, (float(low), float(high)), (1 + as_far) / (1 + len(drawn)))


def paired_jackknife(
    first: Rows, second: Rows, figure: Callable[[Rows], float], resamples: int, seed: int
) -> Difference:
    """The same items left out for both models, and the normal distribution; arguments as `paired_bootstrap`'s."""
    _check(len(first), len(second))
    value = figure(second) - figure(first)
    if math.isnan(value):
        return Difference(value, (value, value), value)
    error = jackknife_error(len(first), lambda rest: figure(second[rest]) - figure(first[rest]), resamples, seed)
    p = math.erfc(abs(value) / error / math.sqrt(2)) if error else float(value == 0)
    return Difference(value, (value - Z * error, value + Z * error), p)


def difference(metric: Metric, first: Rows, second: Rows, resamples: int, seed: int) -> Difference:
    """By whichever resampling is honest for this metric; other arguments as `paired_bootstrap`'s."""
    test = paired_bootstrap if metric.resampling == "bootstrap" else paired_jackknife
    return test(first, second, metric.figure, resamples, seed)


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


def _check(first: int, second: int) -> None:
    if first != second:
        raise DataError(f"{first} answers of one model and {second} of the other", mend="Ask both the same items")
