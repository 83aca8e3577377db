"""Whether two values say the same, each with what the text says around it; pure arithmetic."""

from __future__ import annotations

from dataclasses import replace
from enum import Enum
from fractions import Fraction

from seekforge.data.facts.bounds import Bound
from seekforge.data.facts.dates import Day
from seekforge.data.facts.values import COUNT, Reading, Value

_YEARS = range(1000, 2101)
_AROUND = 5  # years
_MONTH = (Fraction(28 * 86400), Fraction(31 * 86400))  # seconds


class Match(Enum):
    """How a value stands to a known one. `APART`: they cannot be compared, or both can be true."""

    SAME = "same"
    OTHER = "other"
    APART = "apart"


def compare(known: Value, said: Value, tolerance: float = 0.1) -> Match:
    """How a claimed value stands to a known one.

    Args:
        known: From the knowledge base.
        said: From the text that is checked.
        tolerance: Share by which they may differ where one of them is said to be rough.
    """
    if known.days or said.days:
        return _days(_dated(known), _dated(said))
    verdicts = [_readings(known, said, one, other, tolerance) for one in known.readings for other in said.readings]
    if Match.SAME in verdicts:
        return Match.SAME
    return Match.OTHER if Match.OTHER in verdicts else Match.APART


def _dated(value: Value) -> Value:
    """A bare number as a year, where it may be one."""
    if value.days or len(value.readings) != 1 or value.nouns:
        return value
    [reading] = value.readings
    is_year = reading.dimension == COUNT and reading.low == reading.high and reading.low in _YEARS
    return replace(value, days=(Day(int(reading.low)),)) if is_year else value


def _days(known: Value, said: Value) -> Match:
    if not (known.days and said.days):
        return Match.APART
    agree = [one.agrees(other) for one in known.days for other in said.days]
    if any(agree):
        return Match.SAME
    near = (known.about or said.about) and any(_near(one, other) for one in known.days for other in said.days)
    loose = known.bound.side or said.bound.side or near
    return Match.OTHER if False in agree and not loose else Match.APART


def _near(one: Day, other: Day) -> bool:
    """`About 1999` may be any year around it."""
    return one.year is not None and other.year is not None and abs(one.year - other.year) <= _AROUND


def _readings(known: Value, said: Value, one: Reading, other: Reading, tolerance: float) -> Match:
    if {one.dimension, other.dimension} == {"time", "months"}:
        return _calendar(one, other)
    if one.dimension != other.dimension:
        return Match.APART
    if one.dimension == COUNT and known.nouns and said.nouns and not known.nouns & said.nouns:
        return Match.APART
    other = _same_rate(known, said, other)
    if _equal(known, said, one, other, tolerance):
        contrary = known.bound.is_limit and said.bound.is_limit and known.bound.side != said.bound.side
        return Match.OTHER if contrary else Match.SAME
    if one.low < one.high or other.low < other.high:
        return _with_range(one, other)
    return _unequal(known.bound, said.bound, one.low, other.low)


def _same_rate(known: Value, said: Value, other: Reading) -> Reading:
    """The claimed rate for as long as the known one."""
    if known.per is None or said.per is None or known.per[0] != said.per[0]:
        return other
    ratio = known.per[1] / said.per[1]
    return Reading(other.dimension, other.low * ratio, other.high * ratio, other.step * ratio, other.is_decimal)


def _equal(known: Value, said: Value, one: Reading, other: Reading, tolerance: float) -> bool:
    slack = Fraction(0)
    if known.about or said.about:
        slack = Fraction(tolerance) * abs(one.high)
    elif one.is_decimal != other.is_decimal:  # a conversion was rounded by whoever wrote it
        slack = max(one.step, other.step) / 2
    return abs(one.low - other.low) <= slack and abs(one.high - other.high) <= slack


def _with_range(one: Reading, other: Reading) -> Match:
    """A number within a known range may be true; two ranges that differ, or a number outside, are not."""
    both = one.low < one.high and other.low < other.high
    outside = other.high < one.low or other.low > one.high
    return Match.OTHER if both or outside else Match.APART


def _unequal(known: Bound, said: Bound, one: Fraction, other: Fraction) -> Match:
    if known.side == said.side:
        return Match.OTHER
    if known.side == 0:
        holds = one < other if said.side < 0 else one > other
        return Match.OTHER if said.is_limit else (Match.SAME if holds else Match.OTHER)
    if said.side == 0:
        outside = other > one if known.side < 0 else other < one
        return Match.OTHER if outside else Match.APART
    return Match.APART


def _calendar(one: Reading, other: Reading) -> Match:
    """Months have 28 to 31 days, so only what no such month allows is another length."""
    months, seconds = (one, other) if one.dimension == "months" else (other, one)
    shortest, longest = months.low * _MONTH[0], months.high * _MONTH[1]
    return Match.OTHER if seconds.high < shortest or seconds.low > longest else Match.APART


def is_comparable(known: Value, said: Value) -> bool:
    """Whether both measure the same, so that one could be said in place of the other."""
    if known.days or said.days:
        return bool(_dated(known).days and _dated(said).days)
    if known.dimensions == {COUNT} and known.nouns and said.nouns:
        return said.dimensions == {COUNT} and bool(known.nouns & said.nouns)
    lengths = {"time", "months"}
    return bool(known.dimensions & said.dimensions) or bool(known.dimensions & lengths and said.dimensions & lengths)
