"""The translator seam: texts in one language in, texts in another out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from seekforge.data.augment.words import Language
from seekforge.engines.chat.protocol import Heard, Reply, unheard


class Translator(Protocol):
    """Anything that translates. Equal texts get equal answers, unless it samples."""

    @property
    def name(self) -> str:
        """What its answers depend on: kind, model, settings. Part of the key under which they are kept."""

    @property
    def rough(self) -> bool:
        """Whether it says of itself that what it writes is no good prose."""

    def check(self) -> None:
        """Finds out now whether it can work at all, at little cost.

        Raises:
            InputError: It cannot; the message says how to mend that.
        """

    def translate(
        self, texts: Sequence[str], source: Language, target: Language, heard: Heard = unheard
    ) -> list[Reply]:
        """A reply for each text, in order; `heard` gets index and reply as soon as each has come."""
