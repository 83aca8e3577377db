"""The overfit guard: a pure decision from the validation losses so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


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
