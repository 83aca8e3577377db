"""Answers that end when the client goes: server-sent events, and work that a disconnect cancels.

Plain ASGI, because a response that is wrapped by `BaseHTTPMiddleware` never sees `http.disconnect`.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, Coroutine
from contextlib import aclosing, suppress
from typing import Any, TypeVar

import msgspec
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

T = TypeVar("T")
_encode = msgspec.json.Encoder().encode
DONE = b"data: [DONE]\n\n"
_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),  # nginx holds a stream back otherwise
]


def event(payload: dict[str, Any]) -> bytes:
    """One server-sent event."""
    return b"data: " + _encode(payload) + b"\n\n"


async def until_disconnect(receive: Receive, work: Coroutine[Any, Any, T]) -> T | None:
    """The work's result, or None after the client went and the work was cancelled."""
    task = asyncio.ensure_future(work)
    watch = asyncio.ensure_future(_disconnect(receive))
    try:
        await asyncio.wait({task, watch}, return_when=asyncio.FIRST_COMPLETED)
        return task.result() if task.done() else None
    finally:
        for left in (task, watch):
            if not left.done():
                left.cancel()
                with suppress(asyncio.CancelledError):
                    await left


class EventStream(Response):
    """Sends events until they end, the client goes, or it stops reading.

    Args:
        events: Encoded events; closed in every case.
        send_seconds: How long one send may take before the client counts as gone.
    """

    def __init__(self, events: AsyncGenerator[bytes, None], send_seconds: float = 30.0) -> None:
        super().__init__()
        self._events, self._send_seconds = events, send_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Runs the response."""
        with suppress(TimeoutError, OSError):  # the client stopped reading, or is gone; nobody is left to tell
            await until_disconnect(receive, self._run(send))

    async def _run(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        async with aclosing(self._events) as events, _SendWatch(self._send_seconds) as watch:
            async for data in events:
                watch.since = watch.clock()
                await send({"type": "http.response.body", "body": data, "more_body": True})
                watch.since = math.inf
        await send({"type": "http.response.body", "body": b"", "more_body": False})


class _SendWatch:
    """Ends the task within with `TimeoutError` when one send takes too long.

    One timer that looks now and then: `asyncio.timeout` around each send was a sixth of what an event cost.

    Args:
        seconds: How long one send may take; it ends at most a quarter later.

    Attributes:
        clock: Seconds, from anywhere.
        since: When the send that runs has begun; infinity between two.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds, self.since, self._expired = seconds, math.inf, False

    async def __aenter__(self) -> _SendWatch:
        self._loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        self._task, self.clock = task, self._loop.time
        self._look()
        return self

    async def __aexit__(self, kind: object, error: object, trace: object) -> None:
        self._timer.cancel()
        if self._expired and self._task.uncancel() == 0:
            raise TimeoutError

    def _look(self) -> None:
        self._expired = self.clock() - self.since > self._seconds
        if self._expired:
            self._task.cancel()
        else:
            self._timer = self._loop.call_later(self._seconds / 4, self._look)


async def _disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
