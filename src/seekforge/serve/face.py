"""What the HTTP faces of all workers share: bodies, errors, and the routes that tell the worker's state."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from typing import Any, TypeVar

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from pydantic import ValidationError
from starlette.exceptions import HTTPException

from seekforge.core.errors import SeekforgeError
from seekforge.serve import metrics
from seekforge.serve.errors import ApiError, from_ours, from_validation
from seekforge.serve.fields import Body
from seekforge.serve.readiness import Readiness
from seekforge.serve.strict import parse

STATE = ("/v1/models", "/healthz", "/readyz", "/metrics")
Sent = TypeVar("Sent", bound=Body)


async def read(request: Request, model: type[Sent]) -> Sent:
    """The body, understood.

    Raises:
        ApiError: No JSON, or JSON that two parsers could read differently; or a field is wrong.
    """
    tree = parse(await request.body())
    try:
        return model.model_validate(tree)
    except ValidationError as error:
        raise from_validation(error) from error


def add_state(app: FastAPI, model: str, engine: str, readiness: Readiness, exposition: Callable[[], bytes]) -> None:
    """Adds the routes of `STATE`, and `/v1/models/{id}`.

    Args:
        app: Where to.
        model: The model's name for clients.
        engine: The engine's name.
        readiness: Asked by `/readyz`.
        exposition: What Prometheus scrapes.
    """
    shown = {"id": model, "object": "model", "created": int(time.time()), "owned_by": "seekforge"}

    @app.get("/v1/models")
    async def models() -> dict[str, Any]:
        """The one model, as a list."""
        return {"object": "list", "data": [shown]}

    @app.get("/v1/models/{name:path}")
    async def one_model(name: str) -> dict[str, Any]:
        """The one model."""
        if name != model:
            raise ApiError(404, f"this worker serves '{model}'", param="model", code="model_not_found")
        return shown

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        """The process lives and its event loop turns."""
        return {"status": "alive", "engine": engine}

    @app.get("/readyz")
    async def readyz() -> JSONResponse:
        """200 once the engine has answered within the last seconds, asked to if need be."""
        problem = await readiness.problem()
        if problem is None:
            return JSONResponse({"status": "ready"})
        return JSONResponse({"status": "not ready", "reason": problem}, status_code=503)

    @app.get("/metrics")
    async def scrape() -> Response:
        """Prometheus' exposition."""
        return Response(exposition(), media_type=metrics.CONTENT_TYPE)


def add_errors(app: FastAPI, routes: Collection[str], refused: Callable[[str], None]) -> None:
    """Has errors written as OpenAI writes them.

    Args:
        app: Where to.
        routes: The app's own; others are not counted, or a client could fill the metrics with names.
        refused: Told the route of each request that is refused.
    """

    def respond(request: Request, error: ApiError) -> JSONResponse:
        if request.url.path in routes and error.status < 500:
            refused(request.url.path)
        return JSONResponse(error.body(), error.status, error.headers())

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
