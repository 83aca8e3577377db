"""What the gateway asks of its parts: who calls, how much they may ask, what may go in and what may come out.

Each part is made elsewhere and handed to the app; None of a part means that the gateway runs without it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

Message = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent a request.

    Attributes:
        id: The key's public id, never the key; `anonymous` where keys are off.
        scopes: What the key allows: `chat`, `embeddings`, `feedback`, `metrics`, `admin`.
        requests_per_minute: None is no limit.
        tokens_per_minute: Prompt and answer together; None is no limit.
    """

    id: str
    scopes: frozenset[str] = frozenset({"chat", "embeddings", "feedback"})
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None


@dataclass(frozen=True, slots=True)
class InputVerdict:
    """What the guard says of a conversation.

    Attributes:
        messages: What may go to the engine; escaped where the rule says so.
        refusal: What the client is told; None lets it pass.
        rule: The rule that hit; None when none did.
        param: Where in the request it hit (`messages.2.content`).
    """

    messages: Sequence[Message]
    refusal: str | None = None
    rule: str | None = None
    param: str | None = None


@dataclass(frozen=True, slots=True)
class Passed:
    """Text that may go out now. `stopped`: the answer ends here, whatever the engine still writes."""

    text: str
    stopped: bool = False


class OutputFilter(Protocol):
    """One answer on its way out. What it has returned is on the wire and cannot be taken back."""

    def push(self, text: str) -> Passed:
        """Takes more text and gives what can no longer become a listed word."""

    def finish(self) -> Passed:
        """The rest, when the engine has ended."""


class Guard(Protocol):
    """Looks at what goes in and at what comes out. An error inside it refuses: it fails closed."""

    def check_input(self, messages: Sequence[Message], *, user: str, request_id: str) -> InputVerdict:
        """Judges a conversation before an engine sees it."""

    def open_output(self, *, user: str, request_id: str) -> OutputFilter:
        """A filter for one answer."""


class KeyRing(Protocol):
    """Knows the keys."""

    def identify(self, authorization: str | None) -> Caller | None:
        """Who sends `Authorization: Bearer KEY`; None for nobody that is known."""


@dataclass(frozen=True, slots=True)
class Admission:
    """May a request go on?

    Attributes:
        retry_after: Seconds after which it is worth trying again; None when it may go on now.
        limit: Which limit was hit (`requests per minute`, `tokens per minute`).
        headers: `x-ratelimit-*`, as OpenAI names them.
    """

    retry_after: float | None = None
    limit: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


class Limiter(Protocol):
    """Counts requests and tokens by caller."""

    async def admit(self, caller: Caller) -> Admission:
        """Counts one request in, or says when to come again."""

    async def spend(self, caller: Caller, tokens: int) -> None:
        """Counts an answer's tokens, prompt and completion, once they are known."""

    async def close(self) -> None:
        """Hangs up where it counts elsewhere."""


class Templates(Protocol):
    """Prompt templates by name."""

    def pick(self, asked: str | None, model: str | None) -> str | None:
        """Which one a request gets: the one it asks for, its model's, the default; None is none."""

    def apply(self, name: str, messages: Sequence[Message], values: Mapping[str, str]) -> list[dict[str, Any]]:
        """The conversation with the template's system line and the user's turn in its form.

        Raises:
            InputError: There is no such template, or a value is missing.
        """
