"""What metrics have in common: the protocol, and the counts that must be equal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from seekforge.core.errors import DataError

Rows = NDArray[np.float64]
Better = Literal["higher", "lower"]
Reads = Literal["texts", "answers", "decisions", "confidence", "likelihood"]
Resampling = Literal["bootstrap", "jackknife"]
One = TypeVar("One")
Other = TypeVar("Other")


class Metric(Protocol):
    """One metric.

    Attributes:
        unit: `fraction` (0 to 1), `score` (0 to 100) or `perplexity` (1 and more).
        better: Whether more of it or less is better.
        reads: What `rows` is given: answers and reference answers (`texts`); answers, the references being unread
            (`answers`); labels (`decisions`); each decision's probability, None where there is no decision, and whether
            it is right (`confidence`); each reference answer's log-probability in nats and its tokens (`likelihood`).
        resampling: Which interval is honest (`evaluate/bootstrap.py`).
    """

    unit: str
    better: Better
    reads: Reads
    resampling: Resampling

    def rows(self, predictions: Sequence[Any], references: Sequence[Any]) -> Rows:
        """What the figure is computed from: shape (pairs, columns).

        Raises:
            DataError: There are more of the ones than of the others.
        """

    def figure(self, rows: Rows) -> float:
        """The figure of these rows."""


class OfPairs:
    """What most metrics are: figures of pairs of texts, more of which is better."""

    better: Better = "higher"
    reads: Reads = "texts"
    resampling: Resampling = "bootstrap"


class MeanOfPairs(OfPairs):
    """The mean of one number a pair, 0 to 1."""

    unit: str = "fraction"

    def figure(self, rows: Rows) -> float:
        """Mean."""
        return float(rows.mean())


def pairs(predictions: Sequence[One], references: Sequence[Other]) -> list[tuple[One, Other]]:
    """Each prediction with its reference.

    Raises:
        DataError: Their counts differ.
    """
    if len(predictions) != len(references):
        raise DataError(
            f"{len(predictions)} predictions for {len(references)} references",
            mend="Give one prediction a reference, in the references' order",
        )
    return list(zip(predictions, references, strict=True))
