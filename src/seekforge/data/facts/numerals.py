"""Numbers as people write them, in digits, English words and Chinese characters, as exact fractions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction

_ONES = [
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
]
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_ENGLISH = {
    **{word: value for value, word in enumerate(_ONES)},
    **{word: 10 * value for value, word in enumerate(_TENS, 2)},
    "dozen": 12,
}
_SCALES = {"hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_SHORT = {"k": 10**3, "mn": 10**6, "bn": 10**9, "tn": 10**12}
_DIGITS = {**{char: value for value, char in enumerate("零一二三四五六七八九")}, "〇": 0, "两": 2}
_SMALL = {"十": 10, "百": 100, "千": 1000}
_LARGE = {"万": 10**4, "亿": 10**8}

ARABIC = r"(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?"
_POWER = r"(?:\s?[×x]\s?10\^-?\d+)"
_SCALE = r"(?:\s?(?:thousand|million|billion|trillion|mn|bn|tn|k)(?![a-z]))"
_CHINESE = "零〇一二两三四五六七八九十百千万亿"
_WORD = "(?:" + "|".join(sorted([*_ENGLISH, *_SCALES], key=len, reverse=True)) + ")"
# In the order in which they are tried at one place: digits with Chinese scales, digits, Chinese characters, words.
NUMBER = re.compile(
    rf"(?:(?<![\d.]){ARABIC}|[{_CHINESE}]+)个半(?=[小月钟星世])|(?<![一-龥])半(?=个?(?:小时|月|年|天|世纪|钟头))"
    rf"|(?<![a-z_\d.^])[-−]?{ARABIC}(?:[十百千万亿]+(?:(?:\d+|[{_CHINESE}]+)[十百千万亿]*)*)"
    rf"|(?<![a-z_\d.^])[-−]?{ARABIC}(?:{_POWER}|{_SCALE}|(?: and a half)(?![a-z]))?"
    rf"|[零〇一二两三四五六七八九十][{_CHINESE}]*(?:点[零〇一二三四五六七八九]+)?[万亿]?"
    rf"|(?<![a-z-])(?:half(?: an?(?= ))?|{_WORD}(?:(?:[\s-]|\sand\s){_WORD})*(?: and a half)?)(?![a-z'’])",
)
_TOKEN = re.compile(rf"{ARABIC}|[{_CHINESE}]")


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
    if not text[0].isascii() or re.search(f"[{_CHINESE}]", text):
        return sign * chinese(text)
    if text[0].isalpha():
        return Fraction(_english(re.split(r"[\s-]+", text)))
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
    return number * (_SCALES.get(rest) or _SHORT.get(rest) or 1)


def _english(words: list[str]) -> int:
    """`two hundred and five`: hundreds within a group, groups of thousands one after the other."""
    total = group = 0
    for word in words:
        if word == "and":
            continue
        if word == "dozen":
            group = (group or 1) * 12
        elif word == "hundred":
            group = (group or 1) * 100
        elif word in _SCALES:
            total, group = total + (group or 1) * _SCALES[word], 0
        else:
            group += _ENGLISH[word]
    return total + group


def chinese(text: str) -> Fraction:
    """Chinese characters, alone or with digits: `三千五百`, `3亿5000万`, `一点五`, `二〇二四`."""
    whole, _, part = text.partition("点")
    if part:
        digits = [_DIGITS[char] for char in part if char in _DIGITS]
        decimals = Fraction(int("".join(map(str, digits))), int(10 ** len(digits)))
        scale = _LARGE.get(part[-1], 1)
        return (chinese(whole) + decimals) * scale
    if len(whole) > 1 and all(char in _DIGITS for char in whole):
        return Fraction(int("".join(str(_DIGITS[char]) for char in whole)))
    return _sections(list(_TOKEN.findall(whole)))


def _sections(tokens: list[str]) -> Fraction:
    """Sections of up to 万, each of thousands, hundreds and tens; a last digit without a unit is the next smaller's."""
    total, section, number = Fraction(0), Fraction(0), None
    last = 1
    for token in tokens:
        if token in _SMALL:
            last = _SMALL[token]
            section += (1 if number is None else number) * last
            number = None
        elif token in _LARGE:
            last = _LARGE[token]
            section = (section + (number or 0)) or Fraction(1)
            total, section, number = _raise(total, section, last), Fraction(0), None
        elif token in "零〇":
            last, number = 1, None
        else:
            number = Fraction(_DIGITS[token]) if token in _DIGITS else Fraction(token.replace(",", ""))
    if number is not None:
        short = last > 1 and tokens[-1] in _DIGITS
        section += number * last / 10 if short else number
    return total + section


def _raise(total: Fraction, section: Fraction, scale: int) -> Fraction:
    """`三万亿` is three times ten thousand times a hundred million."""
    if total and scale > total and section == 1:
        return total * scale
    return total + section * scale


def find(text: str) -> Iterator[re.Match[str]]:
    """All numbers of a text in lower case, left to right."""
    return NUMBER.finditer(text)
