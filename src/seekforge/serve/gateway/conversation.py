"""A conversation in the parts that may be left out and those that may not, and how it is made to fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from seekforge.core.errors import InputError
from seekforge.serve.gateway.seams import Message

_SYSTEM = ("system", "developer")  # the second is OpenAI's newer word for the first


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation, taken apart.

    Attributes:
        system: The client's system texts, in order.
        older: Exchanges before the last user turn; each begins with a user's turn, the first perhaps with an answer,
            so that what leaves takes its answers and tool results with it.
        last: The last user turn.
        after: What follows it: an answer begun, tool calls and their results.
    """

    system: tuple[str, ...]
    older: tuple[tuple[Message, ...], ...]
    last: Message
    after: tuple[Message, ...]

    @classmethod
    def of(cls, messages: Sequence[Message]) -> Conversation:
        """Takes a conversation apart.

        Raises:
            InputError: It has no user turn, or the last one holds more than text.
        """
        system: list[str] = []
        exchanges: list[list[Message]] = []
        for message in messages:
            if message["role"] in _SYSTEM:
                system.append(_text(message))
            elif message["role"] == "user" or not exchanges:
                exchanges.append([message])
            else:
                exchanges[-1].append(message)
        if not exchanges or exchanges[-1][0]["role"] != "user":
            raise InputError("there is no user turn for the template", where="messages", mend="Send one")
        (last, *after), older = exchanges[-1], exchanges[:-1]
        return cls(tuple(system), tuple(map(tuple, older)), last, tuple(after))

    @property
    def query(self) -> str:
        """What the user says last."""
        return _text(self.last)

    def with_query(self, text: str) -> Conversation:
        """The same with another last user turn."""
        return replace(self, last={**self.last, "content": text})


def fit(conversation: Conversation, required: str, optional: str, budget: int) -> list[dict[str, Any]]:
    """The conversation with a system line, within the budget.

    Args:
        conversation: What was said.
        required: The part of the system line that stays.
        optional: The part that may go.
        budget: Characters of all messages together.

    Raises:
        InputError: What may not be left out is over the budget.
    """
    needed = (conversation.last, *conversation.after)
    turn = sum(map(size, needed))
    for first in range(len(conversation.older) + 1):
        older = [message for exchange in conversation.older[first:] for message in exchange]
        system = _join(required, optional, *conversation.system)
        if len(system) + sum(map(size, older)) + turn <= budget:
            return _put_together(system, (*older, *needed))
    system = _join(required, *conversation.system)
    if len(system) + turn <= budget:
        return _put_together(system, needed)
    what = f"the last turn in its form has {turn} characters, the system line {len(system)}; {budget} are allowed"
    raise InputError(what, where="messages", mend="Send a shorter question")


def size(message: Message) -> int:
    """Characters that a message says; tool calls count as they are sent."""
    content, calls = message.get("content"), message.get("tool_calls")
    texts = [content] if isinstance(content, str) else [part.get("text", "") for part in content or ()]
    return sum(map(len, texts)) + (len(str(calls)) if calls else 0)


def _put_together(system: str, rest: Sequence[Message]) -> list[dict[str, Any]]:
    return [{"role": "system", "content": system}, *(dict(message) for message in rest)]


def _join(*parts: str) -> str:
    return "\n\n".join(part for part in parts if part)


def _text(message: Message) -> str:
    content = message.get("content")
    if isinstance(content, str):
        return content
    if not isinstance(content, list) or any(part.get("type") != "text" for part in content):
        raise InputError("the template takes text only", where="messages", mend="Leave images and sound out")
    return "".join(part["text"] for part in content)
