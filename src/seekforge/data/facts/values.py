"""Values in text: numbers with units, money, percentages, durations, dates and times, made comparable."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

from seekforge.data.facts import dates, numerals
from seekforge.data.facts.bounds import Bound, bound, is_about, is_denied
from seekforge.data.facts.units import AFTER, BEFORE, COUNTERS, PER_AFTER, PER_BEFORE, SIGNS, UNITS, Unit
from seekforge.data.facts.words import noun_stems
from seekforge.data.numerals import ARABIC, chinese

COUNT, DATE, CLOCK = "count", "date", "time of day"
_SUPERSCRIPTS = {ord(char): f"^{digit}" for digit, char in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")} | {ord("⁻"): "^-"}
_SHARE = re.compile(
    rf"(?P<base>百|千|万|[一二三四五六七八九十]{{1,3}})分之(?P<part>{ARABIC}|[零〇一二两三四五六七八九十百点]+)"
)
_JOIN = re.compile(r"\s?(?:to|and|-|–|—|~|至|到)\s?")
_ORDINAL = re.compile(r"(?:第|no\. ?|rule |rules |step |chapter |section |case |reference |file |version |v)$")
_PERCENT = Unit("percent")
_NO_UNIT = Unit(COUNT)


@dataclass(frozen=True, slots=True)
class Reading:
    """A number in the base unit of its dimension.

    Attributes:
        dimension: Readings of others cannot be compared with it.
        low: Of a range its beginning; else the number.
        high: Of a range its end; else the number.
        step: What one more in the last digit written adds.
        is_decimal: Of a unit that goes by tens.
    """

    dimension: str
    low: Fraction
    high: Fraction
    step: Fraction = Fraction(1)
    is_decimal: bool = True


@dataclass(frozen=True, slots=True)
class Value:
    """One value and where it stands in its (plain) text.

    Attributes:
        text: As written, unit included.
        start: Of it.
        end: Behind it.
        readings: What it may mean: `5 pounds` is money or weight. Empty for a date.
        days: What a date may mean.
        bound: Whether it is a limit.
        about: The text says that it is rough.
        denied: The text says that it is not so.
        nouns: Of a number without a unit: stems of what it counts; none for a bare number.
        per: A rate's unit of time in its base unit, and that unit's dimension.
    """

    text: str
    start: int
    end: int
    readings: tuple[Reading, ...] = ()
    days: tuple[dates.Day, ...] = ()
    bound: Bound = Bound.EXACT
    about: bool = False
    denied: bool = False
    nouns: frozenset[str] = frozenset()
    per: tuple[str, Fraction] | None = None

    @property
    def dimensions(self) -> frozenset[str]:
        """What it may measure."""
        return frozenset(reading.dimension for reading in self.readings) or frozenset([DATE])


def plain(text: str) -> str:
    """The text as values are read from it: NFKC, lower case, straight apostrophes, exponents as `^2`."""
    text = unicodedata.normalize("NFKC", text.translate(_SUPERSCRIPTS))
    return text.lower().replace("’", "'").replace("\u2044", "/")


def find(text: str) -> list[Value]:
    """All values of a plain text, in order.

    >>> [value.text for value in find(plain("Held for 24 hours from 5 March; 上限为三千五百元"))]
    ['24 hours', '5 march', '三千五百元']
    """
    found = [_dated(text, spot) for spot in dates.find(text)]
    taken = [(value.start, value.end) for value in found]
    for value in (*_shares(text), *_numbers(text)):
        if not any(value.start < end and start < value.end for start, end in taken):
            found.append(value)
            taken.append((value.start, value.end))
    return [_settled(text, value) for value in _ranges(text, sorted(found, key=lambda value: value.start))]


def _dated(text: str, spot: dates.Spotted) -> Value:
    readings: tuple[Reading, ...] = ()
    if spot.minutes is not None:
        readings = (Reading(CLOCK, Fraction(spot.minutes), Fraction(spot.minutes)),)
    return Value(text[spot.start : spot.end], spot.start, spot.end, readings, spot.days)


def _shares(text: str) -> Iterator[Value]:
    """`百分之五`, `三分之一`, as per cent."""
    for match in _SHARE.finditer(text):
        share = 100 * chinese(match["part"]) / chinese(match["base"])
        yield Value(match[0], match.start(), match.end(), (Reading("percent", share, share),))


def _numbers(text: str) -> Iterator[Value]:
    for match in numerals.find(text):
        before = text[max(0, match.start() - 12) : match.start()]
        if _ORDINAL.search(before):
            continue
        value = _measured(text, match, before)
        if value is not None:
            yield value


def _measured(text: str, match: re.Match[str], before: str) -> Value | None:
    """One number with its unit; None for a word such as `one` that counts nothing."""
    number, step = numerals.read(match[0]), numerals.step(match[0])
    after = AFTER.match(text, match.end())
    sign = BEFORE.search(before)
    start, end, nouns = match.start(), match.end(), frozenset[str]()
    units: tuple[Unit, ...]
    half = match[0].endswith("半") and text[end : end + 1] == "月"  # `两个半月`
    if half:
        units, end = UNITS["月"], end + 1
    elif sign:
        units = UNITS[SIGNS[sign["sign"]]]
        start -= len(sign[0])
        if after and after["unit"] == "m":  # £5m
            number, step, end = number * 10**6, step * 10**6, after.end()
    elif after and after["unit"]:
        units, end = UNITS[after["unit"]], after.end()
        if match[0] == "一" and numerals.NUMBER.match(text, end):  # `一日三次` is a rate
            return None
    else:
        if len(match[0]) == 1 and not match[0].isdigit() and not after:
            return None
        if match[0] in {"one", "一"}:
            return None
        units, end, nouns = _counted(text, end, after)
    readings = tuple(_reading(number, step, unit) for unit in units)
    return Value(text[start:end], start, end, readings, nouns=nouns)


def _counted(text: str, end: int, after: re.Match[str] | None) -> tuple[tuple[Unit, ...], int, frozenset[str]]:
    if after and after["counter"]:
        name = COUNTERS[after["counter"]]
        return (_NO_UNIT,), after.end(), frozenset([name] if name else [])
    return (_NO_UNIT,), end, noun_stems(text[end : end + 40])


def _reading(number: Fraction, step: Fraction, unit: Unit) -> Reading:
    amount = number * unit.size + unit.offset
    return Reading(unit.dimension, amount, amount, step * unit.size, unit.is_decimal)


def _ranges(text: str, found: list[Value]) -> Iterator[Value]:
    """`3 to 5 days` and `between 3 and 5 days` are one value."""
    last: Value | None = None
    for value in found:
        if last is not None:
            joined = _join(text, last, value)
            if joined is None:
                yield last
            value = joined or value
        last = value
    if last is not None:
        yield last


def _join(text: str, low: Value, high: Value) -> Value | None:
    between = text[low.end : high.start]
    if not _JOIN.fullmatch(between) or not low.readings or not high.readings:
        return None
    if "and" in between and not re.search(r"between\s*$", text[max(0, low.start - 10) : low.start]):
        return None
    ends = list(low.readings)
    if low.dimensions == {COUNT} and high.dimensions != {COUNT}:  # the unit of `3 to 5 days` stands at its end
        unit = AFTER.match(text, high.end - len(high.text) + len(_number_of(high.text)))
        if unit is None or not unit["unit"]:
            return None
        ends = [_reading(low.readings[0].low, low.readings[0].step, each) for each in UNITS[unit["unit"]]]
    pairs = [(a, b) for a in ends for b in high.readings if a.dimension == b.dimension and a.low < b.high]
    if not pairs:
        return None
    readings = tuple(replace(b, low=a.low) for a, b in pairs)
    return replace(high, text=text[low.start : high.end], start=low.start, readings=readings)


def _number_of(text: str) -> str:
    match = next(numerals.find(text), None)
    return match[0] if match and match.start() == 0 else ""


def _settled(text: str, value: Value) -> Value:
    """The value with what stands around it."""
    end, per = value.end, None
    if value.readings and value.dimensions != {CLOCK}:
        after = PER_AFTER.match(text, end)
        before = None if after else PER_BEFORE.search(text[max(0, value.start - 12) : value.start])
        unit = UNITS[(after or before)["unit"]][0] if after or before else None  # type: ignore[index]
        if unit is not None and unit.dimension in {"time", "months"}:
            per = (unit.dimension, unit.size)
        end = after.end() if after else end
    return replace(
        value,
        bound=bound(text, value.start, end),
        about=is_about(text, value.start, value.end),
        denied=is_denied(text, value.start),
        per=per,
    )
