"""A place for every request that asks an engine, and a clear word for those that find none."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from seekforge.serve.gateway.exchange import exchange_of
from seekforge.serve.gateway.parts import Parts
from seekforge.serve.gateway.wire import TryLater


class Queue:
    """Holds requests back while too many run, and sends them away (429) when too many wait or the gateway ends (503).

    Args:
        app: What is within.
        parts: The gateway's.
    """

    def __init__(self, app: ASGIApp, parts: Parts) -> None:
        self._app, self._parts = app, parts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Runs a request."""
        exchange, parts = exchange_of(scope), self._parts
        if exchange.route is None or not exchange.route.engine:
            await self._app(scope, receive, send)
            return
        if parts.draining:
            exchange.headers.append((b"connection", b"close"))
            raise TryLater("this gateway is ending", 1, code="draining", status=503)
        places = parts.places
        if not await places.take():
            raise TryLater("too many requests are waiting", places.wait_seconds, code="overloaded")
        started = parts.clock()
        try:
            await self._app(scope, receive, send)
        finally:
            places.give_back(parts.clock() - started)
