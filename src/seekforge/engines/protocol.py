"""The engine seam: token ids in and out, so that a prompt is rendered once and a stream can be taken up exactly."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from seekforge.engines.sampling import Sampling as Sampling

FinishReason = Literal["stop", "length", "cancelled"]
Messages = Sequence[Mapping[str, Any]]
Tools = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Generation:
    """A finished answer. `token_ids` has no end-of-sequence token; `text` is what they decode to."""

    token_ids: tuple[int, ...]
    text: str
    finish_reason: FinishReason
    prompt_tokens: int


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of a streamed answer; the last one has a `finish_reason` and may have no text.

    The text of all pieces so far is the text of their token ids, whole characters only. `logprobs` has one number a
    token id when the sampling asks for them.
    """

    token_ids: tuple[int, ...]
    text: str
    finish_reason: FinishReason | None = None
    logprobs: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class EngineStats:
    """What an engine knows of itself now: requests at work, requests waiting, share of the KV cache in use."""

    running: int
    waiting: int
    kv_cache_usage: float


class Generator(Protocol):
    """Anything that answers in batches. Closing it frees its memory."""

    @property
    def name(self) -> str:
        """Engine and format, for reports (`OpenVINO Q8_0`)."""

    def render(self, messages: Messages) -> str:
        """The conversation as the model's own chat template writes it, ready for the answer."""

    def encode(self, text: str) -> list[int]:
        """Token ids of a rendered prompt; nothing is added to it."""

    def decode(self, token_ids: Sequence[int]) -> str:
        """Text of token ids, special tokens left out."""

    def generate(self, prompts: Sequence[Sequence[int]], sampling: Sampling) -> list[Generation]:
        """Answers all prompts, batched as the engine likes; blocks."""

    def close(self) -> None:
        """Ends the engine and frees its memory."""


class Engine(Generator, Protocol):
    """A generator that can also be served: it streams, cancels and knows its load.

    A closed or broken engine refuses work with `EngineError`.
    """

    @property
    def context_length(self) -> int:
        """Longest prompt and answer together, in tokens."""

    def render(self, messages: Messages, tools: Tools = ()) -> str:
        """As `Generator.render`, with tools where the template takes them (`InputError` where it does not)."""

    def stream(
        self,
        prompt: Sequence[int],
        sampling: Sampling,
        answered: Sequence[int] = (),
        *,
        seconds: float | None = None,
    ) -> AsyncGenerator[Delta, None]:
        """Answers one prompt piece by piece; closing the generator cancels and frees the engine's slot.

        `answered` is the beginning of the answer, where another engine was cut off: the model goes on behind it, and
        only what comes anew is in the pieces. A character that was cut in two there comes out whole. `TimeoutError`
        where the whole answer takes longer than `seconds`.
        """

    def stats(self) -> EngineStats:
        """The engine's load now."""
