"""A chat model that is a function: for tests, with failures where they are wanted."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from seekforge.core.errors import ModelError
from seekforge.engines.chat.protocol import Heard, Reply, unheard
from seekforge.engines.protocol import Messages


class FakeChat:
    """Answers the last message by a function.

    Args:
        answer: From the last message's text to the answer; by default the text itself.
        fails: Whether this text's request fails.
        reachable: Whether `check` passes.

    Attributes:
        asked: Every conversation, in order.
    """

    def __init__(
        self,
        answer: Callable[[str], str] = str,
        fails: Callable[[str], bool] = lambda _: False,
        reachable: bool = True,
    ) -> None:
        self._answer, self._fails, self._reachable = answer, fails, reachable
        self.asked: list[Messages] = []

    @property
    def name(self) -> str:
        """Kind and model."""
        return "fake chat"

    def check(self) -> None:
        """Passes, unless it was told otherwise.

        Raises:
            ModelError: It was.
        """
        if not self._reachable:
            raise ModelError("not reachable: as the script says", where="fake", mend="Start it")

    def ask(self, conversations: Sequence[Messages], heard: Heard = unheard) -> list[Reply]:
        """Every answer, or the failure that was asked for."""
        replies = []
        for index, conversation in enumerate(conversations):
            self.asked.append(conversation)
            text = str(conversation[-1]["content"])
            reply = Reply(failure="as the script says") if self._fails(text) else Reply(self._answer(text))
            heard(index, reply)
            replies.append(reply)
        return replies
