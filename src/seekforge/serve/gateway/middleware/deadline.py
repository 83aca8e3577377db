"""The end of a request's time, and the client that leaves before it: either cancels all that is within."""

from __future__ import annotations

import asyncio

from starlette.types import ASGIApp, Receive, Scope, Send

from seekforge.serve.errors import ApiError
from seekforge.serve.gateway.exchange import Exchange, exchange_of
from seekforge.serve.gateway.parts import Parts

_WATCH_AFTER = 0.02  # most answers of a fast upstream are gone by then and need no watch


class Deadline:
    """Cancels the work within.

    Args:
        app: What is within.
        parts: The gateway's.
    """

    def __init__(self, app: ASGIApp, parts: Parts) -> None:
        self._app, self._parts, self._seconds = app, parts, parts.config.limits.request_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Runs a request."""
        exchange = exchange_of(scope)
        if exchange.route is None or not exchange.route.engine:
            await self._app(scope, receive, send)
            return
        task = asyncio.current_task()
        assert task is not None
        watch = _Watch(receive, task, exchange)
        self._parts.tasks.add(task)
        try:
            async with asyncio.timeout(self._seconds):
                await self._app(scope, receive, send)
        except TimeoutError as error:
            raise ApiError(504, f"no answer within {self._seconds:g} s", code="request_timeout") from error
        except asyncio.CancelledError:
            if not exchange.gone and not self._parts.ended:
                raise
            task.uncancel()
            if not exchange.gone:
                raise ApiError(503, "the endpoint is stopping", code="draining") from None
            exchange.outcome = "cancelled"
        finally:
            self._parts.tasks.discard(task)
            watch.end()


class _Watch:
    """Waits beside a request for its client to leave.

    Args:
        receive: ASGI's.
        task: The request's; cancelled when the client leaves.
        exchange: Is told of it.
    """

    def __init__(self, receive: Receive, task: asyncio.Task[None], exchange: Exchange) -> None:
        self._receive, self._task, self._exchange = receive, task, exchange
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(_WATCH_AFTER, self._begin)
        self._watch: asyncio.Task[None] | None = None

    def end(self) -> None:
        """Ends the watch."""
        self._timer.cancel()
        if self._watch is not None:
            self._watch.cancel()

    def _begin(self) -> None:
        self._watch = self._loop.create_task(self._until_gone())

    async def _until_gone(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._exchange.gone = True
        self._task.cancel()
