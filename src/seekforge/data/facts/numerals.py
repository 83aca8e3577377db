"""Numbers as people write them, in digits, English words and Chinese characters, as exact fractions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction

from seekforge.data.numerals import ARABIC, ENGLISH, GROUPS, PLAIN, SCALES, chinese, english

_SHORT = {"k": 10**3, "mn": 10**6, "bn": 10**9, "tn": 10**12}
_POWER = r"(?:\s?[×x]\s?10\^-?\d+)"
_SCALE = r"(?:\s?(?:thousand|million|billion|trillion|mn|bn|tn|k)(?![a-z]))"
_WORD = "(?:" + "|".join(sorted([*ENGLISH, *GROUPS, *SCALES], key=len, reverse=True)) + ")"
# In the order in which they are tried at one place: digits with Chinese scales, digits, Chinese characters, words.
NUMBER = re.compile(
    rf"(?:(?<![\d.]){ARABIC}|[{PLAIN}]+)个半(?=[小月钟星世])|(?<![一-龥])半(?=个?(?:小时|月|年|天|世纪|钟头))"
    rf"|(?<![a-z_\d.^])[-−]?{ARABIC}(?:[十百千万亿]+(?:(?:\d+|[{PLAIN}]+)[十百千万亿]*)*)"
    rf"|(?<![a-z_\d.^])[-−]?{ARABIC}(?:{_POWER}|{_SCALE}|(?: and a half)(?![a-z]))?"
    rf"|[零〇一二两三四五六七八九十][{PLAIN}]*(?:点[零〇一二三四五六七八九]+)?[万亿]?"
    rf"|(?<![a-z-])(?:half(?: an?(?= ))?|{_WORD}(?:(?:[\s-]|\sand\s){_WORD})*(?: and a half)?)(?![a-z'’])",
)


def read(text: str) -> Fraction:
    """The number that a match of `NUMBER` stands for, exactly.

    >>> [str(read(text)) for text in ("3,500", "1.2万", "三千五百", "一万二", "two hundred and five", "1.5 million")]
    ['3500', '12000', '3500', '12000', '205', '1500000']
    """
    sign = -1 if text[0] in "-−" else 1
    text = text.lstrip("-−").strip()
    if text.startswith("half") or text == "半":
        return Fraction(1, 2)
    for ending in ("个半", " and a half"):
        if text.endswith(ending):
            return sign * (read(text.removesuffix(ending)) + Fraction(1, 2))
    if not text[0].isascii() or re.search(f"[{PLAIN}]", text):
        return sign * chinese(text)
    if text[0].isalpha():
        return Fraction(english(re.split(r"[\s-]+", text)))
    return sign * _digits(text)


def step(text: str) -> Fraction:
    """What one more in the last digit that is written would add: 0.01 for `8.85`, 1 for `35`, 100 for `1.2万`."""
    found = re.search(ARABIC, text)
    if found is None:
        return Fraction(1)
    number = Fraction(found[0].replace(",", ""))
    scale = abs(read(text) / number) if number else Fraction(1)
    return scale * Fraction(1, 10 ** len(found[0].partition(".")[2]))


def _digits(text: str) -> Fraction:
    found = re.match(ARABIC, text)
    assert found is not None
    number, rest = Fraction(found[0].replace(",", "")), text[found.end() :].strip()
    if rest and rest[0] in "×x":
        return number * Fraction(10) ** int(rest.partition("^")[2])
    return number * (SCALES.get(rest) or _SHORT.get(rest) or 1)


def find(text: str) -> Iterator[re.Match[str]]:
    """All numbers of a text in lower case, left to right."""
    return NUMBER.finditer(text)
