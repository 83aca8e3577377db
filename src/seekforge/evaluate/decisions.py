"""Reading a decision off an answer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache


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
    would take `DECLıNE`, with a dotless i, for `DECLINE`.

    >>> decide("Rule 12: 2", ["1", "2"])
    '2'
    """
    return "|".join(_whole(x) if x.isascii() else rf"(?i:{re.escape(x)})" for x in _longest_first(labels))


def _longest_first(labels: Sequence[str]) -> list[str]:
    return sorted(labels, key=len, reverse=True)


def _whole(label: str) -> str:
    before, after = ("A-Za-z0-9" if end.isdecimal() else "A-Za-z" for end in (label[:1], label[-1:]))
    return rf"(?ai:(?<![{before}]){re.escape(label)}(?![{after}]))"


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
