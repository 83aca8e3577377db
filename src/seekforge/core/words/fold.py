"""What text looks like to a word list: the same for every way to write a word.

Folding works character by character and never looks at a neighbour, so a stream folds the same whatever its chunks:

- compatibility decomposition (Unicode Standard Annex 15), full case folding, traditional to simplified Chinese;
- characters without a width of their own go: default-ignorable, control and format characters, marks above, below and
  through a letter. NFKC's composed letters need their marks and so compare by their base letter: `é` is `e`;
- white space is one space, a run of it too.

Whatever holds a word under NFKC also holds it after folding, save that marks no longer tell two words apart.
"""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Sequence
from functools import cache
from itertools import accumulate

# Default_Ignorable_Code_Point (DerivedCoreProperties.txt) that is neither Cc nor Cf, nor a mark that goes anyway.
_IGNORABLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0") | frozenset(
    map(chr, (*range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0000, 0xE1000)))
)
# U+2800 shows nothing either; word joiners of other scripts are Cf.
_BLANK = frozenset("\u2800")
# Canonical combining classes of marks that spell a letter rather than decorate one: nukta, kana voicing, virama, and
# the vowels and tones of South-East Asian and Tibetan scripts.
_SPELLING = frozenset((7, 8, 9, *range(84, 133)))
_KEPT_PLANES = 0x34000  # beyond are private use, tags and nothing assigned: not worth memory that a text can fill

DIGITS = frozenset("0123456789")
# Scripts that put a space between words; a word of theirs is no part of a longer word.
LETTERS = frozenset(c for c in map(chr, (*range(0x530), *range(0x1E00, 0x2000))) if c.isalpha())


class _Fold(dict[int, str]):
    """Code point to its folded form, filled as text comes by; `str.translate` takes it."""

    def __missing__(self, code: int) -> str:
        folded = _fold(chr(code))
        if code < _KEPT_PLANES:
            self[code] = folded
        return folded


FOLD = _Fold()


def fold(text: str, before: str = "") -> str:
    """The folded form of text that follows the folded character `before`.

    >>> fold("Ｇｕ\u200bｎ  \u69cd枝")
    'gun 枪枝'
    """
    # Printable ASCII is most of an English answer and folds to lower case.
    folded = text.lower() if text.isascii() and text.isprintable() else text.translate(FOLD)
    if "  " in folded or (before == " " and folded[:1] == " "):
        folded = "".join(_each(text, before))
    return folded


def offsets(text: str, folded: str, before: str = "") -> Sequence[int]:
    """How much of `folded` is written after each character of `text`; `folded` is `fold(text, before)`.

    Returns:
        As many ascending numbers as `text` has characters.
    """
    if text.lower() == folded:  # one for one: what lower() makes longer holds a mark, and folded text has none
        return range(1, len(text) + 1)
    return list(accumulate(map(len, _each(text, before))))


def _each(text: str, before: str) -> list[str]:
    """The folded form of each character."""
    forms = []
    for char in text:
        form = FOLD[ord(char)]
        if form == " " == before:
            form = ""
        before = form[-1:] or before
        forms.append(form)
    return forms


def _fold(char: str) -> str:
    """One character, until nothing changes any more: folding case may give something to decompose, and back."""
    form, before = char, ""
    while form != before:
        before = form
        form = unicodedata.normalize("NFKD", form).casefold()
        form = form.translate(_simplified())
    kept = "".join(" " if c.isspace() or c in _BLANK else c for c in form if not _invisible(c))
    return " " if kept.isspace() else kept


def _invisible(char: str) -> bool:
    if char.isspace():
        return False
    decorates = unicodedata.combining(char) not in _SPELLING | {0}
    return decorates or char in _IGNORABLE or unicodedata.category(char) in {"Cc", "Cf", "Me"}


@cache
def _simplified() -> dict[int, str]:
    """Traditional characters and their simplified forms, from OpenCC's table, each on its own."""
    import opencc

    ranges = (range(0x3400, 0xA000), range(0xF900, 0xFB00), range(0x20000, _KEPT_PLANES))
    chars = [chr(code) for codes in ranges for code in codes]
    simple = opencc.OpenCC("t2s").convert("\n".join(chars)).split("\n")  # no phrase spans a line
    if len(simple) != len(chars):
        raise ValueError("OpenCC's table does not map line by line")
    return {ord(a): sys.intern(b) for a, b in zip(chars, simple, strict=True) if a != b}
