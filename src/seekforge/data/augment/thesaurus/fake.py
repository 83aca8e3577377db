"""A thesaurus that is a dictionary: for tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from seekforge.data.augment.thesaurus.protocol import Choice
from seekforge.data.augment.words import Word


class FakeThesaurus:
    """Knows what it was given.

    Args:
        known: Word to its synonyms.
    """

    def __init__(self, known: Mapping[str, Sequence[str]]) -> None:
        self._known = known

    @property
    def name(self) -> str:
        """Kind."""
        return "fake thesaurus"

    def open(self) -> None:
        """Nothing to read."""

    def synonyms(self, word: Word) -> Sequence[Choice]:
        """All of equal weight."""
        return [Choice(other, 1.0) for other in self._known.get(word.text, ())]
