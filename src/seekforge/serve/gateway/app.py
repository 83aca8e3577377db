"""The gateway as an ASGI app."""

from __future__ import annotations

import time
from collections.abc import Callable

from starlette.types import ASGIApp, Receive, Scope, Send

from seekforge.core.config.gateway import GatewayConfig
from seekforge.core.files import disk_errors
from seekforge.serve.gateway.directory import Directory
from seekforge.serve.gateway.feedback import FeedbackStore
from seekforge.serve.gateway.lines import LazyLines
from seekforge.serve.gateway.metrics import Metrics
from seekforge.serve.gateway.middleware import wrap
from seekforge.serve.gateway.parts import Parts
from seekforge.serve.gateway.places import Places
from seekforge.serve.gateway.readiness import Readiness
from seekforge.serve.gateway.relay import Relay
from seekforge.serve.gateway.routes import dispatch, table
from seekforge.serve.gateway.seams import Guard, KeyRing, Limiter, Templates
from seekforge.serve.gateway.tracing import open_tracer
from seekforge.serve.gateway.upstream import Pool


class GatewayApp:
    """The app. Connections and files are closed with the lifespan's end, or by `close`.

    Args:
        parts: What it is put together from.

    Attributes:
        parts: The same.
    """

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        routes = table(parts)
        self._app: ASGIApp = wrap(dispatch(routes), parts, routes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Runs a request, or the lifespan."""
        if scope["type"] == "http":
            await self._app(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        else:
            await send({"type": "websocket.close", "code": 1000})

    def drain(self) -> None:
        """Takes no further requests; those that run go on."""
        self.parts.draining = True

    def end(self) -> None:
        """Ends the requests that still run; their clients are told."""
        self.parts.ended = True
        for task in self.parts.tasks:
            task.cancel()

    @property
    def running(self) -> int:
        """Requests that ask an engine, or wait for their turn to."""
        return self.parts.places.running + self.parts.places.waiting

    async def close(self) -> None:
        """Closes connections and files."""
        await self.parts.pool.close()
        if self.parts.limiter is not None:
            await self.parts.limiter.close()
        if self.parts.feedback is not None:
            self.parts.feedback.close()
        if self.parts.access_log is not None:
            self.parts.access_log.close()
        if self.parts.tracer is not None:
            self.parts.tracer.close()

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await send({"type": "lifespan.startup.complete"})
            else:
                await self.close()
                await send({"type": "lifespan.shutdown.complete"})
                return


def create_app(
    config: GatewayConfig,
    *,
    guard: Guard | None = None,
    keys: KeyRing | None = None,
    limiter: Limiter | None = None,
    templates: Templates | None = None,
    feedback: FeedbackStore | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> GatewayApp:
    """The gateway's ASGI app.

    Args:
        config: Upstreams, names, limits.
        guard: Judges what goes in and what comes out; without it nothing is judged.
        keys: Knows who asks; without it everybody may do all.
        limiter: Counts by caller; without it there are no limits.
        templates: Prompt templates by name.
        feedback: Takes ratings; without it none are taken. The app closes it.
        clock: Seconds, from anywhere.

    Raises:
        ConfigError: A key cannot be read, or tracing is asked for and not installed.
        ResourceError: The access log cannot be written.
    """
    directory = Directory(config)
    metrics = Metrics(directory.label)
    pool = Pool(config, clock)
    places = Places(config.limits.max_running, config.limits.max_waiting)
    _add_gauges(metrics, places, pool)
    return GatewayApp(
        Parts(
            config=config,
            clock=clock,
            guard=guard,
            keys=keys,
            limiter=limiter,
            templates=templates,
            directory=directory,
            metrics=metrics,
            pool=pool,
            relay=Relay(pool, config, metrics),
            readiness=Readiness(pool, config),
            places=places,
            access_log=_access_log(config),
            feedback=feedback,
            tracer=None if config.tracing is None else open_tracer(config.tracing),
        )
    )


def _add_gauges(metrics: Metrics, places: Places, pool: Pool) -> None:
    metrics.gauge("requests_running", "Requests with an upstream.", lambda: places.running)
    metrics.gauge("requests_waiting", "Requests that wait for a place.", lambda: places.waiting)
    states = {name: upstream.state for name, upstream in pool.upstreams.items()}
    metrics.upstream_gauge(
        "upstream_in_flight",
        "Requests by upstream.",
        {name: (lambda state=state: state.in_flight) for name, state in states.items()},  # type: ignore[misc]
    )
    metrics.upstream_gauge(
        "upstream_cooling",
        "1 while an upstream is the last choice.",
        {name: (lambda state=state: state.cooling_until > pool.clock()) for name, state in states.items()},  # type: ignore[misc]
    )


def _access_log(config: GatewayConfig) -> LazyLines | None:
    if config.access_log is None:
        return None
    with disk_errors(config.access_log):
        return LazyLines(config.access_log)
