"""The numbers that a text states: Arabic, full-width, Chinese and English ones, each with its unit where it has one.

Two texts that state different numbers say different things, however alike they sound. Numerals inside words (一样,
十分, 万一) are no numbers.
"""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal

_ROWS = ("零一二三四五六七八九", "〇壹贰叁肆伍陆柒捌玖")
_DIGITS = {char: value for row in _ROWS for value, char in enumerate(row)}
_DIGITS |= {"两": 2, "兩": 2, "俩": 2, "仨": 3, "貳": 2, "叄": 3, "陸": 6}
_TENS = {"十": 10, "拾": 10, "廿": 20, "卅": 30, "百": 100, "佰": 100, "千": 1000, "仟": 1000}
_MYRIADS = {"万": 10**4, "萬": 10**4, "亿": 10**8, "億": 10**8}
_NUMERAL = "".join([*_DIGITS, *_TENS, *_MYRIADS])
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
_LARGE = re.compile("[" + "".join([*_TENS, *_MYRIADS]) + "]")
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
_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
_TIES = "twenty thirty forty fifty sixty seventy eighty ninety"
_WORDS = {word: value for value, word in enumerate(_ONES.split())}
_WORDS |= {word: 10 * value for value, word in enumerate(_TIES.split(), 2)}
_SCALES = {"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9}
_WORD = "|".join(sorted([*_WORDS, *_SCALES], key=len, reverse=True))
_NUMBER = re.compile(
    rf"(?P<arabic>(?:(?<![\w)\]])[-−+])?(?:\d{{1,3}}(?:,\d{{3}})+(?!\d)|\d+)(?:\.\d+)?)(?P<scale>[百千万萬亿億]*)"
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
        return _plain(Decimal(percent) if percent.isascii() else _decimal(percent)) + "%"
    if match["english"] is not None:
        return _plain(Decimal(_english(match["english"])))
    return _chinese(match, text)


def _arabic(digits: str, scale: str) -> str:
    plain = digits.replace(",", "").replace("−", "-").lstrip("+")
    if not scale and re.match(r"-?0\d", plain):
        return plain  # a code, whose zeros count
    if len(plain) > _EXACT:
        return plain + scale  # no quantity, and a product would be rounded
    value = Decimal(plain)
    for mark in scale[:_MOST_SCALES]:
        value *= _TENS.get(mark) or _MYRIADS[mark]
    return _plain(value)


def _chinese(match: re.Match[str], text: str) -> str | None:
    """A run of several numerals is a number where it counts in tens or is long; any is before a measure or after 第."""
    run = match["chinese"]
    if len(run) > _EXACT:
        return run
    before, after = text[max(0, match.start() - 2) : match.start()], text[match.end() : match.end() + 1]
    counted = after != "" and (after in _MEASURE or after in _SIGNS or after == "%")
    named = before.endswith(("第", "周", "星期", "礼拜", "初"))
    composed = len(run) > 1 and (len(run) > 2 or (_LARGE.search(run) and any(c in _DIGITS for c in run)))
    return _plain(_decimal(run)) if counted or named or composed else None


def _decimal(run: str) -> Decimal:
    whole, _, part = run.partition("点")
    value = _whole(whole)
    return Decimal(f"{value}.{''.join(str(_DIGITS.get(char, 0)) for char in part)}") if part else Decimal(value)


def _whole(run: str) -> str:
    """The value of Chinese numerals, positional (二零二四) or composed (两千零二十四, 三万五)."""
    if all(char in _DIGITS for char in run):
        return "".join(str(_DIGITS[char]) for char in run) or "0"
    total = section = digit = 0
    last = 1
    for char in run:
        if char in _DIGITS:
            digit, last = _DIGITS[char], 1 if _DIGITS[char] == 0 else last
        elif char in _TENS:
            section += (digit or 1) * _TENS[char]
            digit, last = 0, _TENS[char]
        else:
            total = (total + section + digit or 1) * _MYRIADS[char]
            section, digit, last = 0, 0, _MYRIADS[char]
    return str(total + section + digit * (last // 10 if last > 10 else 1))  # 三百五 is 350


def _english(words: str) -> int:
    total = section = 0
    for word in re.findall("[a-z]+", words):
        if word in _WORDS:
            section += _WORDS[word]
        elif word == "hundred":
            section = (section or 1) * 100
        elif word in _SCALES:
            total, section = total + (section or 1) * _SCALES[word], 0
    return total + section


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
