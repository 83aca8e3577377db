"""The part that the answering routes share: the guard before, the upstream, the view of its answer after."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.types import Send

from seekforge.core.errors import InputError
from seekforge.serve.errors import ApiError
from seekforge.serve.gateway.audit import Auditor
from seekforge.serve.gateway.exchange import Exchange
from seekforge.serve.gateway.failures import UpstreamError
from seekforge.serve.gateway.outgoing import OutgoingStream, View, finish_whole
from seekforge.serve.gateway.parts import Parts
from seekforge.serve.gateway.relay import Ask
from seekforge.serve.gateway.seams import Message
from seekforge.serve.gateway.sse import DONE, frame
from seekforge.serve.gateway.stream import UpstreamStream
from seekforge.serve.gateway.wire import EventSink, respond
from seekforge.serve.strict import encoder

_END = frame(DONE)


def judge(parts: Parts, exchange: Exchange, messages: Sequence[Message]) -> Sequence[Message]:
    """What may go to the engine of a conversation; the same object where nothing was changed.

    Raises:
        ApiError: The guard refuses it, or failed: then nothing goes in.
    """
    if parts.guard is None:
        return messages
    try:
        verdict = parts.guard.check_input(messages, user=exchange.caller.id, request_id=exchange.id)
    except Exception as error:
        parts.metrics.guard_hits.labels("input", "error").inc()
        raise ApiError(503, "the guard failed, so nothing was asked", code="guard_unavailable") from error
    if verdict.refusal is not None:
        parts.metrics.guard_hits.labels("input", verdict.rule or "unnamed").inc()
        raise ApiError(400, verdict.refusal, param=verdict.param, code="content_refused")
    return messages if list(verdict.messages) == list(messages) else verdict.messages


def refuse_token_ids(parts: Parts, tree: dict[str, Any]) -> None:
    """Refuses an answer's beginning in token ids where a guard is: it cannot read them.

    Raises:
        ApiError: There is one.
    """
    if parts.guard is not None and tree.get("continue_token_ids"):
        name = "continue_token_ids"
        raise ApiError(400, f"{name}: token ids cannot be judged", param=name, code="invalid_value")


def fill_template(
    parts: Parts, asked: str | None, model: str, messages: Sequence[Message], values: dict[str, str]
) -> Sequence[Message]:
    """The conversation as the request's or the model's template has it; the same object without one.

    Raises:
        ApiError: There is no such template, or a value is missing.
    """
    name = asked if parts.templates is None else parts.templates.pick(asked, model)
    if name is None:
        return messages
    if parts.templates is None:
        raise ApiError(400, f"there is no template '{name}'", param="template", code="invalid_value")
    try:
        return parts.templates.apply(name, messages, values)
    except InputError as error:
        raise ApiError(400, str(error), param="template", code="invalid_value") from error


def auditor(parts: Parts, exchange: Exchange) -> Auditor | None:
    """The guard for one answer; None without a guard."""
    if parts.guard is None:
        return None

    def hit(rule: str) -> None:
        parts.metrics.guard_hits.labels("output", rule).inc()

    return Auditor(parts.guard, user=exchange.caller.id, request_id=exchange.id, hit=hit)


async def whole(parts: Parts, exchange: Exchange, ask: Ask, view: View) -> tuple[bytes, dict[str, Any]]:
    """A whole answer as the client may see it: encoded, and understood.

    Raises:
        ApiError: Nobody answered, or the upstream refuses the request.
    """
    answer = await parts.relay.whole(ask, exchange, key="choices")
    is_changed = finish_whole(answer.tree, view)
    usage = answer.tree.get("usage")
    exchange.usage = usage if isinstance(usage, dict) else None
    _note_reason(exchange, answer.tree["choices"][-1].get("finish_reason"))
    return encoder.encode(answer.tree) if is_changed else answer.raw, answer.tree


async def answer(parts: Parts, exchange: Exchange, send: Send, ask: Ask, view: View) -> None:
    """Asks an upstream and answers the client, whole or as a stream.

    Raises:
        ApiError: As `whole`.
        ClientStuck: The client has stopped reading.
    """
    if not ask.stream:
        body, _ = await whole(parts, exchange, ask, view)
        await respond(send, body)
        return
    stream = await parts.relay.stream(ask, exchange)
    outgoing = OutgoingStream(view)
    sink = EventSink(send, exchange, parts.config.limits.send_seconds)
    try:
        await sink.begin()
        await _pump(stream, outgoing, sink, exchange)
        await sink.end()
        if not outgoing.stopped:
            await stream.close()
    except UpstreamError as error:
        parts.relay.blame(exchange.upstream, error)
        raise ApiError(503, error.message, code="upstream_unavailable") from error
    finally:
        stream.cut()
        exchange.usage, exchange.pieces = outgoing.usage, outgoing.pieces
        _note_reason(exchange, outgoing.finish_reason)
        if stream.skipped:
            parts.metrics.skipped.inc(stream.skipped)


async def _pump(stream: UpstreamStream, outgoing: OutgoingStream, sink: EventSink, exchange: Exchange) -> None:
    while not outgoing.stopped and (events := await stream.events()) is not None:
        if data := outgoing.feed(events):
            await sink.write(data)
    if outgoing.stopped:
        stream.cut()  # before the client hears of it: the upstream's work is for nobody from here on
    elif data := outgoing.end():
        await sink.write(data)
    await sink.write(_END)


def _note_reason(exchange: Exchange, reason: object) -> None:
    exchange.finish_reason = reason if isinstance(reason, str) else None
    if exchange.finish_reason == "content_filter" and exchange.outcome == "ok":
        exchange.outcome = "filtered"
