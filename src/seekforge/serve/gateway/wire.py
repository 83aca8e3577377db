"""Answers as ASGI messages: whole ones, event streams, errors before and within them."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping
from typing import Any

from starlette.types import Send

from seekforge.serve.errors import ApiError
from seekforge.serve.gateway.exchange import Exchange
from seekforge.serve.gateway.sse import frame
from seekforge.serve.strict import encoder

_JSON = (b"content-type", b"application/json")
_STREAM_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),  # nginx holds a stream back otherwise
]


class TryLater(ApiError):
    """429 or 503 with `Retry-After`.

    Args:
        message: What was too much.
        after: Seconds.
        code: For programs.
        status: HTTP status.
        headers: `x-ratelimit-*`.
    """

    def __init__(
        self,
        message: str,
        after: float,
        *,
        code: str,
        status: int = 429,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status, message, code=code, retry_after=max(1, math.ceil(after)))
        self._limits = dict(headers or {})

    def headers(self) -> dict[str, str]:
        """`Retry-After`, and the limits as they stand."""
        return {**super().headers(), **self._limits}


async def respond(send: Send, body: bytes, status: int = 200, content_type: bytes = b"application/json") -> None:
    """A whole answer."""
    head = _JSON if content_type == b"application/json" else (b"content-type", content_type)
    headers = [head, (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def respond_json(send: Send, tree: Any, status: int = 200) -> None:  # noqa: ANN401
    """A whole answer of JSON."""
    await respond(send, encoder.encode(tree), status)


async def fail(send: Send, exchange: Exchange, error: ApiError) -> None:
    """Tells the client what is wrong: with a status, or in band once a stream has begun."""
    exchange.error = error.message
    if exchange.outcome == "ok":
        exchange.outcome = "limited" if error.status == 429 else "refused" if error.status < 500 else "error"
    if exchange.streaming:
        exchange.streaming = False
        await send({"type": "http.response.body", "body": frame(encoder.encode(error.body())), "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})
    elif exchange.status == 0:
        exchange.headers += [(name.lower().encode(), value.encode()) for name, value in error.headers().items()]
        await respond_json(send, error.body(), error.status)


class EventSink:
    """An event stream to a client.

    Args:
        send: ASGI's.
        exchange: Whose answer it is.
        seconds: How long one send may take before the client counts as gone.
    """

    def __init__(self, send: Send, exchange: Exchange, seconds: float) -> None:
        self._send, self._exchange, self._seconds = send, exchange, seconds

    async def begin(self) -> None:
        """Sends the head."""
        await self._send({"type": "http.response.start", "status": 200, "headers": _STREAM_HEADERS})
        self._exchange.streaming = True

    async def write(self, data: bytes) -> None:
        """Sends encoded events.

        Raises:
            ClientStuck: The client has stopped reading.
        """
        try:
            async with asyncio.timeout(self._seconds):
                await self._send({"type": "http.response.body", "body": data, "more_body": True})
        except TimeoutError as error:
            raise ClientStuck from error

    async def end(self) -> None:
        """Ends the stream."""
        self._exchange.streaming = False
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})


class ClientStuck(Exception):
    """The client has stopped reading; nobody is left to tell."""
