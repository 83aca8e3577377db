"""Personal data in one text, by form: kinds, places, and never two for one place."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import NamedTuple

from seekforge.core.config.cleaning import PiiKind
from seekforge.data.pii.addresses import addresses
from seekforge.data.pii.checks import is_card_number, is_id_number, is_old_id_number
from seekforge.data.pii.phones import phones

# One for one, so that places stay. Not the comma and its like: full width, they are no part of a number.
_HALF = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F) if chr(code) not in "！，：；？"} | {0x3000: 0x20}
_HALF |= dict.fromkeys(map(ord, "‐‑‒–—−"), ord("-"))
_EMAIL = re.compile(
    r"(?<![\w.+-])[a-z0-9](?:[\w.+-]{0,62}[\w+-])?@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,24}(?![\w@-])",
    re.ASCII | re.IGNORECASE,
)
_ID = re.compile(r"(?<![0-9A-Za-z_])([0-9]{6})([ -]?)([0-9]{8})\2([0-9]{3}[0-9Xx])(?![0-9A-Za-z_])")
_OLD_ID = re.compile(r"(?<![0-9A-Za-z_])[0-9]{15}(?![0-9A-Za-z_])")
_CARD = re.compile(
    r"(?<![0-9A-Za-z_+])(?<![0-9] )(?<![0-9][.:*-])"
    r"(?:[0-9]{13,19}|[0-9]{4}([ -])[0-9]{4}\1[0-9]{4}\1[0-9]{1,4}(?:\1[0-9]{1,3})?|[0-9]{4}([ -])[0-9]{6}\2[0-9]{4,5}"
    r"|[0-9]{6}([ -])[0-9]{8,13})(?![0-9A-Za-z_])(?![ .:*-][0-9])"
)
_ID_BEFORE = re.compile(r"(?:身份证|证件|公民身份|\bid\b|identity)[^0-9]{0,12}$", re.IGNORECASE)
# A number that says what it is: an order, a case, a sum. It is none of ours, whatever its digits add up to.
_OTHER_BEFORE = re.compile(
    r"(?:订单|单号|运单|快递|流水|编号|货号|工单|案件|发票|批次|序列号|条码|合同|金额|总额|[¥￥$€£]"
    r"|\b(?:order|tracking|invoice|ticket|case|ref(?:erence)?|serial|sku|batch|transaction|amount|total|isbn|ean)\b)"
    r"(?:[^0-9\n，。,.;；]{0,6}|[ ]?(?:no|number|id|#)[^0-9\n]{0,4})$",
    re.IGNORECASE,
)
_SUM_AFTER = re.compile(
    r" ?(?:[万亿]?(?:元|块|美元|欧元|英镑|日元|港币|人民币)|(?:usd|cny|rmb|eur|gbp|yuan|dollars)\b)", re.IGNORECASE
)
_LOOK_BACK = 24


class Finding(NamedTuple):
    """One piece of personal data: from where to where in the text, and what it is."""

    start: int
    end: int
    kind: PiiKind


def _emails(text: str) -> Iterator[tuple[int, int]]:
    yield from (match.span() for match in _EMAIL.finditer(text) if ".." not in match[0])


def _ids(text: str) -> Iterator[tuple[int, int]]:
    yield from (match.span() for match in _ID.finditer(text) if is_id_number(match[1] + match[3] + match[4]))
    for match in _OLD_ID.finditer(text):
        # No check digit: 15 digits count only where something says what they are.
        if is_old_id_number(match[0]) and _ID_BEFORE.search(text[max(0, match.start() - _LOOK_BACK) : match.start()]):
            yield match.span()


def _cards(text: str) -> Iterator[tuple[int, int]]:
    for match in _CARD.finditer(text):
        if is_card_number(re.sub("[ -]", "", match[0])) and not _is_other(text, match.span()):
            yield match.span()


def _phones(text: str) -> Iterator[tuple[int, int]]:
    yield from (span for span in phones(text) if not _is_other(text, span))


def _is_other(text: str, span: tuple[int, int]) -> bool:
    """Whether what stands around a number says that it is an order, a case or a sum."""
    before = text[max(0, span[0] - _LOOK_BACK) : span[0]]
    return _OTHER_BEFORE.search(before) is not None or _SUM_AFTER.match(text, span[1]) is not None


# Of two that share a place the first of these stays: the one with the stricter check.
_FINDERS: Mapping[PiiKind, Callable[[str], Iterator[tuple[int, int]]]] = {
    "id": _ids,
    "card": _cards,
    "email": _emails,
    "phone": _phones,
    "address": addresses,
}
KINDS: tuple[PiiKind, ...] = tuple(_FINDERS)


def find(text: str, kinds: Collection[PiiKind] = KINDS) -> list[Finding]:
    """The personal data in a text, by place.

    >>> [found.kind for found in find("请打13812345678，或写信到 li.wei@example.com")]
    ['phone', 'email']
    """
    plain = text.translate(_HALF)
    found: list[Finding] = []
    while fresh := _once(plain, kinds):
        found += fresh
        # What is found is taken out and the rest looked at again: masking what is masked then changes nothing.
        chars = list(plain)
        for start, end, _ in fresh:
            chars[start:end] = "\0" * (end - start)
        plain = "".join(chars)
    return sorted(found)


def _once(text: str, kinds: Collection[PiiKind]) -> list[Finding]:
    taken: list[Finding] = []
    for kind, finder in _FINDERS.items():
        if kind in kinds:
            for start, end in sorted(finder(text), key=lambda span: (span[0], -span[1])):
                if all(end <= other.start or other.end <= start for other in taken):
                    taken.append(Finding(start, end, kind))
    return taken
