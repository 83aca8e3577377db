"""One engine behind an OpenAI-compatible HTTP face: `python -m seekforge.serve.worker --model FILE`.

Routes: `POST /v1/chat/completions` (whole or streamed), `POST /v1/chat` (the short shape), `GET /v1/models`,
`GET /healthz` (the process lives), `GET /readyz` (the engine decodes), `GET /metrics` (Prometheus).
"""

from __future__ import annotations

import time
from contextlib import aclosing
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from pydantic import ValidationError
from starlette.exceptions import HTTPException

from seekforge.core.errors import SeekforgeError
from seekforge.engines.protocol import Engine
from seekforge.serve import metrics, schema
from seekforge.serve.errors import ApiError, from_ours, from_validation
from seekforge.serve.service import ChatService, Ticket
from seekforge.serve.streaming import EventStream, until_disconnect

ROUTES = ("/v1/chat/completions", "/v1/chat", "/v1/models", "/healthz", "/readyz", "/metrics")
_LARGEST_BODY = 8 << 20
_CLOSED = 499  # nginx's status for a client that went before its answer; nobody reads it


def create_app(engine: Engine, model_name: str) -> FastAPI:
    """The worker's ASGI app around an engine that the caller closes.

    Args:
        engine: What answers.
        model_name: The name that clients use.
    """
    service = ChatService(engine, model_name)
    app = FastAPI(title="seekforge worker", openapi_url=None)
    _add_chat(app, service)
    _add_state(app, service)
    _add_errors(app, service)
    return app


def _add_chat(app: FastAPI, service: ChatService) -> None:
    @app.post("/v1/chat/completions")
    async def completions(request: Request) -> Response:
        """OpenAI's chat completions; temperature 1 unless the client says otherwise, as there."""
        body = await _read(request)
        ticket = service.accept(body, body.sampling(temperature=1.0, max_new_tokens=None), "/v1/chat/completions")
        if body.stream:
            include = body.stream_options is not None and body.stream_options.include_usage
            return await _streamed(service, ticket, request, include_usage=include)
        answer = await until_disconnect(request.receive, service.whole(ticket))
        if answer is None:
            return Response(status_code=_CLOSED)
        return JSONResponse(
            schema.completion(ticket.id, service.model, answer.text, answer.finish_reason, answer.usage)
        )

    @app.post("/v1/chat")
    async def chat(request: Request) -> Response:
        """The short shape, whole answers only.

        `{"messages": [{"role": "user", "content": "..."}], "temperature": 0.7, "max_tokens": 512}` gives
        `{"id", "model", "content", "finish_reason", "usage"}`; the numbers are the defaults.
        """
        body = await _read(request)
        if body.stream:
            raise ApiError(400, "stream: use /v1/chat/completions for streams", param="stream")
        ticket = service.accept(body, body.sampling(temperature=0.7, max_new_tokens=512), "/v1/chat")
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


async def _streamed(service: ChatService, ticket: Ticket, request: Request, *, include_usage: bool) -> Response:
    """Waits for the first piece before the head goes out, so that what fails until then has a proper status."""
    deltas = service.deltas(ticket)
    first = await until_disconnect(request.receive, service.first(deltas))
    if first is None:
        async with aclosing(deltas):
            return Response(status_code=_CLOSED)
    return EventStream(service.events(ticket, first, deltas, include_usage=include_usage))


def _add_state(app: FastAPI, service: ChatService) -> None:
    created = int(time.time())

    @app.get("/v1/models")
    async def models() -> dict[str, Any]:
        """The one model."""
        model = {"id": service.model, "object": "model", "created": created, "owned_by": "seekforge"}
        return {"object": "list", "data": [model]}

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        """The process lives and its event loop turns."""
        return {"status": "alive", "engine": service.engine.name}

    @app.get("/readyz")
    async def readyz() -> JSONResponse:
        """200 once the engine has decoded a token within the last seconds, asked to if need be."""
        problem = await service.readiness.problem()
        if problem is None:
            return JSONResponse({"status": "ready"})
        return JSONResponse({"status": "not ready", "reason": problem}, status_code=503)

    @app.get("/metrics")
    async def scrape() -> Response:
        """Prometheus' exposition."""
        return Response(service.metrics.text(), media_type=metrics.CONTENT_TYPE)


def _add_errors(app: FastAPI, service: ChatService) -> None:
    def respond(request: Request, error: ApiError) -> JSONResponse:
        if request.url.path in ROUTES and error.status < 500:
            service.metrics.requests.labels(request.url.path, "refused").inc()
        return JSONResponse(error.body(), status_code=error.status)

    @app.exception_handler(ApiError)
    async def api_error(request: Request, error: ApiError) -> JSONResponse:
        return respond(request, error)

    @app.exception_handler(SeekforgeError)
    async def our_error(request: Request, error: SeekforgeError) -> JSONResponse:
        return respond(request, from_ours(error))

    @app.exception_handler(HTTPException)
    async def http_error(request: Request, error: HTTPException) -> JSONResponse:
        answer = respond(request, ApiError(error.status_code, str(error.detail)))
        answer.headers.update(error.headers or {})
        return answer


async def _read(request: Request) -> schema.ChatRequest:
    """The body, understood.

    Raises:
        ApiError: Too large, no JSON, or a field is wrong.
    """
    body = bytearray()
    async for data in request.stream():
        body += data
        if len(body) > _LARGEST_BODY:
            raise ApiError(413, f"the body is larger than {_LARGEST_BODY >> 20} MiB", code="too_large")
    try:
        return schema.ChatRequest.model_validate_json(bytes(body))
    except ValidationError as error:
        raise from_validation(error) from error


if __name__ == "__main__":
    from seekforge.serve.main import main

    raise SystemExit(main())
