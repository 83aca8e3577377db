"""`GET /docs` and `/openapi.json`: what there is, without anything fetched from elsewhere."""

from __future__ import annotations

from starlette.types import Send

from seekforge.serve.gateway.exchange import Exchange, Handler
from seekforge.serve.gateway.openapi import document, page
from seekforge.serve.gateway.parts import Parts
from seekforge.serve.gateway.wire import respond
from seekforge.serve.strict import encoder


def openapi(parts: Parts) -> Handler:
    """The OpenAPI document."""
    body = encoder.encode(document())

    async def handle(exchange: Exchange, send: Send) -> None:
        await respond(send, body)

    return handle


def docs(parts: Parts) -> Handler:
    """The same for people."""
    body = page(document()).encode()

    async def handle(exchange: Exchange, send: Send) -> None:
        await respond(send, body, content_type=b"text/html; charset=utf-8")

    return handle
