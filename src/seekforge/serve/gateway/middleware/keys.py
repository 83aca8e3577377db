"""Keys: who sends this, and may they?"""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from seekforge.serve.errors import ApiError
from seekforge.serve.gateway.exchange import exchange_of
from seekforge.serve.gateway.parts import Parts


class Keys:
    """Refuses who is not known (401) or not allowed (403), and what is no route (404, 405).

    Without a key ring everybody is `anonymous` and may do all.

    Args:
        app: What is within.
        parts: The gateway's.
    """

    def __init__(self, app: ASGIApp, parts: Parts) -> None:
        self._app, self._ring = app, parts.keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Runs a request."""
        exchange = exchange_of(scope)
        route = exchange.route
        # A path that is none asks for a key too: strangers learn nothing of what is here.
        if self._ring is not None and (route is None or route.key):
            header = exchange.request_headers.get(b"authorization")
            caller = self._ring.identify(header.decode("latin-1") if header is not None else None)
            if caller is None:
                exchange.headers.append((b"www-authenticate", b"Bearer"))
                raise ApiError(401, "no known key: send `Authorization: Bearer YOUR_KEY`", code="invalid_api_key")
            exchange.caller = caller
            if route is not None and route.scope is not None and route.scope not in caller.scopes:
                raise ApiError(403, f"this key does not allow '{route.scope}'", code="insufficient_scope")
        await self._app(scope, receive, send)
