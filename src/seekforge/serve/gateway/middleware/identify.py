"""Who asks what: an id for every request, its route, and the id back on every answer."""

from __future__ import annotations

import re
import uuid

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from seekforge.serve.gateway.exchange import Exchange, Table
from seekforge.serve.gateway.parts import Parts

_ID = re.compile(rb"[A-Za-z0-9._:/+=-]{1,128}")


class Identify:
    """Puts the exchange into the scope.

    Args:
        app: What is within.
        parts: The gateway's.
        routes: All there are.
    """

    def __init__(self, app: ASGIApp, parts: Parts, routes: Table) -> None:
        self._app, self._parts, self._routes = app, parts, routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Runs a request."""
        headers: dict[bytes, bytes] = dict(scope["headers"])
        given = headers.get(b"x-request-id", b"")
        # A client's own id is taken, so that its logs and ours meet; not one that could break a log's line.
        request_id = given if _ID.fullmatch(given) else uuid.uuid4().hex.encode()
        method, path = scope["method"], scope["path"]
        route = self._routes.methods(path).get("GET" if method == "HEAD" else method)
        exchange = Exchange(request_id.decode(), method, path, headers, route, self._parts.clock())
        scope["exchange"] = exchange

        async def tagged(message: Message) -> None:
            if message["type"] == "http.response.start":
                exchange.status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", request_id), *exchange.headers]
            await send(message)

        await self._app(scope, receive, tagged)
