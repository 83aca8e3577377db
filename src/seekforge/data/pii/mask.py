"""Placeholders for personal data: `[PHONE]`, `[PHONE_2]`; within a record the same number has the same one."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from seekforge.data.pii.find import Finding

_PLACEHOLDER = re.compile(r"\[(PHONE|ID|CARD|EMAIL|ADDRESS)(?:_([0-9]{1,6}))?\]")


def mask(texts: Sequence[str], found: Sequence[Sequence[Finding]]) -> list[str]:
    """The texts of one record with placeholders; numbers go on behind those of placeholders that are there already.

    Args:
        texts: The turns of one record.
        found: Of each text, what `find` gives.
    """
    used = Counter[str]()
    for match in (match for text in texts for match in _PLACEHOLDER.finditer(text)):
        used[match[1]] = max(used[match[1]], int(match[2] or 1))
    names: dict[tuple[str, str], str] = {}
    masked = []
    for text, findings in zip(texts, found, strict=True):
        parts, at = [], 0
        for start, end, kind in findings:
            key = kind, _value(text[start:end])
            if key not in names:
                used[kind.upper()] += 1
                number = used[kind.upper()]
                names[key] = f"[{kind.upper()}]" if number == 1 else f"[{kind.upper()}_{number}]"
            parts += [text[at:start], names[key]]
            at = end
        masked.append("".join([*parts, text[at:]]))
    return masked


def _value(text: str) -> str:
    """What is the same however it is written: letters and digits only."""
    return "".join(char for char in text.casefold() if char.isalnum())
