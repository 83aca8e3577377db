"""Which models are worth having: those that no other beats in quality without costing more."""

from __future__ import annotations

from collections.abc import Sequence


def front(points: Sequence[tuple[float, float]]) -> list[bool]:
    """For each point whether it is on the Pareto front: no other is at least as good in both and better in one.

    Args:
        points: What it costs (less is better) and what it is worth (more is better).

    >>> front([(1.0, 0.5), (2.0, 0.9), (2.5, 0.8), (2.0, 0.9)])
    [True, True, False, True]
    """
    return [not any(_beats(other, point) for other in points) for point in points]


def _beats(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return one != other and one[0] <= other[0] and one[1] >= other[1]
