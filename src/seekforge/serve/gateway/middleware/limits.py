"""Limits by caller: a request is counted in before it is read, its tokens once they are known."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from seekforge.serve.gateway.exchange import exchange_of
from seekforge.serve.gateway.parts import Parts
from seekforge.serve.gateway.wire import TryLater


class Limits:
    """Sends away who asks too much (429).

    Args:
        app: What is within.
        parts: The gateway's.
    """

    def __init__(self, app: ASGIApp, parts: Parts) -> None:
        self._app, self._limiter = app, parts.limiter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Runs a request."""
        exchange, limiter = exchange_of(scope), self._limiter
        if limiter is None or exchange.route is None or not exchange.route.engine:
            await self._app(scope, receive, send)
            return
        admission = await limiter.admit(exchange.caller)
        if admission.retry_after is not None:
            raise TryLater(
                f"too many {admission.limit or 'requests'} for this key",
                admission.retry_after,
                code="rate_limit_exceeded",
                headers=admission.headers,
            )
        exchange.headers += [(name.lower().encode(), value.encode()) for name, value in admission.headers.items()]
        try:
            await self._app(scope, receive, send)
        finally:
            # Also of an answer that was cut off: its tokens were written.
            tokens = exchange.tokens("prompt") + exchange.tokens("completion")
            if tokens:
                await limiter.spend(exchange.caller, tokens)
