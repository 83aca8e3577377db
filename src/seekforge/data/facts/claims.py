"""What a text claims: its sentences, their clauses, the words and values in them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from seekforge.data.facts.values import Value, find, plain
from seekforge.data.facts.words import Words, content, denials, notions, sentences, stop

_CLAUSE = re.compile(r"[，,；;、：()（）]+|\s(?:and|but|while|whereas|or)\s|而且|并且|以及|但是|但|而(?![且是])|，并")
_DIGIT_COMMA = re.compile(r"(?<=\d),(?=\d{3})")


@dataclass(frozen=True)
class Claim:
    """One sentence.

    Attributes:
        text: In plain form, as values are read from it.
        cased: The same with its capital letters; of equal length.
        cut: Its words as stems, each with its start.
    """

    text: str
    cased: str
    cut: tuple[tuple[str, int], ...]

    @cached_property
    def places(self) -> dict[int, int]:
        """Which of its words begins at a character."""
        return {at: place for place, (_, at) in enumerate(self.cut)}

    @cached_property
    def words(self) -> frozenset[str]:
        """Its stems."""
        return frozenset(word for word, _ in self.cut)

    @cached_property
    def content(self) -> frozenset[str]:
        """Those that carry matter."""
        return content(self.words)

    @cached_property
    def notions(self) -> frozenset[int]:
        """The notions that they name."""
        return notions(self.words)

    @cached_property
    def values(self) -> tuple[Value, ...]:
        """Its values."""
        return tuple(find(self.text))

    @cached_property
    def denials(self) -> int:
        """How many of its words deny."""
        return denials(self.text, [word for word, _ in self.cut])

    @cached_property
    def clauses(self) -> tuple[tuple[int, int], ...]:
        """Where its clauses begin and end."""
        masked = _DIGIT_COMMA.sub("_", self.text)
        edges = [0]
        for match in _CLAUSE.finditer(masked):
            edges += [match.start(), match.end()]
        edges.append(len(masked))
        pairs = zip(edges[::2], edges[1::2], strict=True)
        return tuple((start, end) for start, end in pairs if masked[start:end].strip())

    @property
    def is_question(self) -> bool:
        """It asks and does not claim."""
        return self.text.rstrip().endswith(("?", "？", "吗。", "吗"))

    def clause_at(self, place: int) -> tuple[int, int]:
        """The clause in which a place lies."""
        return next((clause for clause in self.clauses if clause[0] <= place < clause[1]), (0, len(self.text)))

    def words_in(self, start: int, end: int) -> list[str]:
        """The stems that begin between two places."""
        return [word for word, at in self.cut if start <= at < end]

    def kept(self) -> list[tuple[str, int]]:
        """Words and starts without stop words: what names are looked for in."""
        return [(word, at) for word, at in self.cut if word not in stop() and word not in ":="]


def claims(text: str, words: Words) -> Iterator[Claim]:
    """The sentences of a text, ready to be compared."""
    lower = plain(text)
    cased = unicodedata.normalize("NFKC", text).replace("’", "'")
    if len(cased) != len(lower):
        cased = lower
    for start, sentence in sentences(lower):
        yield Claim(sentence, cased[start : start + len(sentence)], tuple(words.cut(sentence)))
