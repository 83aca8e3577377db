"""The words of a text as runs of them are counted: no dictionary, so that equal text has equal words everywhere."""

from __future__ import annotations

import re

# Scripts written without spaces count by the character: Han, kana, Thai, Lao, Khmer, Burmese.
UNSPACED = (
    "\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff\u3041-\u30ff\u31f0-\u31ff\uff66-\uff9f"
    "\u0e00-\u0eff\u1780-\u17ff\u1000-\u109f"
)
_UNIT = re.compile(f"[{UNSPACED}]|(?:(?![{UNSPACED}])[^\\W_])+")
_SINGLE = re.compile(f"[{UNSPACED}]")


def units(text: str) -> list[str]:
    """Lower-case words without punctuation; of a script without spaces each character.

    >>> units("Buy 12 iPhones, 买十二部iPhone手机！")
    ['buy', '12', 'iphones', '买', '十', '二', '部', 'iphone', '手', '机']
    """
    return _UNIT.findall(text.casefold())


def is_unspaced(unit: str) -> bool:
    """Whether a unit is a character of a script without spaces."""
    return _SINGLE.match(unit) is not None
