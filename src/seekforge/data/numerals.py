"""Numerals: the value of Chinese characters and of English number words; digits with thousands separators.

What is a number in a text, and what its unit is, is decided by those who read it: `augment`, `facts`, `semantic`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from math import prod

# With financial and traditional forms.
FIGURES: Mapping[str, int] = {
    **{char: value for row in ("零一二三四五六七八九", "〇壹贰叁肆伍陆柒捌玖") for value, char in enumerate(row)},
    **{"两": 2, "兩": 2, "俩": 2, "仨": 3, "貳": 2, "叄": 3, "陸": 6},
}
TENS: Mapping[str, int] = {
    **{"十": 10, "拾": 10, "廿": 20, "卅": 30},
    **{"百": 100, "佰": 100, "千": 1000, "仟": 1000},
}
MYRIADS: Mapping[str, int] = {"万": 10**4, "萬": 10**4, "亿": 10**8, "億": 10**8}
PLAIN = "零〇一二两三四五六七八九十百千万亿"  # the everyday ones

ARABIC = r"(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?"
_TOKEN = re.compile(rf"{ARABIC}|[{''.join([*FIGURES, *TENS, *MYRIADS])}]")

_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
_TIES = "twenty thirty forty fifty sixty seventy eighty ninety"
ENGLISH: Mapping[str, int] = {
    **{word: value for value, word in enumerate(_ONES.split())},
    **{word: 10 * value for value, word in enumerate(_TIES.split(), 2)},
}
GROUPS: Mapping[str, int] = {"dozen": 12, "hundred": 100}
SCALES: Mapping[str, int] = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}


def chinese(text: str) -> Fraction:
    """The value of Chinese characters, alone or with digits; a row of figures is read figure by figure.

    >>> [str(chinese(text)) for text in ("二〇一九", "一万零五百", "三百五", "一亿三千万", "3亿5000万", "一点五万")]
    ['2019', '10500', '350', '130000000', '350000000', '15000']
    """
    whole, _, part = text.partition("点")
    figures = part.rstrip("".join(MYRIADS))
    if not figures:  # `十点` is an hour
        return _whole(whole)
    scale = prod(MYRIADS[char] for char in part[len(figures) :])
    decimals = Fraction(_row(figures), 10 ** len(figures))
    return (_whole(whole) + decimals) * scale


def english(words: Iterable[str]) -> int:
    """The value of number words: hundreds within a group, groups of thousands one after the other.

    >>> english("two hundred and five thousand and twenty one".split())
    205021
    """
    total = group = 0
    for word in words:
        if word in GROUPS:
            group = (group or 1) * GROUPS[word]
        elif word in SCALES:
            total, group = total + (group or 1) * SCALES[word], 0
        elif word != "and":
            group += ENGLISH[word]
    return total + group


def _whole(text: str) -> Fraction:
    if all(char in FIGURES for char in text):
        return Fraction(_row(text))
    return _sections(_TOKEN.findall(text))


def _row(figures: str) -> int:
    return int("".join(str(FIGURES.get(char, 0)) for char in figures) or "0")


def _sections(tokens: Sequence[str]) -> Fraction:
    """Sections of up to 万, each of thousands, hundreds and tens; a last bare figure is of the next smaller."""
    total = section = Fraction(0)
    number: Fraction | None = None
    last = 1
    for token in tokens:
        if token in TENS:
            last = TENS[token]
            section += (1 if number is None else number) * last
            number = None
        elif token in MYRIADS:
            last = MYRIADS[token]
            if number is None and not section:  # 万 alone, or right behind another as in 三万亿
                total = (total or Fraction(1)) * last
            else:
                total = _raised(total, section + (number or 0), last)
            section, number = Fraction(0), None
        elif token in FIGURES and not FIGURES[token]:
            last, number = 1, None
        else:
            number = Fraction(FIGURES[token]) if token in FIGURES else Fraction(token.replace(",", ""))
    if number is not None and last >= 100 and tokens[-1] in FIGURES:
        number *= last // 10
    return total + section + (number or 0)


def _raised(total: Fraction, section: Fraction, scale: int) -> Fraction:
    """In `一万五千亿`, 亿 raises all before it; in `一亿三千万`, 万 raises what stands since 亿."""
    return (total + section) * scale if total < scale else total + section * scale
