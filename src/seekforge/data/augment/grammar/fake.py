"""A corrector that is a function: for tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from seekforge.data.augment.words import Language
from seekforge.engines.chat.protocol import Heard, Reply, unheard


class FakeCorrector:
    """Corrects by a function.

    Args:
        change: From a text to the corrected one; by default the text itself.
        fails: Whether a text's correction fails.
    """

    def __init__(
        self, change: Callable[[str], str] = lambda text: text, fails: Callable[[str], bool] = lambda _: False
    ) -> None:
        self._change, self._fails = change, fails

    @property
    def name(self) -> str:
        """Kind."""
        return "fake corrector"

    def check(self) -> None:
        """Always there."""

    def correct(self, texts: Sequence[str], language: Language, heard: Heard = unheard) -> list[Reply]:
        """What the function says, or the failure that was asked for."""
        replies = []
        for index, text in enumerate(texts):
            reply = Reply(failure="as the script says") if self._fails(text) else Reply(self._change(text))
            heard(index, reply)
            replies.append(reply)
        return replies
