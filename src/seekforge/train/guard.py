"""The guards: pure decisions from the losses so far, whether a run overfits and whether it diverges."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

WINDOW = 8  # logged losses that a new one is held against
_FEWEST = 3  # before there are so many, nothing is called a spike
_LEAST = 1.0  # nat: of small losses the triple is noise


@dataclass(frozen=True, slots=True)
class GuardVerdict:
    """Whether to stop, at which evaluation the loss was best (0-based), and why in words."""

    stop: bool
    best: int
    reason: str


def judge(losses: Sequence[float], tolerance: float) -> GuardVerdict:
    """Stops when the latest validation loss is more than `tolerance` (a share) above the best so far.

    Args:
        losses: Validation losses in the order of their evaluations; at least one.
        tolerance: 0.05 is the guide's 5 %.

    >>> judge([2.0, 1.0, 1.04], 0.05).stop
    False
    >>> judge([2.0, 1.0, 1.06], 0.05).reason
    'validation loss 1.0600 is 6.0 % above its best, 1.0000'
    """
    if not losses:
        raise ValueError("no losses")
    best = min(range(len(losses)), key=lambda i: losses[i])
    latest, lowest = losses[-1], losses[best]
    if latest != latest:
        return GuardVerdict(True, best, "validation loss is not a number")
    if latest > lowest * (1 + tolerance):
        above = (latest / lowest - 1) * 100 if lowest else float("inf")
        return GuardVerdict(True, best, f"validation loss {latest:.4f} is {above:.1f} % above its best, {lowest:.4f}")
    return GuardVerdict(False, best, "")


def diverged(losses: Sequence[float], factor: float) -> str:
    """Why the latest training loss means divergence, in words; empty if it does not.

    It does when it is not a finite number, or a spike: more than `factor` times the median of the last `WINDOW` losses
    before it, and more than a nat above that median.

    Args:
        losses: Training losses as they were logged, nats a token; at least one.
        factor: Above 1.

    >>> diverged([2.0, 1.8, 1.9, 1.7, 6.0], 3.0)
    'training loss 6.0000 is more than 3 times the median before it, 1.8500'
    >>> diverged([2.0, 1.8, 1.9, 1.7, 5.0], 3.0)
    ''
    """
    *before, latest = losses
    if not math.isfinite(latest):
        return "the loss is not a number"
    known = [loss for loss in before[-WINDOW:] if math.isfinite(loss)]
    if len(known) < _FEWEST:
        return ""
    median = statistics.median(known)
    if latest > factor * median and latest > median + _LEAST:
        return f"training loss {latest:.4f} is more than {factor:g} times the median before it, {median:.4f}"
    return ""
