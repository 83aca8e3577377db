"""Asking a model every question of a test, each answer timed: an engine's streams, its batches, or over HTTP."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from seekforge.core.errors import InputError
from seekforge.engines.chat.protocol import Reply
from seekforge.engines.chat.remote import RemoteChat
from seekforge.engines.protocol import Engine, Generator, Messages, Sampling
from seekforge.engines.reasoning import opens
from seekforge.evaluate.endpoint import Patience
from seekforge.evaluate.predict import whole


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer.

    Attributes:
        text: What was said.
        finish_reason: `stop` or `length`.
        tokens: How many were written; 0 where an endpoint does not say.
        seconds: From the question to the whole answer.
        failure: Why there is no answer to this question; empty where there is one.
        opened: Its prompt had opened the thoughts (`engines/reasoning.py`).
    """

    text: str = ""
    finish_reason: str = ""
    tokens: int = 0
    seconds: float = 0.0
    failure: str = ""
    opened: bool = False


Heard = Callable[[int, Answer], None]


class Answerer(Protocol):
    """A model that is ready to be asked."""

    @property
    def name(self) -> str:
        """Engine and format, or that it is an endpoint."""

    def ask(self, conversations: Sequence[Messages], heard: Heard) -> None:
        """Asks all, `heard` being told each answer, with its conversation's place, as soon as it is there.

        A question that cannot be answered is an answer with a `failure`.

        Raises:
            SeekforgeError: The model itself fails: nothing more will come of it.
        """

    def close(self) -> None:
        """Frees its memory."""


class StreamAnswerer:
    """An engine that serves, asked as its clients would: so many requests at once.

    Args:
        engine: The engine.
        max_new_tokens: Longest answer.
        concurrency: Requests at once.
    """

    def __init__(self, engine: Engine, max_new_tokens: int, concurrency: int) -> None:
        self._engine, self._concurrency = engine, concurrency
        self._sampling = Sampling(max_new_tokens=max_new_tokens)

    @property
    def name(self) -> str:
        """The engine's."""
        return self._engine.name

    def ask(self, conversations: Sequence[Messages], heard: Heard) -> None:
        """As `Answerer.ask`."""
        asyncio.run(self._all(conversations, heard))

    def close(self) -> None:
        """Closes the engine."""
        self._engine.close()

    async def _all(self, conversations: Sequence[Messages], heard: Heard) -> None:
        left = iter(enumerate(conversations))

        async def client() -> None:
            for index, messages in left:
                heard(index, await self._one(messages))

        await asyncio.gather(*(client() for _ in range(self._concurrency)))

    async def _one(self, messages: Messages) -> Answer:
        started = time.perf_counter()
        try:
            prompt = self._engine.render(messages)
            deltas = [delta async for delta in self._engine.stream(self._engine.encode(prompt), self._sampling)]
        except InputError as error:  # too long for the model: the other questions are not
            return Answer(failure=str(error))
        return Answer(
            text="".join(delta.text for delta in deltas),
            finish_reason=deltas[-1].finish_reason or "stop",
            tokens=sum(len(delta.token_ids) for delta in deltas),
            seconds=time.perf_counter() - started,
            opened=opens(prompt),
        )


class BatchAnswerer:
    """An engine that answers in batches: whoever is in one waits for the longest answer in it.

    Args:
        engine: The engine.
        max_new_tokens: Longest answer.
        concurrency: Questions in a batch.
    """

    def __init__(self, engine: Generator, max_new_tokens: int, concurrency: int) -> None:
        self._engine, self._concurrency = engine, concurrency
        self._sampling = Sampling(max_new_tokens=max_new_tokens)

    @property
    def name(self) -> str:
        """The engine's."""
        return self._engine.name

    def ask(self, conversations: Sequence[Messages], heard: Heard) -> None:
        """As `Answerer.ask`."""
        for batch in self._batches(conversations):
            started = time.perf_counter()
            answers = self._engine.generate([prompt for _, prompt, _ in batch], self._sampling)
            seconds = time.perf_counter() - started
            for (index, _, opened), answer in zip(batch, answers, strict=True):
                tokens = len(answer.token_ids)
                heard(index, Answer(answer.text, answer.finish_reason, tokens, seconds, opened=opened))

    def close(self) -> None:
        """Closes the engine."""
        self._engine.close()

    def _batches(self, conversations: Sequence[Messages]) -> Iterator[list[tuple[int, list[int], bool]]]:
        """Place, token ids and `opens` of prompts of like length together, which wastes little on padding."""
        rendered = [self._engine.render(messages) for messages in conversations]
        prompts = [(place, self._engine.encode(prompt), opens(prompt)) for place, prompt in enumerate(rendered)]
        prompts.sort(key=lambda prompt: len(prompt[1]))
        for start in range(0, len(prompts), self._concurrency):
            yield prompts[start : start + self._concurrency]


class EndpointAnswerer:
    """An OpenAI-compatible endpoint.

    Args:
        chat: With `raw`, so that an answer that was cut off is one.
    """

    name = "endpoint"

    def __init__(self, chat: RemoteChat) -> None:
        self._chat = chat

    def ask(self, conversations: Sequence[Messages], heard: Heard) -> None:
        """As `Answerer.ask`; it has failed where nobody is there, not where one question makes it fail."""
        patience, gone = Patience(), False

        def told(index: int, reply: Reply) -> None:
            nonlocal gone
            patience.heard(reply)
            gone = gone or reply.gone
            answer = Answer(whole(reply.text), reply.finish_reason, reply.tokens, reply.seconds, reply.failure)
            heard(index, answer)

        self._chat.ask(conversations, told)
        if gone:
            self._chat.check()

    def close(self) -> None:
        """Nothing to free."""
