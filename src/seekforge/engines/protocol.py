"""The engine seam: token ids in and out, so that a prompt is rendered once and a stream can be taken up exactly."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

FinishReason = Literal["stop", "length", "cancelled"]
Messages = Sequence[Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Sampling:
    """How to choose the next token.

    Attributes:
        max_new_tokens: Longest answer in tokens.
        temperature: 0 is greedy.
        top_p: Nucleus sampling: the smallest set of tokens with at least this probability.
        seed: Of the sampler; None is any.
        stop: Texts that end the answer and are not part of it.
        ignore_eos: Go on past the end-of-sequence token (for measurements of speed).
    """

    max_new_tokens: int = 512
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int | None = None
    stop: tuple[str, ...] = ()
    ignore_eos: bool = False


@dataclass(frozen=True, slots=True)
class Generation:
    """A finished answer. `token_ids` has no end-of-sequence token; `text` is what they decode to."""

    token_ids: tuple[int, ...]
    text: str
    finish_reason: FinishReason
    prompt_tokens: int


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of a streamed answer; the last one has a `finish_reason` and may have no text."""

    token_ids: tuple[int, ...]
    text: str
    finish_reason: FinishReason | None = None


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

    def stream(self, prompt: Sequence[int], sampling: Sampling) -> AsyncIterator[Delta]:
        """Answers one prompt piece by piece; closing the iterator cancels and frees the engine's slot."""

    def stats(self) -> EngineStats:
        """The engine's load now."""
