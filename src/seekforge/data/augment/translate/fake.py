"""A translator without a language: for tests of everything around it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from seekforge.core.errors import ModelError
from seekforge.data.augment.words import Language
from seekforge.engines.chat.protocol import Heard, Reply, unheard


class FakeTranslator:
    """Translates by a function.

    Args:
        word: From text, source and target to the translation; by default the text itself.
        fails: Whether a text's translation fails.
        reachable: Whether `check` passes.

    Attributes:
        asked: Every text, with source and target, in order.
    """

    def __init__(
        self,
        word: Callable[[str, Language, Language], str] = lambda text, *_: text,
        fails: Callable[[str], bool] = lambda _: False,
        reachable: bool = True,
    ) -> None:
        self._word, self._fails, self._reachable = word, fails, reachable
        self.asked: list[tuple[str, Language, Language]] = []

    @property
    def name(self) -> str:
        """Kind."""
        return "fake translator"

    @property
    def rough(self) -> bool:
        """It is no translator at all."""
        return True

    def check(self) -> None:
        """Passes, unless it was told otherwise.

        Raises:
            ModelError: It was.
        """
        if not self._reachable:
            raise ModelError("not reachable: as the script says", where="fake", mend="Start it")

    def translate(
        self, texts: Sequence[str], source: Language, target: Language, heard: Heard = unheard
    ) -> list[Reply]:
        """What the function says, or the failure that was asked for."""
        replies = []
        for index, text in enumerate(texts):
            self.asked.append((text, source, target))
            failed = self._fails(text)
            reply = (
                Reply(failure="as the script says", gone=True) if failed else Reply(self._word(text, source, target))
            )
            heard(index, reply)
            replies.append(reply)
        return replies
