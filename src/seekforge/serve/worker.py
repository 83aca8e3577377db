"""One engine behind an OpenAI-compatible HTTP face: `python -m seekforge.serve.worker --model FILE`.

Routes: `POST /v1/chat/completions` and `POST /v1/completions` (whole or streamed), `POST /v1/chat` (the short shape),
`GET /v1/models` and `/v1/models/{id}`, `GET /healthz` (the process lives), `GET /readyz` (the engine decodes),
`GET /metrics` (Prometheus).
"""

from __future__ import annotations

from contextlib import aclosing

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response

from seekforge.engines.protocol import Engine
from seekforge.serve.completions import DEFAULT_TOKENS, CompletionRequest
from seekforge.serve.errors import ApiError
from seekforge.serve.face import STATE, add_errors, add_state, read
from seekforge.serve.fields import AnswerFields
from seekforge.serve.intake import IntakeMiddleware, Limits
from seekforge.serve.schema import ChatRequest
from seekforge.serve.service import ChatService, Ticket
from seekforge.serve.streaming import EventStream, until_disconnect
from seekforge.serve.wire import Wire

CHAT_COMPLETIONS, CHAT, COMPLETIONS = "/v1/chat/completions", "/v1/chat", "/v1/completions"
ANSWERS = (CHAT_COMPLETIONS, CHAT, COMPLETIONS)
ROUTES = (*ANSWERS, *STATE)
_CLOSED = 499  # nginx's status for a client that went before its answer; nobody reads it


def create_app(
    engine: Engine, model_name: str, limits: Limits | None = None, fingerprint: str | None = None
) -> FastAPI:
    """The worker's ASGI app around an engine that the caller closes. Its `state.service` is the `ChatService`.

    Args:
        engine: What answers.
        model_name: The name that clients use.
        limits: What one worker takes.
        fingerprint: Of the model's file, for `system_fingerprint`.
    """
    service = ChatService(engine, model_name, limits=limits, fingerprint=fingerprint)
    app = FastAPI(title="seekforge worker", openapi_url=None)
    app.state.service = service

    def refused(route: str) -> None:
        service.metrics.requests.labels(route, "refused").inc()

    app.add_middleware(IntakeMiddleware, intake=service.intake, routes=ANSWERS, refused=refused)
    _add_answers(app, service)
    add_state(app, service.model, engine.name, service.readiness, service.metrics.text)
    add_errors(app, ROUTES, refused)
    return app


def _add_answers(app: FastAPI, service: ChatService) -> None:
    @app.post(CHAT_COMPLETIONS)
    async def chat_completions(request: Request) -> Response:
        """OpenAI's chat completions; temperature 1 unless the client says otherwise, as there."""
        body = await read(request, ChatRequest)
        ticket = service.accept(body, body.sampling_of(logprobs=body.logprobs, max_new_tokens=None), CHAT_COMPLETIONS)
        return await _answered(service, ticket, service.chat_wire(ticket, body), request, body)

    @app.post(COMPLETIONS)
    async def completions(request: Request) -> Response:
        """OpenAI's older completions, with token ids in and out as vLLM has them; 16 tokens by default, as there."""
        body = await read(request, CompletionRequest)
        sampling = body.sampling_of(logprobs=body.logprobs is not None, max_new_tokens=DEFAULT_TOKENS)
        ticket = service.accept_plain(body, sampling, COMPLETIONS)
        return await _answered(service, ticket, service.plain_wire(ticket, body), request, body)

    @app.post(CHAT)
    async def chat(request: Request) -> Response:
        """The short shape, whole answers only.

        `{"messages": [{"role": "user", "content": "..."}], "temperature": 0.7, "max_tokens": 512}` gives
        `{"id", "model", "content", "finish_reason", "usage"}`; the numbers are the defaults.
        """
        body = await read(request, ChatRequest)
        if body.stream or body.offered() or body.logprobs or body.return_token_ids:
            raise ApiError(400, f"stream: use {CHAT_COMPLETIONS} for streams, tools and tokens", param="stream")
        ticket = service.accept(body, body.sampling(temperature=0.7, max_new_tokens=512), CHAT)
        answer = await until_disconnect(request.receive, service.whole(ticket))
        if answer is None:
            return Response(status_code=_CLOSED)
        return JSONResponse(
            {
                "id": ticket.id,
                "model": service.model,
                "content": answer.text,
                "finish_reason": answer.finish_reason,
                "usage": answer.usage,
            }
        )


async def _answered(service: ChatService, ticket: Ticket, wire: Wire, request: Request, body: AnswerFields) -> Response:
    if body.stream:
        include = body.stream_options is not None and body.stream_options.include_usage
        return await _streamed(service, ticket, wire, request, include_usage=include)
    answer = await until_disconnect(request.receive, service.whole(ticket))
    return Response(status_code=_CLOSED) if answer is None else JSONResponse(wire.whole(answer))


async def _streamed(
    service: ChatService, ticket: Ticket, wire: Wire, request: Request, *, include_usage: bool
) -> Response:
    """Waits for the first piece before the head goes out, so that what fails until then has a proper status."""
    deltas = service.deltas(ticket)
    first = await until_disconnect(request.receive, service.first(deltas))
    if first is None:
        async with aclosing(deltas):
            return Response(status_code=_CLOSED)
    events = service.events(ticket, wire, first, deltas, include_usage=include_usage)
    return EventStream(events, service.limits.send_seconds)


if __name__ == "__main__":
    from seekforge.serve.main import main_and_leave

    main_and_leave()
