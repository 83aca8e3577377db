"""From a chat request to an answer: whole or as events, counted either way."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass

from seekforge.core.errors import SeekforgeError
from seekforge.engines.protocol import Delta, Engine, FinishReason, Sampling
from seekforge.serve import schema
from seekforge.serve.errors import ApiError, from_ours
from seekforge.serve.metrics import Metrics
from seekforge.serve.readiness import Readiness
from seekforge.serve.streaming import DONE, event


@dataclass(frozen=True, slots=True)
class Ticket:
    """A request that was understood: the answer's id, the prompt's token ids, the settings, the route it came by."""

    id: str
    prompt: list[int]
    sampling: Sampling
    route: str


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer."""

    text: str
    finish_reason: FinishReason
    usage: dict[str, int]


class ChatService:
    """Everything that the routes share.

    Args:
        engine: What answers.
        model: The name that clients use.
        clock: Seconds, from anywhere.
    """

    def __init__(self, engine: Engine, model: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.engine, self.model, self._clock = engine, model, clock
        self.metrics = Metrics(engine.stats)
        self.readiness = Readiness(engine, clock=clock)

    def accept(self, request: schema.ChatRequest, sampling: Sampling, route: str) -> Ticket:
        """Renders and encodes the conversation.

        Raises:
            ApiError: The request names another model.
            InputError: The chat template refuses the conversation.
        """
        if request.model is not None and request.model != self.model:
            raise ApiError(
                404,
                f"the model '{request.model}' is not served here; '{self.model}' is",
                param="model",
                code="model_not_found",
            )
        prompt = self.engine.encode(self.engine.render(request.conversation()))
        return Ticket(schema.new_id(), prompt, sampling, route)

    async def deltas(self, ticket: Ticket) -> AsyncGenerator[Delta, None]:
        """The engine's pieces, counted; closing ends the engine's work.

        Raises:
            InputError: The prompt or a setting is out of range, at the first piece.
            EngineError: The engine has failed.
        """
        started, first, count, outcome = self._clock(), None, 0, "cancelled"
        stream = self.engine.stream(ticket.prompt, ticket.sampling)
        try:
            async for delta in stream:
                self.readiness.sign_of_life()
                first = self._clock() if first is None else first
                count += len(delta.token_ids)
                if delta.finish_reason is not None:
                    outcome = "ok"
                yield delta
        except SeekforgeError:
            outcome = "error"
            raise
        finally:
            await _close(stream)
            now = self._clock()
            self.metrics.requests.labels(ticket.route, outcome).inc()
            self.metrics.answered(None if first is None else first - started, now - started, len(ticket.prompt), count)

    async def whole(self, ticket: Ticket) -> Answer:
        """The answer in one piece.

        Raises:
            InputError: As `deltas`.
            EngineError: As `deltas`, or the engine ended without a reason.
        """
        texts: list[str] = []
        count, reason = 0, None
        async with aclosing(self.deltas(ticket)) as deltas:
            async for delta in deltas:
                texts.append(delta.text)
                count += len(delta.token_ids)
                reason = delta.finish_reason
        if reason is None:
            raise _cut_off()
        return Answer("".join(texts), reason, schema.usage(len(ticket.prompt), count))

    async def first(self, deltas: AsyncGenerator[Delta, None]) -> Delta:
        """The first piece.

        Raises:
            ApiError: There was none.
            InputError: As `deltas`.
            EngineError: As `deltas`.
        """
        async for delta in deltas:
            return delta
        raise _cut_off()

    async def events(
        self, ticket: Ticket, first: Delta, rest: AsyncGenerator[Delta, None], *, include_usage: bool
    ) -> AsyncGenerator[bytes, None]:
        """The answer as server-sent events; an error goes in band, and then no `[DONE]` follows."""
        async with aclosing(rest):
            yield event(schema.chunk(ticket.id, self.model, {"role": "assistant", "content": ""}, None))
            count, reason, delta = 0, None, first
            try:
                while reason is None:
                    count, reason = count + len(delta.token_ids), delta.finish_reason
                    if delta.text:
                        yield event(schema.chunk(ticket.id, self.model, {"content": delta.text}, None))
                    if reason is None:
                        delta = await anext(rest)
            except (SeekforgeError, StopAsyncIteration) as error:
                yield event(_in_band(error).body())
                return
            yield event(schema.chunk(ticket.id, self.model, {}, reason))
            if include_usage:
                used = schema.usage(len(ticket.prompt), count)
                yield event(schema.chunk(ticket.id, self.model, {}, None, used))
            yield DONE


def _in_band(error: SeekforgeError | StopAsyncIteration) -> ApiError:
    return from_ours(error) if isinstance(error, SeekforgeError) else _cut_off()


def _cut_off() -> ApiError:
    return ApiError(503, "the engine ended in the middle of the answer", code="engine_unavailable")


async def _close(stream: AsyncIterator[Delta]) -> None:
    """The protocol says iterator; those that are generators hold a slot until they are closed."""
    if isinstance(stream, AsyncGenerator):
        await stream.aclose()
