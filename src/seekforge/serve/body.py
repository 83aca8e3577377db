"""A request's body: read whole within a deadline, and never larger than allowed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from starlette.types import Receive

from seekforge.serve.errors import ApiError

MOST_MESSAGES = 2048  # of a conversation: each costs the guard and the template, 90,000 empty ones a second


async def read_body(
    receive: Receive, headers: Mapping[bytes, bytes], largest: int, seconds: float, *, to_the_end: bool = False
) -> bytes:
    """The body as it came.

    Args:
        receive: ASGI's.
        headers: The request's, names in lower case.
        largest: Bytes.
        seconds: Until the last byte must be there.
        to_the_end: Also waits for the empty message that may follow the last byte. Needed where a later `receive` is
            cancelled: granian then says that the client has gone, if that message is still to come.

    Raises:
        ApiError: Too large (413, before it is read where its length is announced) or too slow (408).
        ConnectionAbortedError: The client left, or its chunks are malformed: the server does not say which.
    """
    announced = _length(headers)
    if announced is not None and announced > largest:
        raise too_large(largest)
    pieces: list[bytes] = []
    size, is_whole = 0, announced == 0
    try:
        async with asyncio.timeout(seconds):
            while not is_whole:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ConnectionAbortedError
                piece = message.get("body", b"")
                size += len(piece)
                if size > largest:
                    raise too_large(largest)
                pieces.append(piece)
                is_whole = not message.get("more_body", False) or (size == announced and not to_the_end)
    except TimeoutError as error:
        raise ApiError(408, f"the body was not there within {seconds:g} s", code="request_timeout") from error
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def too_large(largest: int) -> ApiError:
    """413."""
    return ApiError(413, f"the body is larger than {largest} bytes", code="too_large")


def broken_off() -> ApiError:
    """400, for a client that is still there though its body has no end; one that left does not read it."""
    return ApiError(400, "the body broke off", code="invalid_body")


def _length(headers: Mapping[bytes, bytes]) -> int | None:
    value = headers.get(b"content-length")
    return int(value) if value is not None and value.isdigit() else None
