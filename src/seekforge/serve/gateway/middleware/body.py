"""The body: read whole within a deadline, never larger than allowed, inflated no further than that."""

from __future__ import annotations

import zlib

from starlette.types import ASGIApp, Receive, Scope, Send

from seekforge.serve.body import broken_off, read_body, too_large
from seekforge.serve.errors import ApiError
from seekforge.serve.gateway.exchange import exchange_of
from seekforge.serve.gateway.parts import Parts

_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS


class Body:
    """Reads the body of a POST into the exchange.

    Args:
        app: What is within.
        parts: The gateway's.
    """

    def __init__(self, app: ASGIApp, parts: Parts) -> None:
        self._app, self._limits = app, parts.config.limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Runs a request."""
        exchange, limits = exchange_of(scope), self._limits
        if exchange.route is not None and exchange.route.method == "POST":
            headers = exchange.request_headers
            try:
                body = await read_body(receive, headers, limits.body_bytes, limits.body_seconds)
            except ConnectionAbortedError as error:
                exchange.gone, exchange.outcome = True, "cancelled"
                raise broken_off() from error
            exchange.body = inflated(body, headers.get(b"content-encoding", b"identity").lower(), limits.body_bytes)
        await self._app(scope, receive, send)


def inflated(body: bytes, encoding: bytes, largest: int) -> bytes:
    """The body as it was before its client compressed it.

    Raises:
        ApiError: It would become larger than allowed (413), its encoding is not understood (415), or it is not what it
            says (400).
    """
    if encoding == b"identity":
        return body
    if encoding not in {b"gzip", b"x-gzip", b"deflate"}:
        raise ApiError(415, "Content-Encoding: only gzip and deflate are understood", code="unsupported_encoding")
    inflater = zlib.decompressobj(_GZIP_OR_ZLIB)
    try:
        data = inflater.decompress(body, largest + 1)
    except zlib.error as error:
        raise ApiError(400, "the body is not compressed as it says", code="invalid_encoding") from error
    if len(data) > largest or inflater.unconsumed_tail:
        raise too_large(largest)
    if not inflater.eof:
        raise ApiError(400, "the compressed body has no end", code="invalid_encoding")
    return data
