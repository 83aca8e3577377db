"""The embedding worker's HTTP face.

Routes: `POST /v1/embeddings`, `GET /v1/models` and `/v1/models/{id}`, `GET /healthz` (the process lives),
`GET /readyz` (it embeds), `GET /metrics` (Prometheus).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response

from seekforge.core.errors import SeekforgeError
from seekforge.engines.embed.checks import check_texts, unit
from seekforge.engines.embed.protocol import Embedder, Vectors
from seekforge.serve.embed.batch import Batcher, BatchLimits
from seekforge.serve.embed.metrics import EmbedMetrics
from seekforge.serve.embed.schema import EmbeddingRequest, response
from seekforge.serve.errors import ApiError
from seekforge.serve.face import STATE, add_errors, add_state, read
from seekforge.serve.intake import Intake, IntakeMiddleware, Limits
from seekforge.serve.readiness import Readiness
from seekforge.serve.streaming import until_disconnect

EMBEDDINGS = "/v1/embeddings"
ROUTES = (EMBEDDINGS, *STATE)
_CLOSED = 499  # nginx's status for a client that went before its answer; nobody reads it
_PROBE = "ready?"


class EmbedService:
    """What the routes share.

    Args:
        embedder: What embeds; the caller closes it.
        model: The name that clients use.
        limits: What one worker takes.
        batch: How much one batch has.
        clock: Seconds, from anywhere.
    """

    def __init__(
        self,
        embedder: Embedder,
        model: str,
        limits: Limits | None = None,
        batch: BatchLimits | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.embedder, self.model, self._clock = embedder, model, clock
        self.limits = limits or Limits()
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="embed")
        self.metrics = EmbedMetrics(lambda: self._batcher.running, lambda: self._batcher.waiting)
        self._batcher = Batcher(embedder, self._executor, batch or BatchLimits(), self._batch_done)
        self.readiness = Readiness(self._one_vector, clock=clock)
        self.intake = Intake(self.limits, clock)

    async def answer(self, request: EmbeddingRequest) -> dict[str, Any]:
        """Embeds what was sent.

        Raises:
            ApiError: Another model, a dimension that it has not, or it took too long.
            InputError: A text is empty or too long.
            EngineError: The embedder failed.
        """
        if request.model not in (None, self.model):
            raise ApiError(404, f"this worker serves '{self.model}'", param="model", code="model_not_found")
        self._check_dimensions(request.dimensions)
        since = self._clock()
        try:
            async with asyncio.timeout(self.limits.answer_seconds):
                tokens = await self._batcher.count(request.input, request.purpose)
                check_texts(request.input, tokens, self.embedder.longest)
                vectors = await self._batcher.embed(request.input, tokens, request.purpose)
        except TimeoutError as error:
            seconds = f"{self.limits.answer_seconds:g} s"
            raise ApiError(504, f"not embedded within {seconds}", code="timeout") from error
        self.metrics.answered(len(tokens), sum(tokens), self._clock() - since)
        short = self._cut(vectors, request.dimensions)
        return response(self.model, short, sum(tokens), in_base64=request.encoding_format == "base64")

    def count(self, outcome: str) -> None:
        """Counts a request for embeddings by its outcome."""
        self.metrics.requests.labels(EMBEDDINGS, outcome).inc()

    def close(self) -> None:
        """Ends the embedder's thread; a batch that runs is waited for."""
        self._executor.shutdown(wait=True, cancel_futures=True)

    def _check_dimensions(self, dimensions: int | None) -> None:
        whole, shorter = self.embedder.dimension, self.embedder.matryoshka
        if dimensions is None or dimensions == whole or dimensions in shorter:
            return
        known = f"only {whole}" if not shorter else ", ".join(map(str, (*shorter, whole)))
        raise ApiError(
            400,
            f"dimensions: this model has {known}; its vectors cannot be cut to {dimensions}",
            param="dimensions",
            code="invalid_value",
        )

    def _cut(self, vectors: Vectors, dimensions: int | None) -> Vectors:
        if dimensions is None or dimensions == self.embedder.dimension:
            return vectors
        return unit(vectors[:, :dimensions], self.embedder.name)

    def _batch_done(self, texts: int, seconds: float) -> None:
        self.metrics.batch(texts, seconds)
        self.readiness.sign_of_life()

    async def _one_vector(self) -> AsyncIterator[None]:
        tokens = await self._batcher.count([_PROBE], "query")
        await self._batcher.embed([_PROBE], tokens, "query")
        yield


def create_app(
    embedder: Embedder, model: str, limits: Limits | None = None, batch: BatchLimits | None = None
) -> FastAPI:
    """The worker's ASGI app around an embedder that the caller closes. Its `state.service` is the `EmbedService`."""
    service = EmbedService(embedder, model, limits, batch)
    app = FastAPI(title="seekforge embedding worker", openapi_url=None)
    app.state.service = service

    def refused(route: str) -> None:
        service.metrics.requests.labels(route, "refused").inc()

    app.add_middleware(IntakeMiddleware, intake=service.intake, routes=(EMBEDDINGS,), refused=refused)

    @app.post(EMBEDDINGS)
    async def embeddings(request: Request) -> Response:
        """OpenAI's embeddings."""
        body = await read(request, EmbeddingRequest)
        try:
            answer = await until_disconnect(request.receive, service.answer(body))
        except ApiError as error:
            if error.status >= 500:
                service.count("error")
            raise
        except SeekforgeError as error:
            if error.exit_code == 1:
                service.count("error")
            raise
        service.count("cancelled" if answer is None else "ok")
        return Response(status_code=_CLOSED) if answer is None else JSONResponse(answer)

    add_state(app, model, embedder.name, service.readiness, service.metrics.text)
    add_errors(app, ROUTES, refused)
    return app
