"""Numbers written out, for the tests of those who read them."""

from __future__ import annotations

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
_TENS = ["-", "-", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]


def in_chinese(number: int) -> str:
    """The number in Chinese characters."""
    text = ""
    for scale, name in ((10**8, "亿"), (10**4, "万")):
        if number >= scale:
            text += in_chinese(number // scale) + name
            number %= scale
            text += "零" if 0 < number < scale // 10 else ""
    for scale, name in ((1000, "千"), (100, "百"), (10, "十")):
        if number >= scale:
            text += "零一二三四五六七八九"[number // scale] + name
            number %= scale
            text += "零" if 0 < number < scale // 10 else ""
    return text + ("零一二三四五六七八九"[number] if number or not text else "")


def in_english(number: int) -> str:
    """The number in English words."""
    for scale, name in ((10**9, "billion"), (10**6, "million"), (1000, "thousand"), (100, "hundred")):
        if number >= scale:
            rest = number % scale
            link = " and " if 0 < rest < 100 else " "
            return f"{in_english(number // scale)} {name}" + (link + in_english(rest) if rest else "")
    if number < 20:
        return _ONES[number]
    return _TENS[number // 10] + (f"-{_ONES[number % 10]}" if number % 10 else "")
