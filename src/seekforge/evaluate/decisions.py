"""Reading a decision off an answer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

# Half-width and full-width ones.
_LETTERS, _DIGITS = r"A-Za-z\uff21-\uff3a\uff41-\uff5a", r"0-9\uff10-\uff19"
_WIDE = {0x20: 0x3000} | {code: code + 0xFEE0 for code in range(0x21, 0x7F)}


def decide(answer: str, labels: Sequence[str]) -> str:
    """The label that the answer names first, or `""` when it names none.

    The base model, which was never told the form, gets its decision read as kindly as the tuned one.

    >>> decide("I would hold this. Do not approve.", ["APPROVE", "HOLD"])
    'HOLD'
    """
    match = _pattern(tuple(labels)).search(answer)
    if match is None:
        return ""
    by_fold = {label.casefold(): label for label in labels}
    # The expression also takes HAYIR for Hayır, which no folding makes equal.
    found = by_fold.get(match[0].casefold())
    return found or next(label for label in _longest_first(labels) if _pattern((label,)).search(match[0]))


def expression(labels: Sequence[str]) -> str:
    """The regular expression of `decide`, its flags inside, so that other programs can read decisions the same way.

    Longest label first; a Latin label must be a whole word, a Chinese one has no word boundaries to ask for. The label
    1 is a whole number too: it does not stand in 12. A Latin label's case is folded in ASCII alone: Unicode's rule
    would take `DECLıNE`, with a dotless i, for `DECLINE`. Full-width forms are the same label.

    >>> decide("Rule 12: 2", ["1", "2"])
    '2'
    """
    return "|".join(_whole(x) if x.isascii() else rf"(?i:{re.escape(x)})" for x in _longest_first(labels))


def wide(label: str) -> str:
    """The label in full-width forms."""
    return label.translate(_WIDE)


def _longest_first(labels: Sequence[str]) -> list[str]:
    return sorted(labels, key=len, reverse=True)


def _whole(label: str) -> str:
    before, after = (_LETTERS + _DIGITS if end.isdecimal() else _LETTERS for end in (label[:1], label[-1:]))
    return rf"(?<![{before}])(?:(?ai:{re.escape(label)})|(?i:{wide(label)}))(?![{after}])"


def before(answer: str, labels: Sequence[str]) -> str:
    """What stands before the decision: all of the answer where there is none.

    >>> before("Rule 12: HOLD.", ["APPROVE", "HOLD"])
    'Rule 12: '
    """
    match = _pattern(tuple(labels)).search(answer)
    return answer if match is None else answer[: match.start()]


@lru_cache(maxsize=64)
def _pattern(labels: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(expression(labels))
