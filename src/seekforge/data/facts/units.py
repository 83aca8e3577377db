"""Units of measurement by their names in English and Chinese, each with its dimension and its size in the base unit.

Sizes are exact by definition (SI; the international yard and pound of 1959; the Chinese market units of 1930). Months and
years are a dimension of their own: nobody can say how many days a month has.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction


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


# dimension: (names | ...): size in the base unit, names parted by commas; `~` marks units that do not go by tens.
_TABLE = {
    "length": "m,metre,metres,meter,meters,米:1|km,kilometre,kilometres,kilometer,kilometers,公里,千米:1000"
    "|cm,centimetre,centimetres,centimeter,centimeters,厘米,公分:0.01|mm,millimetre,millimetres,millimeter,millimeters,毫米:0.001"
    "|µm,um,micron,microns,micrometre,micrometres,微米:0.000001|nm,nanometre,nanometres,纳米:0.000000001|华里:500"
    "|~mile,miles,英里:1609.344|~ft,foot,feet,英尺:0.3048|~inch,inches,英寸:0.0254|~yard,yards,yd,码:0.9144"
    "|~nautical mile,nautical miles,海里:1852",
    "mass": "g,gram,grams,gramme,grammes,克:1|kg,kilo,kilos,kilogram,kilograms,千克,公斤:1000|mg,milligram,milligrams,毫克:0.001"
    "|µg,ug,mcg,microgram,micrograms,微克:0.000001|t,tonne,tonnes,ton,tons,吨:1000000|斤,市斤:500"
    "|~lb,lbs,磅:453.59237|~oz,ounce,ounces,盎司:28.349523125",
    "volume": "l,litre,litres,liter,liters,升:1|ml,millilitre,millilitres,milliliter,milliliters,cc,毫升:0.001"
    "|m3,m^3,cubic metre,cubic metres,cubic meter,cubic meters,立方米:1000|km3,km^3,cubic kilometres,立方公里,立方千米:1000000000000"
    "|~gallon,gallons,加仑:3.785411784",
    "area": "m2,m^2,square metre,square metres,square meter,square meters,平方米:1|km2,km^2,square kilometre,square kilometres,"
    "square kilometer,square kilometers,平方公里,平方千米:1000000|hectare,hectares,ha,公顷:10000|亩:2000/3"
    "|~square mile,square miles,平方英里:2589988.110336|~acre,acres,英亩:4046.8564224",
    "time": "s,sec,secs,second,seconds,秒,秒钟:1|min,mins,minute,minutes,分钟:60|h,hr,hrs,hour,hours,小时,个小时,钟头,个钟头:3600"
    "|day,days,calendar day,calendar days,天,日,自然日,个自然日:86400|week,weeks,周,星期,个星期:604800"
    "|fortnight,fortnights:1209600|ms,millisecond,milliseconds,毫秒:0.001",
    "months": "month,months,个月:1|quarter,quarters,季度,个季度:3|year,years,yr,yrs,年,周年,载:12|decade,decades:120"
    "|century,centuries,世纪,个世纪:1200",
    "business days": "business day,business days,working day,working days,workday,workdays,工作日,个工作日:1",
    "temperature": "°c,℃,degree celsius,degrees celsius,degrees c,摄氏度,度:1",
    "percent": "%,per cent,percent,pct:1|‰,per mille:0.1|成:10",
    "points": "percentage point,percentage points,个百分点,百分点:1",
    "energy": "kcal,千卡,大卡:4184|cal:1|j,joule,joules,焦耳:1|kj,千焦:1000",
    "electricity": "kwh,kilowatt-hour,kilowatt-hours,千瓦时,千瓦·时:1|mwh,兆瓦时:1000|gwh:1000000",
    "power": "w,watt,watts,瓦:1|kw,kilowatt,kilowatts,千瓦:1000|mw,megawatt,megawatts,兆瓦:1000000|gw,gigawatt,gigawatts:1000000000",
    "data": "byte,bytes,字节:1|kb:1000|mb:1000000|gb:1000000000|tb:1000000000000",
    "frequency": "hz:1|khz:1000|mhz:1000000|ghz:1000000000",
    "pressure": "mmhg,毫米汞柱:1|~kpa,千帕:7.500616827",
    "speed": "~mph:1609.344/3600",
    "iu": "iu,国际单位:1",
    "money:GBP": "gbp,pound sterling,pounds sterling,quid,英镑:1|pence,便士:0.01",
    "money:USD": "usd,dollar,dollars,us dollars,美元,美金:1|cent,cents,美分:0.01",
    "money:EUR": "eur,euro,euros,欧元:1",
    "money:CNY": "cny,rmb,yuan,renminbi,元,人民币,元人民币,块,块钱:1|角,毛钱:0.1",
    "money:JPY": "jpy,yen,日元,日圆:1",
    "money:HKD": "hkd,hong kong dollars,港元,港币:1",
}
SIGNS = {"£": "GBP", "us$": "USD", "hk$": "HKD", "$": "USD", "€": "EUR", "¥": "CNY", "￥": "CNY", "rmb": "CNY",
         "usd": "USD", "gbp": "GBP", "eur": "EUR", "cny": "CNY", "人民币": "CNY", "美元": "USD"}  # fmt: skip
# What a number counts where no unit stands: Chinese measure words, those of people under one head.
_PEOPLE = "人 名 位 口 个人".split()
COUNTERS = {
    **{word: word for word in "次 张 片 粒 颗 支 只 件 台 辆 家 所 座 艘 架 本 册 条 项 款 种 层 期 届 票 股 户 岁 例 集 章 倍 枚 笔 滴 袋 瓶".split()},
    **dict.fromkeys(_PEOPLE, "人"),
    "个": "",
}


def _unit_table() -> dict[str, tuple[Unit, ...]]:
    found: dict[str, tuple[Unit, ...]] = {}
    for dimension, entries in _TABLE.items():
        for entry in entries.split("|"):
            names, _, size = entry.lstrip("~").rpartition(":")
            numerator, _, denominator = size.partition("/")
            unit = Unit(dimension, Fraction(numerator) / Fraction(denominator or 1), Fraction(0), entry[0] != "~")
            for name in names.split(","):
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
    return "|".join(re.escape(name) + ("(?![a-z0-9])" if name[-1].isascii() and name[-1].isalnum() else "") for name in ordered)


_MEASURED = _names([name for name in UNITS if name != "月"])
_ANY = _names(list(UNITS))
AFTER = re.compile(rf"[\s-]?(?:(?P<unit>{_MEASURED})(?!(?<=成)[立为功员长])|(?P<counter>{_names(list(COUNTERS))}))")
BEFORE = re.compile(rf"(?P<sign>{_names(list(SIGNS))})\s?$")
_TIMES = "|".join(name for name, (unit, *_) in UNITS.items() if unit.dimension in {"time", "months"})
PER_AFTER = re.compile(rf"\s?(?:/|per |an? |each |every |每)\s?(?P<unit>{_ANY})")
PER_BEFORE = re.compile(rf"(?:每|一)(?P<unit>{_TIMES})[^\d，,。；;、]{{0,8}}$")
