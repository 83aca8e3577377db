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
    return by_fold[match[0].casefold()]


def expression(labels: Sequence[str]) -> str:
    """The regular expression of `decide`, its flags inside, so that other programs can read decisions the same way.

    Longest label first; a Latin label must be a whole word, a Chinese one has no word boundaries to ask for. A Latin
    label's case is folded in ASCII alone: Unicode's rule would take `DECLıNE`, with a dotless i, for `DECLINE`, and
    what it found would fold to no label.
    """
    longest = sorted(labels, key=len, reverse=True)
    parts = [
        rf"(?ai:(?<![A-Za-z]){re.escape(x)}(?![A-Za-z]))" if x.isascii() else rf"(?i:{re.escape(x)})" for x in longest
    ]
    return "|".join(parts)


def before(answer: str, labels: Sequence[str]) -> str:
    """What stands before the decision: all of the answer where there is none.

    >>> before("Rule 12: HOLD.", ["APPROVE", "HOLD"])
    'Rule 12: '
    """
    match = _pattern(tuple(labels)).search(answer)
    return answer if match is None else answer[: match.start()]


@lru_cache(maxsize=16)
def _pattern(labels: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(expression(labels))
