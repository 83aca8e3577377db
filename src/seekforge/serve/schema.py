"""Requests as clients send them and answers as the OpenAI API writes them.

Format: https://platform.openai.com/docs/api-reference/chat (create, and the streaming chunk object). Fields that are
not named here are passed over, as OpenAI-compatible servers do; fields that would change the answer and that the engine
cannot follow are refused.
"""

from __future__ import annotations

import time
import uuid
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from seekforge.engines.protocol import FinishReason, Sampling

_UNLIMITED = 1 << 30  # the engine ends at the model's context
Positive = Annotated[int, Field(ge=1, le=_UNLIMITED)]


class _Body(BaseModel):
    # Strict: "0.7" is no number and 1 is no flag. A float field still takes 1.
    model_config = ConfigDict(strict=True, extra="ignore", allow_inf_nan=False)


class ContentPart(_Body):
    """A piece of a message's content; only text is understood."""

    type: Literal["text"]
    text: str


class ChatMessage(_Body):
    """One turn."""

    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[ContentPart]

    @field_validator("content")
    @classmethod
    def _no_nul(cls, content: str | list[ContentPart]) -> str | list[ContentPart]:
        if "\x00" in _text(content):
            raise ValueError("must not hold the character NUL")
        return content

    def to_dict(self) -> dict[str, str]:
        """As chat templates take it; `developer` is OpenAI's newer word for `system`."""
        return {"role": "system" if self.role == "developer" else self.role, "content": _text(self.content)}


class StreamOptions(_Body):
    """How a stream ends."""

    include_usage: bool = False


class ChatRequest(_Body):
    """Body of `POST /v1/chat/completions` and of `POST /v1/chat`."""

    model: str | None = None
    messages: list[ChatMessage] = Field(min_length=1)
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    max_tokens: Positive | None = None
    max_completion_tokens: Positive | None = None
    stop: str | list[str] | None = None
    seed: Annotated[int, Field(ge=-(1 << 63), lt=1 << 63)] | None = None
    n: int | None = None
    ignore_eos: bool = False
    # Known to the API, not to our engines; refused when they ask for something.
    logprobs: bool | None = None
    tools: list[Any] | None = None
    response_format: dict[str, Any] | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None

    @field_validator("n")
    @classmethod
    def _one_answer(cls, n: int | None) -> int | None:
        if n not in (None, 1):
            raise ValueError("only 1 answer a request is supported")
        return n

    @field_validator("stop")
    @classmethod
    def _stop_texts(cls, stop: str | list[str] | None) -> str | list[str] | None:
        texts = [stop] if isinstance(stop, str) else stop or []
        if len(texts) > 16 or not all(texts):
            raise ValueError("give at most 16 texts, none of them empty")
        return stop

    @model_validator(mode="after")
    def _nothing_unsupported(self) -> ChatRequest:
        asked = {
            "logprobs": bool(self.logprobs),
            "tools": bool(self.tools),
            "response_format": (self.response_format or {}).get("type", "text") != "text",
            "frequency_penalty": bool(self.frequency_penalty),
            "presence_penalty": bool(self.presence_penalty),
        }
        unsupported = [name for name, is_asked in asked.items() if is_asked]
        if unsupported:
            raise ValueError(f"{', '.join(unsupported)}: not supported by this engine")
        return self

    def sampling(self, *, temperature: float, max_new_tokens: int | None) -> Sampling:
        """The engine's settings, with the route's defaults where the client is silent."""
        stop = (self.stop,) if isinstance(self.stop, str) else tuple(self.stop or ())
        return Sampling(
            max_new_tokens=self.max_completion_tokens or self.max_tokens or max_new_tokens or _UNLIMITED,
            temperature=temperature if self.temperature is None else self.temperature,
            top_p=1.0 if self.top_p is None else self.top_p,
            seed=self.seed,
            stop=stop,
            ignore_eos=self.ignore_eos,
        )

    def conversation(self) -> list[dict[str, str]]:
        """The messages as chat templates take them."""
        return [message.to_dict() for message in self.messages]


def _text(content: str | list[ContentPart]) -> str:
    return content if isinstance(content, str) else "".join(part.text for part in content)


def new_id() -> str:
    """A fresh answer id."""
    return f"chatcmpl-{uuid.uuid4().hex}"


def usage(prompt_tokens: int, completion_tokens: int) -> dict[str, int]:
    """The usage object."""
    return {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
    }


def completion(answer_id: str, model: str, text: str, reason: FinishReason, used: dict[str, int]) -> dict[str, Any]:
    """The whole answer."""
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "finish_reason": reason, "logprobs": None}
    return {**_head(answer_id, "chat.completion", model), "choices": [choice], "usage": used}


def chunk(
    answer_id: str, model: str, delta: dict[str, str], reason: FinishReason | None, used: dict[str, int] | None = None
) -> dict[str, Any]:
    """One event of a stream; with `used` it is the last one and has no choices."""
    head = _head(answer_id, "chat.completion.chunk", model)
    if used is not None:
        return {**head, "choices": [], "usage": used}
    return {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": reason, "logprobs": None}]}


def _head(answer_id: str, kind: str, model: str) -> dict[str, Any]:
    return {"id": answer_id, "object": kind, "created": int(time.time()), "model": model}
