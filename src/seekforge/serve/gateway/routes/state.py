"""`GET /healthz`, `/readyz` and `/metrics`: does the process live, does an engine answer, what has happened."""

from __future__ import annotations

import asyncio

from starlette.types import Send

from seekforge.serve.gateway.exchange import Exchange, Handler
from seekforge.serve.gateway.failures import UpstreamError
from seekforge.serve.gateway.metrics import CONTENT_TYPE
from seekforge.serve.gateway.parts import Parts
from seekforge.serve.gateway.upstream import Upstream
from seekforge.serve.gateway.wire import respond, respond_json

_WORKER_SECONDS = 1.0


def healthz(parts: Parts) -> Handler:
    """The process lives and its event loop turns."""

    async def handle(exchange: Exchange, send: Send) -> None:
        await respond_json(send, {"status": "alive"})

    return handle


def readyz(parts: Parts) -> Handler:
    """200 when an upstream has answered lately, asked to if need be."""

    async def handle(exchange: Exchange, send: Send) -> None:
        problem = "draining" if parts.draining else await parts.readiness.problem()
        if problem is None:
            await respond_json(send, {"status": "ready"})
        else:
            await respond_json(send, {"status": "not ready", "reason": problem}, 503)

    return handle


def metrics(parts: Parts) -> Handler:
    """Prometheus' exposition: the gateway's, and that of the worker behind it, which nobody else can ask."""

    async def handle(exchange: Exchange, send: Send) -> None:
        kept = [upstream for upstream in parts.pool.upstreams.values() if upstream.is_kept]
        texts = await asyncio.gather(*(_of_worker(parts, upstream) for upstream in kept))
        await respond(send, b"".join([parts.metrics.text(), *texts]), content_type=CONTENT_TYPE)

    return handle


async def _of_worker(parts: Parts, upstream: Upstream) -> bytes:
    try:
        status, text = await parts.pool.get(upstream, "/metrics", _WORKER_SECONDS)
    except UpstreamError:
        return b""  # `upstream_cooling` says so
    return text if status == 200 else b""
