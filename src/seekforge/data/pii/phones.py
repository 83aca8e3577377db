"""Phone numbers: Chinese mobile and landline, E.164 with an assigned calling code, British and American forms."""

from __future__ import annotations

import re
from collections.abc import Iterator

from seekforge.data.pii.checks import is_mobile

# Digits before or after would make another number of it; so would a decimal point or a thousands separator.
_BEFORE = r"(?<![0-9A-Za-z+_])(?<![0-9][.:*-])"
_AFTER = r"(?![0-9A-Za-z_])(?![.:*-][0-9])(?!,[0-9]{3}(?![0-9]))"
_SEPARATOR = r"[ \-.]?"
_CHINA = rf"(?:(?:\+|00)?86{_SEPARATOR}|\(\+?86\) ?)?"
_MOBILE = re.compile(rf"{_BEFORE}{_CHINA}(1[3-9][0-9]{_SEPARATOR}[0-9]{{4}}{_SEPARATOR}[0-9]{{4}}){_AFTER}")
_AREA = "0(?:10|2[0-9]|[3-9][0-9]{2})"
_ALONE, _END = rf"{_BEFORE}(?<![0-9] )", rf"{_AFTER}(?! [0-9])"  # groups with spaces: not the tail of a longer number
_LANDLINE = re.compile(
    rf"{_ALONE}(?:(?:\+|00)86[ -]?)?(?:\({_AREA}\) ?|{_AREA}[ -])(?:[1-9][0-9]{{6,7}}|[1-9][0-9]{{2,3}}[ -][0-9]{{4}})"
    rf"(?:(?:-|转| ?ext\.? ?)[0-9]{{1,6}})?{_END}"
)
_CLOSED_LANDLINE = re.compile(rf"{_BEFORE}{_AREA}[1-9][0-9]{{6,7}}{_AFTER}")
_INTERNATIONAL = re.compile(rf"(?<![0-9A-Za-z+_])\+([1-9](?:[ \-.]?\(?0?\)?[ \-.]?[0-9]){{7,14}}){_AFTER}")
_BRITISH = re.compile(
    rf"{_ALONE}\(?0(?:20|1[0-9]{{2,4}}|2[0-9]{{1,2}}|3[0-9]{{2}}|7[0-9]{{3}})\)?[ -][0-9]{{3,4}}[ -]?[0-9]{{3,4}}{_END}"
)
# 400, 800 and their like are lines of firms.
_AMERICAN = re.compile(
    rf"{_ALONE}(?:1[ \-.])?(?:\((?!400|800|888)[2-9][0-9]{{2}}\) ?|(?!400|800|888)[2-9][0-9]{{2}}[\-.])"
    rf"[2-9][0-9]{{2}}[\-. ][0-9]{{4}}{_END}"
)
# ITU-T E.164, list of assigned country codes besides 1 and 86; those of three digits by their first two.
_ASSIGNED = frozenset(range(20, 70)) - {28} | frozenset(range(81, 100)) - {83, 86, 89}
_CALL = re.compile(r"(?:电话|座机|热线|传真|固话|致电|拨打|号码|tel|phone|fax|call)\w{0,3}[^0-9]{0,6}$", re.IGNORECASE)
_LOOK_BACK = 16


def phones(text: str) -> Iterator[tuple[int, int]]:
    """Where phone numbers stand in a text of half-width digits."""
    for match in _MOBILE.finditer(text):
        if is_mobile(_digits(match[1])):
            yield match.span()
    for match in _CLOSED_LANDLINE.finditer(text):
        # Eleven digits in a row are an order as well; only a word before them makes them a phone.
        if _CALL.search(text[max(0, match.start() - _LOOK_BACK) : match.start()]):
            yield match.span()
    for pattern in (_LANDLINE, _AMERICAN):
        yield from (match.span() for match in pattern.finditer(text))
    yield from (match.span() for match in _BRITISH.finditer(text) if len(_digits(match[0])) in (10, 11))
    for match in _INTERNATIONAL.finditer(text):
        if is_e164(_digits(match[1])):
            yield match.span()


def is_e164(digits: str) -> bool:
    """A calling code that is assigned, and as many digits in all as E.164 allows: at most 15, for +1 just 11."""
    if digits[0] == "1":
        return len(digits) == 11 and digits[1] in "23456789" and digits[4] in "23456789"
    if digits[:2] == "86":
        return is_mobile(digits[2:]) or (10 <= len(digits) <= 13 and not digits.startswith("861"))
    return (digits[0] == "7" or int(digits[:2]) in _ASSIGNED) and 9 <= len(digits) <= 15


def _digits(text: str) -> str:
    return "".join(char for char in text if char.isdecimal())
