"""The numbers that a text states: Arabic, full-width, Chinese and English ones, each with its unit where it has one.

Two texts that state different numbers say different things, however alike they sound. Numerals inside words (一样,
十分, 万一) are no numbers.
"""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal

from seekforge.data.numerals import ARABIC, ENGLISH, FIGURES, MYRIADS, TENS, chinese, english

_NUMERAL = "".join([*FIGURES, *TENS, *MYRIADS])
# What counted things and measures are called: only before one of these is a single Chinese numeral a number.
_MEASURE = (
    "个個间間天晚夜次年月日号號元块塊毛角分秒时時点點小层層楼樓件本页頁章集部台臺只隻条條张張位名人口家户岁歲倍成折周週"
    "星级級公米厘毫里斤克吨噸升度瓦寸英平瓶杯碗盘盤份套双雙对對颗顆粒根支把辆輛架艘座栋棟幢床房代期届屆遍趟顿頓种種类類"
    "项項句字段篇首封排组組队隊批笔筆步刻世季等号路人"
)
# Words that hold a numeral and state no number.
_LEXICAL = re.compile(
    rf"(?<![\d{_NUMERAL}])(?:"
    "一(?:样|樣|直|定|般|些|下|起|切|旦|边|面|番|向|再|共|概|律|贯|度|时|家人|路|口气|方面|部分|等|流)"
    "|一点(?![半钟鐘零〇一二三四五])|十分(?![钟鐘之])|万一|千万(?=[别不要记莫])|百分百|十足|万分|乱七八糟|四面|四周|四处|三番|半天)"
)
_LARGE = re.compile("[" + "".join([*TENS, *MYRIADS]) + "]")
# Each unit and what else it is called. One unit is never turned into another: 1 km and 1000 m count as different.
_UNITS = {
    name: unit
    for unit, names in {
        "%": "% percent",
        "元": "元 块 塊 圆 rmb cny yuan ¥",
        "$": "$ usd dollar 美元 美金",
        "€": "€ eur euro 欧元",
        "£": "£ 英镑",
        "lb": "pound lb 磅",
        "km": "km 公里 千米 kilometre kilometer",
        "mi": "mile 英里",
        "里": "里",
        "m": "m 米 metre meter",
        "cm": "cm 厘米 公分",
        "mm": "mm 毫米",
        "in": "inch 英寸 寸",
        "kg": "kg 公斤 千克",
        "斤": "斤",
        "g": "g 克",
        "mg": "mg 毫克",
        "t": "吨",
        "ml": "ml 毫升",
        "l": "l 升",
        "year": "year 年",
        "month": "month 个月",
        "week": "week 周 星期",
        "day": "day 天",
        "h": "h hr hour 小时 钟头 钟点",
        "min": "min minute 分钟",
        "s": "s sec 秒 秒钟",
        "tb": "tb",
        "gb": "gb",
        "mb": "mb",
        "℃": "℃ 摄氏度",
    }.items()
    for name in names.split()
}
_SIGNS = "¥$€£"
_EXACT, _MOST_SCALES = 18, 3
_UNIT = re.compile(
    r"\s?(?:({})|({})s?(?![a-z]))".format(
        "|".join(sorted((re.escape(u) for u in _UNITS if not u.isascii() or u == "%"), key=len, reverse=True)),
        "|".join(sorted((u for u in _UNITS if u.isascii() and u.isalpha()), key=len, reverse=True)),
    )
)
_WORD = "|".join(sorted([*ENGLISH, "hundred", "thousand", "million", "billion"], key=len, reverse=True))
_NUMBER = re.compile(
    rf"(?P<arabic>(?:(?<![\w)\]])[-−+])?{ARABIC})(?P<scale>[百千万萬亿億]*)"
    rf"|百分之(?P<percent>[{_NUMERAL}点]+|\d+(?:\.\d+)?)"
    rf"|(?P<chinese>[{_NUMERAL}]+(?:点[{_NUMERAL}]+)?)"
    rf"|(?<![a-z])(?P<english>(?:{_WORD})(?:(?:[\s-]|\sand\s)(?:{_WORD}))*)(?![a-z])",
)


def numbers(text: str) -> tuple[str, ...]:
    """Every number with its unit, ascending as text; how it is written makes no difference.

    >>> numbers("住了三晚，每晚１２８０元")
    ('1280元', '3')
    >>> numbers("3 nights at twenty-five dollars"), numbers("十分满意，一样好")
    (('25$', '3'), ())
    """
    folded = unicodedata.normalize("NFKC", text).lower()
    masked = _LEXICAL.sub(lambda match: "\0" * len(match[0]), folded)
    found = []
    for match in _NUMBER.finditer(masked):
        value = _value(match, masked)
        if value is not None:
            found.append(value + _unit(match, masked))
    return tuple(sorted(found))


def _value(match: re.Match[str], text: str) -> str | None:
    if match["arabic"] is not None:
        return _arabic(match["arabic"], match["scale"])
    if match["percent"] is not None:
        percent = match["percent"]
        return (_plain(Decimal(percent)) if percent.isascii() else _exact(percent)) + "%"
    if match["english"] is not None:
        return _plain(Decimal(english(re.findall("[a-z]+", match["english"]))))
    return _chinese(match, text)


def _arabic(digits: str, scale: str) -> str:
    plain = digits.replace(",", "").replace("−", "-").lstrip("+")
    if not scale and re.match(r"-?0\d", plain):
        return plain  # a code, whose zeros count
    if len(plain) > _EXACT:
        return plain + scale  # no quantity, and a product would be rounded
    value = Decimal(plain)
    for mark in scale[:_MOST_SCALES]:
        value *= TENS.get(mark) or MYRIADS[mark]
    return _plain(value)


def _chinese(match: re.Match[str], text: str) -> str | None:
    """A run of several numerals is a number where it counts in tens or is long; any is before a measure or after 第."""
    run = match["chinese"]
    before, after = text[max(0, match.start() - 2) : match.start()], text[match.end() : match.end() + 1]
    counted = after != "" and (after in _MEASURE or after in _SIGNS or after == "%")
    named = before.endswith(("第", "周", "星期", "礼拜", "初"))
    composed = len(run) > 1 and (len(run) > 2 or (_LARGE.search(run) and any(c in FIGURES for c in run)))
    return _exact(run) if counted or named or composed or len(run) > _EXACT else None


def _exact(run: str) -> str:
    if len(run) > _EXACT:
        return run  # no quantity
    whole, part = divmod(int(chinese(run) * 10**_EXACT), 10**_EXACT)  # a division of decimals would be rounded
    return _plain(Decimal(f"{whole}.{part:0{_EXACT}}"))


def _unit(match: re.Match[str], text: str) -> str:
    sign = text[match.start() - 1 : match.start()]
    if sign and sign in _SIGNS:
        return _UNITS[sign]
    if match["percent"] is not None:
        return ""
    found = _UNIT.match(text, match.end())
    return _UNITS[found[1] or found[2]] if found else ""


def _plain(value: Decimal) -> str:
    """Without an exponent and without zeros that say nothing."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
