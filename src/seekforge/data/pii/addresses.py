"""Street addresses by rule: a street with a house number, or an estate with a building, and what stands around them.

A street or a town alone is no address: it leads to nobody's door.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_HAN = "\u4e00-\u9fff"
_NUMBER = "[0-9零〇一二三四五六七八九十百]{1,5}"
_PROVINCES = (
    "北京|天津|上海|重庆|河北|山西|辽宁|吉林|黑龙江|江苏|浙江|安徽|福建|江西|山东|河南|湖北|湖南|广东|海南|四川|贵州|"
    "云南|陕西|甘肃|青海|台湾|内蒙古|广西|西藏|宁夏|新疆|香港|澳门"
)
_UNITS = "(?:省|市|壮族自治区|回族自治区|维吾尔自治区|自治区|特别行政区)?"
_REGION = (
    f"(?:(?:{_PROVINCES}){_UNITS}(?:[{_HAN}]{{1,6}}?(?:市|区|县|州|盟|旗|镇|乡|街道))*"
    f"|(?:[{_HAN}]{{2,5}}?(?:市|自治州))?(?:[{_HAN}]{{1,6}}?(?:区|县|镇|乡|街道)))"
)
_ROAD = f"[{_HAN}]{{1,7}}?(?:大道|大街|胡同|[路街巷])(?:[东南西北中]段)?"
_BUILDING = f"第?(?:{_NUMBER}|[A-Za-z][0-9]?)(?:号楼|号院|单元|[栋幢座])"
_ROOM = f"第?{_NUMBER}[层楼室房号门]|[0-9]{{1,3}}-[0-9]{{2,4}}[室房]?"
_DOOR = f"(?:(?:{_BUILDING}(?:[0-9]{{3,4}}(?![0-9])[室房]?)?|{_ROOM})[ ,，]?)"
_ESTATE_KIND = "(?:小区|花园|公寓|家园|新村|大厦|广场|[苑园村])"
_ESTATE = f"[{_HAN}]{{2,10}}?{_ESTATE_KIND}(?:[0-9一二三四五六七八九十]{{1,2}}[区期])?"
# No line (地铁3号线), bus, exit, highway, month or model number: `号` counts houses and much else.
_NOT_A_HOUSE = "(?!线|口|门诊|公路|高速|文件|令|桌|店|机|球)"
_CHINESE = re.compile(
    f"(?:{_REGION})?(?:{_ROAD}{_NUMBER}(?:-{_NUMBER})?(?:号院?|弄){_NOT_A_HOUSE}(?:{_ESTATE})?{_DOOR}*"
    f"|{_ESTATE}{_NUMBER}(?:号楼|栋|幢|座|组){_DOOR}*)"
)
# What may stand before an address without being part of it: the last of these cuts.
_LEAD = re.compile(
    "地址(?:就?是|为)?|住址(?:是|为)?|住在|住|位于|坐落于|[在到去至往从送是为于家我你他她了的和与及来离就有还]|寄给?"
)
_WORD = r"(?:[A-Z][A-Za-z'’.-]*|[0-9]{1,3}(?:st|nd|rd|th))"
_STREET = (
    "Street|St|Avenue|Ave|Road|Rd|Lane|Ln|Drive|Dr|Boulevard|Blvd|Court|Ct|Place|Pl|Square|Sq|Terrace|Way|Close|Crescent|"
    "Highway|Hwy|Parkway|Pkwy|Row|Grove|Mews|Alley"
)
_UNIT = r"(?:,? (?:Apt|Apartment|Suite|Ste|Unit|Flat|Floor|Room|Rm)\.? ?#?[0-9A-Za-z-]{1,5}|,? ?#[0-9]{1,5})"
_POSTCODE = r"(?:[A-Z]{2},? [0-9]{5}(?:-[0-9]{4})?|[A-Z]{1,2}[0-9][0-9A-Z]? [0-9][A-Z]{2})"
_NAME = r"[A-Z][a-z'’.-]+"
_TOWN = rf"(?:, {_NAME}(?: {_NAME}){{0,2}})?(?:,? {_POSTCODE})?"
_SIDE = "(?:NE|NW|SE|SW|[NSEW])"
_ENGLISH = re.compile(
    r"(?<![0-9A-Za-z.,$£€#-])(?:(?:Flat|Apartment|Apt|Unit) [0-9A-Za-z]{1,4},? )?"
    r"[1-9][0-9]{0,4}[A-Za-z]?(?:-[0-9]{1,4})? "
    rf"(?:{_SIDE}\.? )?(?:{_WORD} ){{1,3}}(?:{_STREET})\b\.?(?: {_SIDE}\b)?{_UNIT}?{_TOWN}"
)
_BOX = re.compile(r"\bP\.? ?O\.? Box [0-9]{1,6}\b(?:,? " + _POSTCODE + ")?")


def addresses(text: str) -> Iterator[tuple[int, int]]:
    """Where addresses stand in a text of half-width digits."""
    for match in _CHINESE.finditer(text):
        start = _after_lead(text, match.start(), match.end())
        if _CHINESE.fullmatch(text, start, match.end()):
            yield start, match.end()
    for pattern in (_ENGLISH, _BOX):
        yield from (match.span() for match in pattern.finditer(text))


def _after_lead(text: str, start: int, end: int) -> int:
    """Where the address itself begins: behind the last lead word after which an address still stands."""
    for match in reversed(list(_LEAD.finditer(text, start, end))):
        if _CHINESE.fullmatch(text, match.end(), end):
            return match.end()
    return start
