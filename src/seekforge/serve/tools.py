"""Tool calls: what a client may offer, and how a model's `<tool_call>` is found in its text.

The form is Hermes' and Qwen's: `<tool_call>{"name": ..., "arguments": {...}}</tool_call>`, text before and after.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import Field, field_validator

from seekforge.serve.fields import Body

_OPEN, _CLOSE = "<tool_call>", "</tool_call>"


class Function(Body):
    """What a tool does and takes."""

    name: str = Field(min_length=1, max_length=64)
    description: str | None = None
    parameters: dict[str, Any] | None = None


class Tool(Body):
    """A tool on offer."""

    type: Literal["function"]
    function: Function


class CalledFunction(Body):
    """A call as an earlier answer made it; arguments are JSON in a text."""

    name: str
    arguments: str

    @field_validator("arguments")
    @classmethod
    def _is_an_object(cls, arguments: str) -> str:
        try:
            value = json.loads(arguments or "{}")
        except (ValueError, RecursionError) as error:
            raise ValueError("is no JSON") from error
        if not isinstance(value, dict):
            raise ValueError("is no JSON object")
        return arguments


class PastCall(Body):
    """A call in an assistant's message."""

    id: str = ""
    type: Literal["function"] = "function"
    function: CalledFunction

    def to_dict(self) -> dict[str, Any]:
        """As chat templates take it: the arguments as an object."""
        arguments = json.loads(self.function.arguments or "{}")
        return {"id": self.id, "type": self.type, "function": {"name": self.function.name, "arguments": arguments}}


@dataclass(frozen=True, slots=True)
class Found:
    """What became clear: text for the client, and calls that are complete, as OpenAI writes them."""

    text: str = ""
    calls: tuple[dict[str, Any], ...] = ()


@dataclass(slots=True)
class CallParser:
    """Takes an answer apart as it comes. What is no proper call stays text; white space behind a call is layout.

    Attributes:
        found: How many calls there were.
    """

    found: int = 0
    _held: str = field(default="", init=False)
    _behind_call: bool = field(default=False, init=False)

    def push(self, text: str) -> Found:
        """Takes more text."""
        self._held += text
        out, calls = "", []
        while (start := self._held.find(_OPEN)) >= 0 and (end := self._held.find(_CLOSE, start)) >= 0:
            out += self._text(self._held[:start])
            whole, self._held = self._held[start : end + len(_CLOSE)], self._held[end + len(_CLOSE) :]
            call = self._call(whole[len(_OPEN) : -len(_CLOSE)])
            if call is None:
                out += self._text(whole)
            else:
                calls.append(call)
                self._behind_call = True
        clear = start if start >= 0 else len(self._held) - _beginning(self._held)
        out += self._text(self._held[:clear])
        self._held = self._held[clear:]
        return Found(out, tuple(calls))

    def finish(self) -> Found:
        """The rest: a call that was never closed is text."""
        rest, self._held = self._held, ""
        return Found(self._text(rest))

    def _text(self, text: str) -> str:
        text = text.lstrip() if self._behind_call else text
        self._behind_call = self._behind_call and not text
        return text

    def _call(self, text: str) -> dict[str, Any] | None:
        try:
            call = json.loads(text)
        except (ValueError, RecursionError):
            return None
        if not isinstance(call, Mapping) or not isinstance(call.get("name"), str):
            return None
        arguments = call.get("arguments", {})
        if not isinstance(arguments, dict):
            return None
        function = {"name": call["name"], "arguments": json.dumps(arguments, ensure_ascii=False)}
        made = {"index": self.found, "id": f"call_{uuid.uuid4().hex[:24]}", "type": "function", "function": function}
        self.found += 1
        return made


def _beginning(text: str) -> int:
    """How many of the last characters may be the beginning of a tag."""
    return next((size for size in range(min(len(_OPEN) - 1, len(text)), 0, -1) if text.endswith(_OPEN[:size])), 0)
