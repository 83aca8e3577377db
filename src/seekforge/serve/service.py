"""From a request to an answer: whole or as events, counted either way."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace

from seekforge.core.errors import InputError, SeekforgeError
from seekforge.engines.protocol import Delta, Engine, Sampling
from seekforge.serve import schema
from seekforge.serve.completions import CompletionRequest
from seekforge.serve.errors import ApiError, from_ours
from seekforge.serve.fields import AnswerFields
from seekforge.serve.intake import Intake, Limits
from seekforge.serve.metrics import Metrics
from seekforge.serve.readiness import Readiness, one_token
from seekforge.serve.streaming import DONE, event
from seekforge.serve.tools import CallParser
from seekforge.serve.wire import Answer, ChatWire, CompletionWire, Face, Wire


@dataclass(frozen=True, slots=True)
class Ticket:
    """A request that was understood.

    Attributes:
        id: The answer's id.
        prompt: The prompt's token ids.
        sampling: The settings, for what is still to come.
        route: The route it came by.
        answered: The answer's beginning, which another worker has given out already.
    """

    id: str
    prompt: list[int]
    sampling: Sampling
    route: str
    answered: tuple[int, ...] = ()


class ChatService:
    """Everything that the routes share.

    Args:
        engine: What answers.
        model: The name that clients use.
        clock: Seconds, from anywhere.
        limits: What one worker takes.
        fingerprint: Of the model's file, for `system_fingerprint`; None leaves it out.
    """

    def __init__(
        self,
        engine: Engine,
        model: str,
        clock: Callable[[], float] = time.monotonic,
        limits: Limits | None = None,
        fingerprint: str | None = None,
    ) -> None:
        self.engine, self.model, self._clock, self._fingerprint = engine, model, clock, fingerprint
        self.limits = limits or Limits()
        self.metrics = Metrics(engine.stats)
        self.readiness = Readiness(lambda: one_token(engine), clock=clock)
        self.intake = Intake(self.limits, clock)

    def accept(self, request: schema.ChatRequest, sampling: Sampling, route: str) -> Ticket:
        """Renders and encodes the conversation.

        Raises:
            ApiError: The request names another model.
            InputError: The chat template refuses the conversation or the tools.
        """
        self._check_model(request.model)
        tools = request.offered()
        messages = request.conversation()
        # Engines that take no tools need not know of them.
        rendered = self.engine.render(messages, tools) if tools else self.engine.render(messages)
        return _ticket(schema.new_id(), self.engine.encode(rendered), sampling, route, request)

    def accept_plain(self, request: CompletionRequest, sampling: Sampling, route: str) -> Ticket:
        """Encodes the prompt, unless it comes as token ids.

        Raises:
            ApiError: The request names another model.
        """
        self._check_model(request.model)
        return _ticket(schema.new_id("cmpl"), request.token_ids(self.engine), sampling, route, request)

    def chat_wire(self, ticket: Ticket, request: schema.ChatRequest) -> ChatWire:
        """How the answer to a chat request is written."""
        asked = bool(request.logprobs)
        return ChatWire(self._face(ticket, request, asked), CallParser() if request.offered() else None)

    def plain_wire(self, ticket: Ticket, request: CompletionRequest) -> CompletionWire:
        """How the answer to a completion request is written."""
        return CompletionWire(self._face(ticket, request, request.logprobs is not None))

    async def deltas(self, ticket: Ticket) -> AsyncGenerator[Delta, None]:
        """The engine's pieces, counted; closing ends the engine's work.

        Raises:
            InputError: The prompt or a setting is out of range, at the first piece.
            EngineError: The engine has failed.
            ApiError: The answer took too long.
        """
        started, first, count = self._clock(), None, 0
        outcome: str | None = "cancelled"
        if ticket.sampling.max_new_tokens < 1:  # what was given already is as long as the answer may be
            self.metrics.requests.labels(ticket.route, "ok").inc()
            yield Delta((), "", "length")
            return
        limit = self.limits.answer_seconds
        stream = self.engine.stream(ticket.prompt, ticket.sampling, ticket.answered, seconds=limit)
        try:
            async with aclosing(stream):
                async for delta in stream:
                    self.readiness.sign_of_life()
                    first = self._clock() if first is None else first
                    count += len(delta.token_ids)
                    if delta.finish_reason is not None:
                        outcome = "ok"
                    yield delta
        except TimeoutError as error:
            outcome = "error"
            raise ApiError(504, f"the answer took more than {limit:g} s", code="deadline_exceeded") from error
        except InputError:
            outcome = None  # refused: it is counted where the client is told
            raise
        except SeekforgeError:
            outcome = "error"
            raise
        finally:
            now = self._clock()
            if outcome is not None:
                self.metrics.requests.labels(ticket.route, outcome).inc()
            self.metrics.answered(None if first is None else first - started, now - started, len(ticket.prompt), count)

    async def whole(self, ticket: Ticket) -> Answer:
        """The answer in one piece.

        Raises:
            InputError: As `deltas`.
            EngineError: As `deltas`, or the engine ended without a reason.
            ApiError: As `deltas`.
        """
        seen: list[Delta] = []
        async with aclosing(self.deltas(ticket)) as deltas:
            async for delta in deltas:
                seen.append(delta)
        if not seen or seen[-1].finish_reason is None:
            raise _cut_off()
        token_ids = tuple(i for delta in seen for i in delta.token_ids)
        return Answer(
            "".join(delta.text for delta in seen),
            seen[-1].finish_reason,
            _usage(ticket, len(token_ids)),
            token_ids,
            tuple(number for delta in seen for number in delta.logprobs),
        )

    async def first(self, deltas: AsyncGenerator[Delta, None]) -> Delta:
        """The first piece.

        Raises:
            ApiError: There was none, or as `deltas`.
            InputError: As `deltas`.
            EngineError: As `deltas`.
        """
        async for delta in deltas:
            return delta
        raise _cut_off()

    async def events(
        self, ticket: Ticket, wire: Wire, first: Delta, rest: AsyncGenerator[Delta, None], *, include_usage: bool
    ) -> AsyncGenerator[bytes, None]:
        """The answer as server-sent events; an error goes in band, and then no `[DONE]` follows."""
        async with aclosing(rest):
            for payload in wire.opening():
                yield event(payload)
            count, reason, delta = 0, None, first
            try:
                while reason is None:
                    count, reason = count + len(delta.token_ids), delta.finish_reason
                    for payload in wire.piece(delta):
                        yield event(payload)
                    if reason is None:
                        delta = await anext(rest)
            except (SeekforgeError, ApiError, StopAsyncIteration) as error:
                yield event(_in_band(error).body())
                return
            for payload in wire.closing(reason):
                yield event(payload)
            if include_usage:
                yield event(wire.usage(_usage(ticket, count)))
            yield DONE

    def _check_model(self, name: str | None) -> None:
        if name is not None and name != self.model:
            raise ApiError(
                404,
                f"the model '{name}' is not served here; '{self.model}' is",
                param="model",
                code="model_not_found",
            )

    def _face(self, ticket: Ticket, request: AnswerFields, logprobs: bool) -> Face:
        ids = ticket.prompt if request.return_token_ids else None
        return Face(ticket.id, self.model, self._fingerprint, ids, self.engine.decode if logprobs else None)


def _ticket(answer_id: str, prompt: list[int], sampling: Sampling, route: str, request: AnswerFields) -> Ticket:
    """Takes from the settings what the answer's beginning has used up of them."""
    answered = tuple(request.continue_token_ids or ())
    left = replace(
        sampling,
        max_new_tokens=sampling.max_new_tokens - len(answered),
        min_new_tokens=max(0, sampling.min_new_tokens - len(answered)),
    )
    return Ticket(answer_id, prompt, left, route, answered)


def _usage(ticket: Ticket, count: int) -> dict[str, int]:
    """Once over, wherever the answer began: what was given already is answer, not prompt."""
    return schema.usage(len(ticket.prompt), len(ticket.answered) + count)


def _in_band(error: SeekforgeError | ApiError | StopAsyncIteration) -> ApiError:
    if isinstance(error, ApiError):
        return error
    return from_ours(error) if isinstance(error, SeekforgeError) else _cut_off()


def _cut_off() -> ApiError:
    return ApiError(503, "the engine ended in the middle of the answer", code="engine_unavailable")
