"""The chat seam: conversations in, whole answers out; what fails is told for each, and never ends the others."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from seekforge.engines.protocol import Messages
from seekforge.engines.reasoning import apart

_FENCE = re.compile(r"^```(?:json)?\s*(.*?)\s*```$", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer, or why there is none.

    Attributes:
        text: The answer; empty where it failed.
        failure: Why there is none, for people: `HTTP 503, in 4 tries`.
        gone: It failed for whoever answers, not for what was asked: no connection, a key that is no longer good.
        finish_reason: `stop`, or `length` where it was cut off.
        partial: What was said before an answer was cut off.
        tokens: How many were written, 0 where that is not known.
        seconds: From the question, of the last try, to the whole answer; 0 where it was not timed.
    """

    text: str = ""
    failure: str = ""
    gone: bool = False
    finish_reason: str = "stop"
    partial: str = field(default="", compare=False)
    tokens: int = 0
    seconds: float = field(default=0.0, compare=False)


Heard = Callable[[int, Reply], None]


def unheard(index: int, reply: Reply) -> None:
    """Does nothing with a reply."""


def spoken(text: str) -> Reply:
    """What a model said, its thoughts (`<think>...</think>`) left out; nothing at all counts as failed."""
    said = apart(text).content.strip()
    return Reply(said) if said else Reply(failure="an empty answer")


def json_object(text: str) -> dict[str, Any] | None:
    """The JSON object that an answer is, in a code fence or not; None for all else, prose around an object included."""
    fenced = _FENCE.match(text.strip())
    try:
        found = json.loads(fenced[1] if fenced else text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


class Chat(Protocol):
    """Anything that answers conversations."""

    @property
    def name(self) -> str:
        """What the answers depend on, for reports and as part of a cache's key: kind, model, sampling."""

    def check(self) -> None:
        """Finds out now whether it can answer at all.

        Raises:
            InputError: It cannot; the message says how to mend that.
        """

    def ask(self, conversations: Sequence[Messages], heard: Heard = unheard) -> list[Reply]:
        """A reply for each conversation, in order; `heard` gets index and reply as soon as each has come."""
