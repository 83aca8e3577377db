"""What a rule against prompt injection is."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rule:
    """A sign of an attempt.

    Attributes:
        name: For the audit.
        points: What it weighs.
        triggers: A text without any of them cannot match; finding them is quick.
        pattern: Over folded text.
    """

    name: str
    points: int
    triggers: tuple[str, ...]
    pattern: re.Pattern[str]


def rule(name: str, points: int, triggers: str, pattern: str) -> Rule:
    """A rule; triggers are parted by `|`, the pattern is verbose (`[ ]` is the one white space of a folded text)."""
    return Rule(name, points, tuple(triggers.split("|")), re.compile(pattern, re.VERBOSE))
