"""Units of measurement by their names in English and Chinese, each with its dimension and its size in the base unit.

The table is `tables/units.txt`. Months and years are a dimension of their own: a month has no fixed number of days.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from seekforge.data.facts.lexicon import lines


@dataclass(frozen=True, slots=True)
class Unit:
    """What a name measures.

    Attributes:
        dimension: Values of another dimension cannot be compared with it.
        size: In the dimension's base unit.
        offset: Added after the size, in the base unit: degrees Fahrenheit.
        is_decimal: Of a system that goes by tens; a conversion between it and another is always rounded.
    """

    dimension: str
    size: Fraction = Fraction(1)
    offset: Fraction = Fraction(0)
    is_decimal: bool = True


_CODES = {"£": "gbp", "us$": "usd", "hk$": "hkd", "$": "usd", "€": "eur", "¥": "cny", "￥": "cny"}
_BEFORE_TOO = ("rmb", "usd", "gbp", "eur", "cny", "人民币", "美元")  # names of money that also stand before the number
SIGNS = _CODES | {name: name for name in _BEFORE_TOO}
# What a number counts where no unit stands: Chinese measure words, those of people under one head.
_MEASURES = "次张片粒颗支只件台辆家所座艘架本册条项款种层期届票股户岁例集章倍枚笔滴袋瓶"
COUNTERS = {**{word: word for word in _MEASURES}, **dict.fromkeys(["人", "名", "位", "口", "个人"], "人"), "个": ""}


def _unit_table() -> dict[str, tuple[Unit, ...]]:
    found: dict[str, tuple[Unit, ...]] = {}
    for line in lines("units.txt"):
        dimension, size, names = line.split(" = ")
        numerator, _, denominator = size.rstrip(" ~").partition("/")
        amount = Fraction(numerator) / Fraction(denominator or 1)
        unit = Unit(dimension, amount, is_decimal="~" not in size)
        for name in names.split(", "):
            found[name] = (*found.get(name, ()), unit)
    fahrenheit = Unit("temperature", Fraction(5, 9), Fraction(-160, 9), False)
    for name in ("°f", "degrees fahrenheit", "degrees f", "华氏度"):
        found[name] = (fahrenheit,)
    found["月"] = found["个月"]  # in `每月`; alone behind a number it is the name of a month
    pounds = (*found["gbp"], *found["lb"])  # which of them, only what it is compared with can say
    return {**found, "pound": pounds, "pounds": pounds}


UNITS = _unit_table()


def _names(names: list[str]) -> str:
    """An alternation, the longest first; a Latin name may not run on."""
    ordered = sorted(names, key=len, reverse=True)
    return "|".join(
        re.escape(name) + ("(?![a-z0-9])" if name[-1].isascii() and name[-1].isalnum() else "") for name in ordered
    )


_MEASURED = _names([name for name in UNITS if name != "月"])
_ANY = _names(list(UNITS))
AFTER = re.compile(rf"[\s-]?(?:(?P<unit>{_MEASURED})(?!(?<=成)[立为功员长])|(?P<counter>{_names(list(COUNTERS))}))")
BEFORE = re.compile(rf"(?P<sign>{_names(list(SIGNS))})\s?$")
_TIMES = "|".join(name for name, (unit, *_) in UNITS.items() if unit.dimension in {"time", "months"})
PER_AFTER = re.compile(rf"\s?(?:/|per |an? |each |every |每)\s?(?P<unit>{_ANY})")
PER_BEFORE = re.compile(rf"(?:每|一)(?P<unit>{_TIMES})[^\d，,。；;、]{{0,8}}$")
