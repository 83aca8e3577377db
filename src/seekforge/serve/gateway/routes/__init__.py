"""The routes, one a file, and the table of them."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from seekforge.serve.errors import ApiError
from seekforge.serve.gateway.exchange import Route, Table, exchange_of
from seekforge.serve.gateway.parts import Parts
from seekforge.serve.gateway.routes import chat, completions, docs, embeddings, feedback, models, short_chat, state


def table(parts: Parts) -> Table:
    """All routes."""
    every_model, one_model = models.models(parts)
    routes = [
        Route("POST", chat.PATH, chat.chat(parts), scope="chat", engine=True),
        Route("POST", short_chat.PATH, short_chat.short_chat(parts), scope="chat", engine=True),
        Route("POST", completions.PATH, completions.completions(parts), scope="chat", engine=True),
        Route("POST", embeddings.PATH, embeddings.embeddings(parts), scope="embeddings", engine=True),
        Route("POST", feedback.PATH, feedback.feedback(parts), scope="feedback"),
        Route("GET", models.PATH, every_model),
        Route("GET", models.ONE, one_model),
        Route("GET", "/metrics", state.metrics(parts), scope="metrics"),
        Route("GET", "/healthz", state.healthz(parts), key=False),
        Route("GET", "/readyz", state.readyz(parts), key=False),
        Route("GET", "/openapi.json", docs.openapi(parts), key=False),
        Route("GET", "/docs", docs.docs(parts), key=False),
    ]
    return Table(routes)


def dispatch(routes: Table) -> ASGIApp:
    """The innermost app: the route's handler, or 404 and 405."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        exchange = exchange_of(scope)
        if exchange.route is not None:
            await exchange.route.handler(exchange, send)
            return
        methods = routes.methods(exchange.path)
        if not methods:
            raise ApiError(404, f"there is no {exchange.path[:200]}", code="not_found")
        exchange.headers.append((b"allow", ", ".join(methods).encode()))
        raise ApiError(405, f"{exchange.path} takes {' or '.join(methods)}", code="method_not_allowed")

    return app
