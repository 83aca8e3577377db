"""Dates and times of day in English and Chinese, as far as they are written: `March 2024` has no day."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from seekforge.data.facts.numerals import read

_MONTHS = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]
_MONTH = "(?:" + "|".join(rf"{name[:3]}(?:{name[3:]})?\.?" for name in _MONTHS) + "|sept\\.?)(?![a-z])"
_CN = "零〇一二两三四五六七八九十"
_PATTERNS = tuple(
    re.compile(pattern)
    for pattern in (
        r"(?<!\d)(?P<y>\d{4})[-/.](?P<m>\d{1,2})[-/.](?P<d>\d{1,2})(?!\d)",
        r"(?<!\d)(?P<a>\d{1,2})/(?P<b>\d{1,2})/(?P<y>\d{4})(?!\d)",
        rf"(?P<y>\d{{4}}|[零〇一二三四五六七八九]{{4}})年(?:(?P<m>\d{{1,2}}|[{_CN}]{{1,3}})月(?:份)?(?:(?P<d>\d{{1,2}}|[{_CN}]{{1,3}})[日号])?)?",
        rf"(?<![\d年])(?P<m>\d{{1,2}}|[{_CN}]{{1,3}})月(?P<d>\d{{1,2}}|[{_CN}]{{1,3}})[日号]",
        rf"(?<![\d年个每])(?P<m>\d{{1,2}}|[{_CN}]{{1,3}})月(?:份)?",
        rf"(?<!\d)(?P<d>\d{{1,2}})(?:st|nd|rd|th)?(?: of)? (?P<month>{_MONTH})(?:,? (?P<y>\d{{4}}))?(?!\d)",
        rf"(?<![a-z])(?P<month>{_MONTH}) (?P<d>\d{{1,2}})(?:st|nd|rd|th)?(?!\d)(?:,? (?P<y>\d{{4}})(?!\d))?",
        rf"(?<![a-z])(?P<month>{_MONTH}),? (?P<y>\d{{4}})(?!\d)",
        r"(?<![a-z])(?:in|since|from|of|year|until|till|by|before|after|around|about|and|to|during|early|late|summer|winter"
        r"|spring|autumn) (?P<y>(?:1[0-9]|20)\d\d)(?![\d,.]*\d|[a-z%]|[\s-](?:[a-z]*met|km|m |people|employees))",
        r"^\s*(?P<y>(?:1[0-9]|20)\d\d)\s*[.。!]?\s*$",
    )
)
_CLOCK = re.compile(
    rf"(?<![\d:])(?:(?P<half>上午|早上|凌晨|中午|下午|晚上)\s?)?(?:(?P<h>\d{{1,2}}):(?P<min>\d{{2}})(?![\d:])|(?P<h2>\d{{1,2}}|[{_CN}]{{1,3}})"
    rf"(?:点|时(?!间))(?:(?P<min2>\d{{1,2}})分|(?P<thirty>半))?)\s?(?P<ap>a\.?m\.?|p\.?m\.?)?"
    r"|(?<![\d:.])(?P<h3>\d{1,2})\s?(?P<ap3>a\.?m\.?|p\.?m\.?)(?![a-z])"
)


@dataclass(frozen=True, slots=True)
class Day:
    """A date, or the part of one that is written."""

    year: int | None = None
    month: int | None = None
    day: int | None = None

    def agrees(self, other: Day) -> bool | None:
        """Whether all that both say is the same; None when they have nothing in common."""
        shared = [(a, b) for a, b in zip(self.parts, other.parts, strict=True) if a is not None and b is not None]
        return all(a == b for a, b in shared) if shared else None

    @property
    def parts(self) -> tuple[int | None, ...]:
        """Year, month, day."""
        return self.year, self.month, self.day


@dataclass(frozen=True, slots=True)
class Spotted:
    """A date (all its readings) or a time of day (minutes after midnight) and where it stands."""

    start: int
    end: int
    days: tuple[Day, ...] = ()
    minutes: int | None = None


def find(text: str) -> Iterator[Spotted]:
    """All dates and times of a text in lower case; what one pattern has taken no later one sees."""
    taken: list[tuple[int, int]] = []
    for pattern in _PATTERNS:
        for match in pattern.finditer(text):
            start, end = match.span("y") if _is_bare_year(match) else match.span()
            days = _days(match.groupdict())
            if days and not any(start < last and first < end for first, last in taken):
                taken.append((start, end))
                yield Spotted(start, end, days)
    for match in _CLOCK.finditer(text):
        minutes = _minutes(match.groupdict())
        if minutes is not None and not any(match.start() < last and first < match.end() for first, last in taken):
            yield Spotted(match.start(), match.end(), minutes=minutes)


def _is_bare_year(match: re.Match[str]) -> bool:
    groups = match.groupdict()
    return "y" in groups and len(groups) == 1


def _days(groups: dict[str, str | None]) -> tuple[Day, ...]:
    """Both readings of 3/5/2024, one of all others, none of what is no date."""
    year = int(read(groups["y"] or "0")) if groups.get("y") else None
    if groups.get("a"):
        one, two = int(groups["a"] or 0), int(groups["b"] or 0)
        return tuple(dict.fromkeys(Day(year, m, d) for m, d in ((one, two), (two, one)) if 0 < m <= 12 and 0 < d <= 31))
    month = _month(groups)
    day = int(read(groups["d"] or "0")) if groups.get("d") else None
    if not (month is None or 0 < month <= 12) or not (day is None or 0 < day <= 31):
        return ()
    return (Day(year, month, day),)


def _month(groups: dict[str, str | None]) -> int | None:
    name = groups.get("month")
    if name:
        return next(number for number, month in enumerate(_MONTHS, 1) if month.startswith(name[:3]))
    return int(read(groups["m"] or "0")) if groups.get("m") else None


def _minutes(groups: dict[str, str | None]) -> int | None:
    hour = int(read(groups["h"] or groups["h2"] or groups["h3"] or "0"))
    minute = 30 if groups["thirty"] else int(groups["min"] or groups["min2"] or 0)
    later = (groups["ap"] or groups["ap3"] or "").startswith("p") or groups["half"] in {"下午", "晚上"}
    earlier = (groups["ap"] or groups["ap3"] or "").startswith("a")
    if later and hour < 12:
        hour += 12
    if earlier and hour == 12:
        hour = 0
    return 60 * hour + minute if hour <= 24 and minute < 60 else None
