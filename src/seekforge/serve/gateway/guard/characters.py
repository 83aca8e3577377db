"""Characters that a prompt has no use for: controls, invisible tags, and what turns the direction of reading."""

from __future__ import annotations

import re

# Tab and the line ends stay. Tag characters spell invisible text, save behind a black flag, where they name a region.
_CONTROL = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufdd0-\ufdef\ufffe\uffff]"
    "|(?<!\U0001f3f4)(?<![\U000e0020-\U000e007e])[\U000e0000-\U000e007f]+"
)
_SURROGATE = re.compile("[\ud800-\udfff]")
# Embeddings, overrides and isolates. The marks (LRM, RLM, ALM) only help a right-to-left text along and may stay.
_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069]")


def first_control(text: str) -> str | None:
    """The first control character, invisible tag or noncharacter."""
    return _first(_CONTROL, text)


def first_surrogate(text: str) -> str | None:
    """The first half of a surrogate pair, which no encoding can send on."""
    return _first(_SURROGATE, text)


def first_bidi(text: str) -> str | None:
    """The first character that turns the direction of reading."""
    return _first(_BIDI, text)


def without_control(text: str) -> str:
    """The text without control characters, invisible tags and halves of surrogate pairs."""
    return _SURROGATE.sub("", _CONTROL.sub("", text))


def without_bidi(text: str) -> str:
    """The text without characters that turn the direction of reading."""
    return _BIDI.sub("", text)


def _first(pattern: re.Pattern[str], text: str) -> str | None:
    match = pattern.search(text)
    return f"U+{ord(match[0][0]):04X}" if match else None
