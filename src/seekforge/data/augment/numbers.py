"""The numbers that a text states, whether in digits, full-width digits, Chinese numerals or English words."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation

from seekforge.data.numerals import ARABIC, ENGLISH, PLAIN, chinese

_DIGITS = re.compile(ARABIC)
_NUMERAL = re.compile(f"[{PLAIN}]+")
_MOST = 20  # a larger word is mostly a part of a number: `two hundred and thirty`
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
            found += [str(chinese(run)) for run in _NUMERAL.findall(word)]
        if (value := ENGLISH.get(word.lower())) is not None and value <= _MOST:
            found.append(str(value))
    return Counter(number for number in map(_canonical, found) if number is not None)


def _canonical(number: str) -> str | None:
    try:
        value = Decimal(number)
    except InvalidOperation:
        return None
    return None if 0 <= value <= _SMALL and value == int(value) else format(value.normalize(), "f")
