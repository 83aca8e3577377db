"""The books: access log, metrics, trace. They see every request, however it ends, and never its text."""

from __future__ import annotations

from datetime import UTC, datetime

from starlette.types import ASGIApp, Receive, Scope, Send

from seekforge.serve.gateway.exchange import Exchange, exchange_of
from seekforge.serve.gateway.parts import Parts

CLOSED = 499  # nginx's status for a client that went before its answer


class Account:
    """Writes a request down once it has ended.

    Args:
        app: What is within.
        parts: The gateway's.
    """

    def __init__(self, app: ASGIApp, parts: Parts) -> None:
        self._app, self._parts = app, parts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Runs a request."""
        exchange, tracer = exchange_of(scope), self._parts.tracer
        is_asked = exchange.route is not None and exchange.route.engine
        span = tracer.begin(exchange) if tracer is not None and is_asked else None
        try:
            await self._app(scope, receive, send)
        finally:
            now = self._parts.clock()
            if exchange.outcome == "cancelled":
                exchange.status = CLOSED
            self._parts.metrics.count(exchange, now)
            if self._parts.access_log is not None:
                self._parts.access_log.add(log_entry(exchange, now))
            if tracer is not None and span is not None:
                tracer.end(span, exchange)


def log_entry(exchange: Exchange, now: float) -> dict[str, object]:
    """One line of the access log. Times are seconds; no text of the request or of the answer is in it."""
    entry: dict[str, object] = {
        "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "id": exchange.id,
        "caller": exchange.caller.id,
        "method": exchange.method,
        "route": exchange.route.path if exchange.route is not None else None,
        "status": exchange.status,
        "outcome": exchange.outcome,
        "latency": round(now - exchange.started, 6),
    }
    if exchange.route is not None and exchange.route.engine:
        entry |= {
            "model": exchange.model,
            "upstream": exchange.upstream,
            "ttft": None if exchange.first is None else round(exchange.first - exchange.started, 6),
            "prompt_tokens": exchange.tokens("prompt"),
            "completion_tokens": exchange.tokens("completion"),
            "finish_reason": exchange.finish_reason,
            "device_seconds": round(exchange.device_seconds, 6),
        }
    return entry
