"""What a text says when tricks of spelling are undone: symbols between characters, and characters of the same sound.

Full width, traditional characters and what has no width are undone by `fold` already.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from seekforge.core.words.fold import fold

HAN = "\u3400-\u4dbf\u4e00-\u9fff"
# Marks that end a phrase stay: what stands on both sides of one is no word. Full-width ones fold to these.
_INSERTED = re.compile(f'(?<=[{HAN}0-9a-z])(?:[^\\w,。!?;:、()《》“”"\\n]|_){{1,3}}(?=[{HAN}0-9a-z])')
_LATIN = re.compile("[a-z]+")
_RUN = re.compile("(?<![a-z])[a-z]+")
_FIRST = 0xE000  # private use: one character for each syllable


def folded(text: str) -> str:
    """As written, folded; a line's end stays the end of a phrase."""
    return fold(text.replace("\n", "。"))


def squeezed(plain: str) -> str:
    """Folded text without symbols and spaces between characters.

    >>> squeezed(folded("色*情、赌 博。毒！品"))
    '色情、赌博。毒!品'
    """
    return _INSERTED.sub("", plain)


class Sounds:
    """Text as syllables, a private-use character each; what has none stays.

    Args:
        readings: Each character's syllable, as letters without a tone.
    """

    def __init__(self, readings: Mapping[str, str]) -> None:
        syllables = sorted(set(readings.values()))
        self._codes = {syllable: chr(_FIRST + place) for place, syllable in enumerate(syllables)}
        self._table = {ord(char): self._codes[syllable] for char, syllable in readings.items()}

    def __call__(self, plain: str) -> str:
        """Folded text; letters that spell a syllable are one."""
        return _LATIN.sub(lambda match: self._codes.get(match[0], match[0]), plain).translate(self._table)

    def places(self, plain: str) -> list[int]:
        """Where in the folded text each character of its sounds begins; its end last."""
        places, at = [], 0
        while at < len(plain):
            places.append(at)
            run = _RUN.match(plain, at)
            at = run.end() if run and run[0] in self._codes else at + 1
        return [*places, len(plain)]
