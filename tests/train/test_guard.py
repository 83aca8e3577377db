"""The overfit guard is a pure decision; these are its laws."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seekforge.train.guard import judge

LOSS = st.floats(min_value=1e-3, max_value=1e3)
LOSSES = st.lists(LOSS, min_size=1, max_size=30)
TOLERANCE = st.floats(min_value=0, max_value=2)


@given(LOSSES, TOLERANCE)
def test_it_stops_only_for_a_loss_above_the_best_by_more_than_the_tolerance(
    losses: list[float], tolerance: float
) -> None:
    verdict = judge(losses, tolerance)
    assert verdict.stop == (losses[-1] > min(losses) * (1 + tolerance))
    assert losses[verdict.best] == min(losses)
    assert bool(verdict.reason) == verdict.stop


@given(LOSSES, TOLERANCE)
def test_a_falling_loss_never_stops(losses: list[float], tolerance: float) -> None:
    assert not judge(sorted(losses, reverse=True), tolerance).stop


@given(LOSSES, TOLERANCE, TOLERANCE)
def test_more_tolerance_never_stops_earlier(losses: list[float], one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert judge(losses, low).stop or not judge(losses, high).stop


@given(LOSSES, TOLERANCE, st.floats(min_value=0.01, max_value=100))
def test_the_order_of_the_earlier_losses_does_not_matter(losses: list[float], tolerance: float, last: float) -> None:
    assert judge([*losses, last], tolerance).stop == judge([*reversed(losses), last], tolerance).stop


@given(LOSSES, TOLERANCE)
def test_no_number_stops(losses: list[float], tolerance: float) -> None:
    verdict = judge([*losses, math.nan], tolerance)
    assert verdict.stop
    assert verdict.reason == "validation loss is not a number"
    assert losses[verdict.best] == min(losses)


@given(LOSSES)
def test_infinity_stops(losses: list[float]) -> None:
    assert judge([*losses, math.inf], 0.05).stop


def test_the_first_of_equal_losses_is_the_best() -> None:
    assert judge([2.0, 1.0, 1.0], 0.05).best == 1


def test_nothing_to_judge_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="no losses"):
        judge([], 0.05)
