"""The corrector seam: texts in, the same texts in better grammar out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from seekforge.data.augment.words import Language
from seekforge.engines.chat.protocol import Heard, Reply, unheard


class Corrector(Protocol):
    """Anything that corrects without changing what is said."""

    @property
    def name(self) -> str:
        """What its answers depend on. Part of the key under which they are kept."""

    def check(self) -> None:
        """Finds out now whether it can work at all.

        Raises:
            InputError: It cannot; the message says how to mend that.
        """

    def correct(self, texts: Sequence[str], language: Language, heard: Heard = unheard) -> list[Reply]:
        """A reply for each text, in order; `heard` gets index and reply as soon as each has come."""
