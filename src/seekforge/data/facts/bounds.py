"""What stands around a number and bends its meaning: `at most`, `about`, `不超过`, `左右`, `not`."""

from __future__ import annotations

import re
from enum import Enum


class Bound(Enum):
    """Which side of the number is meant; the loose ones compare, the others set a limit."""

    EXACT = "exactly"
    MOST = "at most"
    LEAST = "at least"
    BELOW = "below"
    ABOVE = "above"

    @property
    def side(self) -> int:
        """-1 for what is below the number, 1 for what is above it, 0 for the number itself."""
        return {Bound.MOST: -1, Bound.BELOW: -1, Bound.LEAST: 1, Bound.ABOVE: 1}.get(self, 0)

    @property
    def is_limit(self) -> bool:
        """It sets a limit; two limits of one side say the same only with the same number."""
        return self in {Bound.MOST, Bound.LEAST}


_MORE = "more|longer|later|greater|higher|older|larger|over|above|beyond"
_LESS = "less|fewer|earlier|shorter|lower|younger|smaller|under|below"
_BEFORE = (
    (
        Bound.MOST,
        rf"at (?:the )?most|(?:no|not|never) (?:{_MORE})(?: than)?|(?:not|n't|never) (?:to )?exceed(?:s|ing|ed)?"
        r"|up to|within"
        r"|max(?:imum)?(?: of)?|limit(?:ed)? (?:to|of)|capped at|cap of"
        r"|[不别勿](?:得|能|可|应|要|宜|会)?(?:超过|多于|高于|晚于|大于|长于|超)|没有超过|至多|最多|上限[为是]?|最高|最大|最长",
    ),
    (
        Bound.LEAST,
        rf"at (?:the very )?least|(?:no|not|never) (?:{_LESS}) than|min(?:imum)?(?: of)?"
        r"|不(?:得|能|可|应|宜)?(?:少于|低于|早于|小于|短于)|至少|最少|起码|最低|最小|最短|下限[为是]?",
    ),
    (Bound.BELOW, rf"(?:{_LESS}) than|under|below|不到|不足|低于|少于|小于|短于|未满|不满"),
    (Bound.ABOVE, rf"(?:{_MORE}) than|over|above|exceed(?:s|ing|ed)?|超过|高于|多于|大于|长于|逾|超"),
)
_AFTER = (
    (
        Bound.MOST,
        r"(?:or|and) (?:less|fewer|under|below|sooner)|at (?:the )?most|max(?:imum)?\b"
        r"|以[内下]|之内|内(?![\u4e00-\u9fff])|为限|封顶",
    ),
    (Bound.LEAST, r"or (?:more|longer|over|above|older|later)|at least|minimum|以上|起(?![\u4e00-\u9fff])"),
)
_FILLER = (
    r"(?:\s|about |around |some |roughly |approximately |a |an |the |total of |only |as much as |约|大约|共"
    r"|[£$€¥￥(（])*$"
)
BEFORE = tuple((bound, re.compile(f"(?<![a-z])(?:{words}){_FILLER}")) for bound, words in _BEFORE)
AFTER = tuple((bound, re.compile(rf"\s?(?:{words})")) for bound, words in _AFTER)
_ABOUT_BEFORE = re.compile(
    r"(?:(?<![a-z])(?:about|around|approximately|approx\.?|roughly|nearly|almost|some|circa|ca\.)|[~≈]|约|大概|将近|接近|近|几乎)"
    r"\s?[£$€¥￥]?\s?$"
)
_ABOUT_AFTER = re.compile(r"\s?(?:or so|approximately|左右|上下|多(?=[\u4e00-\u9fff])|余)")
_DENIED = re.compile(
    r"(?:(?<![a-z])(?:not|n't|never|no longer)|不是|并非|而非|不为|非)\s?"
    r"(?:just |only |exactly |equal to |the |a |an )*[£$€¥￥]?\s?$"
)
_REACH = 28  # characters before a number that may bear on it


def bound(text: str, start: int, end: int) -> Bound:
    """What stands beside the number at `text[start:end]`, unit included."""
    before = text[max(0, start - _REACH) : start]
    for kind, pattern in BEFORE:
        if pattern.search(before):
            return kind
    return next((kind for kind, pattern in AFTER if pattern.match(text, end)), Bound.EXACT)


def is_about(text: str, start: int, end: int) -> bool:
    """Whether the text itself says that the number is rough."""
    return bool(_ABOUT_BEFORE.search(text[max(0, start - _REACH) : start]) or _ABOUT_AFTER.match(text, end))


def is_denied(text: str, start: int) -> bool:
    """Whether what begins here is said not to be so: `is not 4`, `不是4`."""
    return bool(_DENIED.search(text[max(0, start - _REACH) : start]))
