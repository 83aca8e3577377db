"""A chat model that is given an order and each text by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from seekforge.data.augment.words import Language
from seekforge.engines.chat.protocol import Chat, Heard, Reply

NAMES: Mapping[Language, str] = {"zh": "Chinese", "en": "English"}


class ChatOrder:
    """Asks for each text by itself.

    Args:
        chat: Who is asked.
    """

    ORDER: str  # the system prompt; names of languages in braces

    def __init__(self, chat: Chat) -> None:
        self._chat = chat

    @property
    def name(self) -> str:
        """Who is asked, and how."""
        return f"{self._chat.name} | {self.ORDER}"

    def check(self) -> None:
        """Asks the model for a word.

        Raises:
            ModelError: It does not answer.
        """
        self._chat.check()

    def _ask(self, texts: Sequence[str], heard: Heard, **languages: Language) -> list[Reply]:
        """One conversation a text."""
        order = self.ORDER.format(**{place: NAMES[language] for place, language in languages.items()})
        asked = [[{"role": "system", "content": order}, {"role": "user", "content": text}] for text in texts]
        return self._chat.ask(asked, heard)
