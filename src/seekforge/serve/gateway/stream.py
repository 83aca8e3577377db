"""The events of an upstream's stream: whole, in order, and with an end that was really one."""

from __future__ import annotations

import asyncio
from typing import Any, NamedTuple

from seekforge.serve.gateway.failures import UpstreamError, from_event
from seekforge.serve.gateway.sse import DONE, EventParser, EventTooLarge
from seekforge.serve.gateway.upstream import Answer
from seekforge.serve.strict import decode

_TEXTS = ("content", "reasoning_content", "reasoning", "tool_calls", "function_call", "refusal")
_AFTERWARDS = 1.0


class Event(NamedTuple):
    """One event: as it came, and understood."""

    raw: bytes
    tree: dict[str, Any]


class UpstreamStream:
    """An open stream.

    Args:
        answer: Whose events these are; closed with the stream.
        choices: How many answers it has (`n`).
        first_seconds: For the first piece of text.
        idle_seconds: Between two events.

    Attributes:
        skipped: Events that were no JSON objects.
    """

    def __init__(self, answer: Answer, choices: int, first_seconds: float, idle_seconds: float) -> None:
        self._answer, self._choices = answer, choices
        self._first_seconds, self._idle_seconds = first_seconds, idle_seconds
        self._parser = EventParser()
        self._early: list[Event] = []
        self._finished: set[int] = set()
        self._failure: UpstreamError | None = None
        self._is_over = False
        self.skipped = 0

    async def begin(self) -> None:
        """Reads until there is something of an answer, so that what fails before can be tried elsewhere.

        Raises:
            UpstreamError: It failed before, or took too long.
        """
        early: list[Event] = []
        try:
            async with asyncio.timeout(self._first_seconds):
                while not any(_has_text(event.tree) for event in early):
                    events = await self._read()
                    if events is None:
                        break
                    early += events
                    if self._failure is not None and not any(_has_text(event.tree) for event in early):
                        raise self._failure
        except TimeoutError as error:
            raise UpstreamError("slow", f"no first token within {self._first_seconds:g} s", status=504) from error
        if not any(_has_text(event.tree) for event in early):
            raise UpstreamError("malformed", "the upstream's stream has no answer in it")
        self._early = early

    async def events(self) -> list[Event] | None:
        """The next events; None after the last.

        Raises:
            UpstreamError: The upstream failed, fell silent, or went without an end.
        """
        if self._early:
            early, self._early = self._early, []
            return early
        if self._failure is not None:
            raise self._failure
        try:
            async with asyncio.timeout(self._idle_seconds) as idle:
                while True:
                    events = await self._read()
                    if events is None or events:
                        return events
                    if self._failure is not None:
                        raise self._failure
                    # Comments are no events, but who writes them is alive.
                    idle.reschedule(asyncio.get_running_loop().time() + self._idle_seconds)
        except TimeoutError as error:
            raise UpstreamError("slow", f"no token within {self._idle_seconds:g} s", status=504) from error

    async def close(self) -> None:
        """Ends the stream; what it still says after its last event is read, so that the connection can be kept."""
        try:
            if self._is_over:
                async with asyncio.timeout(_AFTERWARDS):
                    while await self._answer.piece():
                        pass
        except (UpstreamError, TimeoutError):
            pass
        finally:
            self._answer.close()

    def cut(self) -> None:
        """Ends the stream at once; the upstream's work is cancelled."""
        self._answer.close()

    async def _read(self) -> list[Event] | None:
        if self._is_over:
            return None
        try:
            data = await self._answer.piece()
        except UpstreamError:
            if len(self._finished) < self._choices:
                raise
            data = b""  # it broke after all was said
        try:
            parts = self._parser.push(data) if data else [self._parser.rest()]
        except EventTooLarge as error:
            raise UpstreamError("malformed", f"the upstream's stream: {error}") from error
        events = self._understand(parts)
        if not data and not self._is_over:
            # All answers had their finish_reason: nothing is missing but the last line.
            if len(self._finished) < self._choices:
                self._failure = UpstreamError("lost", "the upstream's stream ended without an end")
            self._is_over = self._failure is None
            return events or (None if self._failure is None else [])
        return events or (None if self._is_over else [])

    def _understand(self, parts: list[bytes]) -> list[Event]:
        events = []
        for raw in parts:
            if raw == DONE:
                self._is_over = True
                break
            try:
                tree = decode(raw) if raw else None
            except ValueError:
                tree = None
            if not isinstance(tree, dict):
                self.skipped += bool(raw)
                continue
            if tree.get("error"):
                self._failure = from_event(tree)
                break
            choices = tree.get("choices")
            if not isinstance(choices, list) or not all(isinstance(choice, dict) for choice in choices):
                self.skipped += 1
                continue
            self._finished.update(index_of(c) for c in choices if c.get("finish_reason") is not None)
            events.append(Event(raw, tree))
        return events


def index_of(choice: dict[str, Any]) -> int:
    """The choice's number; an upstream that gives none has one choice."""
    index = choice.get("index")
    return index if isinstance(index, int) else 0


def _has_text(tree: dict[str, Any]) -> bool:
    for choice in tree["choices"]:
        delta = choice.get("delta")
        if choice.get("finish_reason") is not None or choice.get("text"):
            return True
        if isinstance(delta, dict) and any(delta.get(name) for name in _TEXTS):
            return True
    return False
