"""The numbers that a text states, whether in digits, full-width digits, Chinese numerals or English words."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation

_DIGITS = re.compile(r"\d+(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?")
_NUMERAL = re.compile(r"[零〇一二两三四五六七八九十百千万亿]+")
_FIGURES = {sign: value for value, sign in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_UNITS = {"十": 10, "百": 100, "千": 1_000}
_BIG = {"万": 10_000, "亿": 100_000_000}
_ENGLISH = {
    word: value
    for value, word in enumerate(
        [
            "zero",
            "one",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
            "thirteen",
            "fourteen",
            "fifteen",
            "sixteen",
            "seventeen",
            "eighteen",
            "nineteen",
            "twenty",
        ]
    )
}
_FIGURATIVE = frozenset({"十分", "万分", "千万", "万一", "百般", "三三两两", "千千万万", "万万", "一万个"})
_SMALL = 1  # `a`, `one`, 一个 come and go in translation and state little


def stated(text: str, numerals: Iterable[str]) -> Counter[str]:
    """Each number above 1 and how often it stands there.

    Args:
        text: The whole text; its digits are found here.
        numerals: The words that a tagger calls numbers; Chinese and English numerals are looked for in these alone,
            for 千万 is mostly no number.

    >>> sorted(stated("三天花了１，２００元", ["三天"]))
    ['1200', '3']
    """
    flat = unicodedata.normalize("NFKC", text)
    found = [match.replace(",", "") for match in _DIGITS.findall(flat)]
    for word in numerals:
        if word not in _FIGURATIVE:
            found += [str(value_of(run)) for run in _NUMERAL.findall(word)]
        if (value := _ENGLISH.get(word.lower())) is not None:
            found.append(str(value))
    return Counter(number for number in map(_canonical, found) if number is not None)


def value_of(numeral: str) -> int:
    """The value of a Chinese numeral; a row of figures is read figure by figure.

    >>> value_of("二十三"), value_of("一万零五百"), value_of("二〇一九")
    (23, 10500, 2019)
    """
    if not any(sign in _UNITS or sign in _BIG for sign in numeral):
        return int("".join(str(_FIGURES[sign]) for sign in numeral))
    total = section = figure = 0
    for sign in numeral:
        if sign in _FIGURES:
            figure = _FIGURES[sign]
        elif sign in _UNITS:
            section += (figure or 1) * _UNITS[sign]
            figure = 0
        else:
            total = (total + section + figure or 1) * _BIG[sign]
            section = figure = 0
    return total + section + figure


def _canonical(number: str) -> str | None:
    try:
        value = Decimal(number)
    except InvalidOperation:
        return None
    return None if 0 <= value <= _SMALL and value == int(value) else format(value.normalize(), "f")
