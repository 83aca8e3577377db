"""Chat requests as clients send them and answers as the OpenAI API writes them.

Format: https://platform.openai.com/docs/api-reference/chat (create, and the streaming chunk object).
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from seekforge.engines.protocol import FinishReason
from seekforge.serve.body import MOST_MESSAGES
from seekforge.serve.fields import AnswerFields, Body, Positive
from seekforge.serve.tools import PastCall, Tool


class ContentPart(Body):
    """A piece of a message's content; only text is understood."""

    type: Literal["text"]
    text: str

    @field_validator("type", mode="before")
    @classmethod
    def _only_text(cls, kind: object) -> object:
        if kind != "text":
            raise ValueError("must be 'text': this model reads no images, sound or files")
        return kind


class ChatMessage(Body):
    """One turn."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[ContentPart] | None = None
    tool_calls: list[PastCall] | None = None
    tool_call_id: str | None = None
    name: str | None = None

    @field_validator("content")
    @classmethod
    def _no_nul(cls, content: str | list[ContentPart] | None) -> str | list[ContentPart] | None:
        if "\x00" in _text(content):
            raise ValueError("must not hold the character NUL")
        return content

    @model_validator(mode="after")
    def _says_something(self) -> ChatMessage:
        if self.tool_calls and self.role != "assistant":
            raise ValueError("tool_calls belong to the assistant")
        if self.content is None and not self.tool_calls:
            raise ValueError("content is missing")
        return self

    def to_dict(self) -> dict[str, Any]:
        """As chat templates take it; `developer` is OpenAI's newer word for `system`."""
        turn: dict[str, Any] = {"role": "system" if self.role == "developer" else self.role}
        turn["content"] = _text(self.content)
        if self.tool_calls:
            turn["tool_calls"] = [call.to_dict() for call in self.tool_calls]
        if self.role == "tool":
            turn |= {key: value for key in ("tool_call_id", "name") if (value := getattr(self, key)) is not None}
        return turn


class ChatRequest(AnswerFields):
    """Body of `POST /v1/chat/completions` and of `POST /v1/chat`."""

    messages: list[ChatMessage] = Field(min_length=1, max_length=MOST_MESSAGES)
    max_completion_tokens: Positive | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    tools: list[Tool] | None = Field(None, max_length=128)
    tool_choice: str | dict[str, Any] | None = None
    # OpenAI's older words for tools.
    functions: list[Any] | None = None
    function_call: Any = None

    @field_validator("tool_choice")
    @classmethod
    def _free_choice(cls, choice: str | dict[str, Any] | None) -> str | dict[str, Any] | None:
        if choice not in (None, "auto", "none"):
            raise ValueError("only auto and none are supported: the engine cannot be made to call a tool")
        return choice

    @field_validator("functions")
    @classmethod
    def _no_functions(cls, functions: list[Any] | None) -> None:
        if functions:
            raise ValueError("not supported; use tools")

    @field_validator("top_logprobs")
    @classmethod
    def _chosen_only(cls, count: int | None) -> int | None:
        if count:
            raise ValueError("not supported: this engine tells the chosen token's logprob only")
        return count

    @model_validator(mode="after")
    def _calls_are_whole(self) -> ChatRequest:
        if self.offered() and self.continue_token_ids:
            raise ValueError("continue_token_ids cannot go together with tools")
        if self.offered() and self.response_format is not None and self.response_format.type != "text":
            raise ValueError("response_format cannot go together with tools")
        return self

    def longest(self) -> int | None:
        """The longest answer that was asked for."""
        return self.max_completion_tokens or self.max_tokens

    def offered(self) -> list[dict[str, Any]]:
        """The tools as chat templates take them; none where the client wants none called."""
        tools = [] if self.tool_choice == "none" else self.tools or []
        return [tool.model_dump(exclude_none=True) for tool in tools]

    def conversation(self) -> list[dict[str, Any]]:
        """The messages as chat templates take them."""
        return [message.to_dict() for message in self.messages]


def _text(content: str | list[ContentPart] | None) -> str:
    if content is None:
        return ""
    return content if isinstance(content, str) else "".join(part.text for part in content)


def new_id(kind: str = "chatcmpl") -> str:
    """A fresh answer id."""
    return f"{kind}-{uuid.uuid4().hex}"


def usage(prompt_tokens: int, completion_tokens: int) -> dict[str, int]:
    """The usage object."""
    return {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
    }


def completion(
    answer_id: str,
    model: str,
    text: str | None,
    reason: FinishReason | Literal["tool_calls"],
    used: dict[str, int],
    *,
    calls: Sequence[Mapping[str, Any]] = (),
    logprobs: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """The whole answer."""
    message: dict[str, Any] = {"role": "assistant", "content": text}
    if calls:
        message["tool_calls"] = [{key: value for key, value in call.items() if key != "index"} for call in calls]
    choice = {"index": 0, "message": message, "finish_reason": reason, "logprobs": logprobs}
    return {**head(answer_id, "chat.completion", model), "choices": [choice], "usage": used}


def chunk(
    answer_id: str,
    model: str,
    delta: Mapping[str, Any],
    reason: FinishReason | Literal["tool_calls"] | None,
    used: dict[str, int] | None = None,
    *,
    logprobs: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """One event of a stream; with `used` it is the last one and has no choices."""
    top = head(answer_id, "chat.completion.chunk", model)
    if used is not None:
        return {**top, "choices": [], "usage": used}
    return {**top, "choices": [{"index": 0, "delta": delta, "finish_reason": reason, "logprobs": logprobs}]}


def head(answer_id: str, kind: str, model: str) -> dict[str, Any]:
    """What every answer and every event begins with."""
    return {"id": answer_id, "object": kind, "created": int(time.time()), "model": model}
