"""The thesaurus seam: a word in, words that may stand in its place out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from seekforge.data.augment.words import Word


@dataclass(frozen=True, slots=True)
class Choice:
    """A word that may stand in another's place.

    Attributes:
        text: As it is written there, ending and all.
        weight: How much rather it is drawn than others; above 0.
    """

    text: str
    weight: float


class Thesaurus(Protocol):
    """Knows synonyms of one language."""

    @property
    def name(self) -> str:
        """For reports."""

    def open(self) -> None:
        """Reads its files.

        Raises:
            InputError: They are missing; the message says how to get them.
        """

    def synonyms(self, word: Word) -> Sequence[Choice]:
        """What may stand there, in a fixed order; none where its meaning is not clear enough."""
