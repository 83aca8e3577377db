"""One request on its way through the gateway, and what is known of it by now."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.types import Scope, Send

from seekforge.serve.gateway.seams import Caller

ANONYMOUS = Caller("anonymous", frozenset({"chat", "embeddings", "feedback", "metrics", "admin"}))
Handler = Callable[["Exchange", Send], Awaitable[None]]
_ID = "{id}"


@dataclass(frozen=True, slots=True)
class Route:
    """Where a request goes.

    Attributes:
        method: `GET` or `POST`; a POST has a body.
        path: Its path.
        handler: Answers it.
        key: It asks for a key.
        scope: What the key must allow, besides being one.
        engine: It asks an engine: it is limited, waits for a place and has a deadline.
    """

    method: str
    path: str
    handler: Handler
    key: bool = True
    scope: str | None = None
    engine: bool = False


class Table:
    """All routes; a path that ends in `{id}` stands for every path with something in its place, slashes included.

    Args:
        routes: They.
    """

    def __init__(self, routes: Iterable[Route]) -> None:
        self._exact: dict[str, dict[str, Route]] = {}
        self._below: dict[str, dict[str, Route]] = {}
        for route in routes:
            of = self._below if route.path.endswith(_ID) else self._exact
            of.setdefault(route.path.removesuffix(_ID), {})[route.method] = route

    def methods(self, path: str) -> Mapping[str, Route]:
        """Method to route of a request's path; none where there is no such route."""
        found = self._exact.get(path)
        if found is not None:
            return found
        below = (methods for prefix, methods in self._below.items() if path.startswith(prefix) and path != prefix)
        return next(below, {})


@dataclass(slots=True)
class Exchange:
    """A request and its answer. Times are seconds of the gateway's clock.

    Attributes:
        id: `x-request-id`.
        route: None when there is no such route.
        caller: Who asks.
        body: The request's body, inflated.
        model: The model's name for clients, once it is known.
        upstream: Who answered last.
        started: When it came.
        first: When the first piece of a stream came.
        status: The answer's status; 0 before its head is sent.
        streaming: The head of an event stream is sent; an error can only follow in band.
        outcome: `ok`, `filtered`, `refused`, `limited`, `error` or `cancelled`.
        error: What went wrong, for the log.
        usage: What the upstream counted.
        pieces: Pieces of text sent; a lower bound of the tokens of an answer that was cut off.
        device_seconds: The engines' time that it took.
        cost: The same in money.
        headers: Further headers for the answer.
        gone: The client has left.
    """

    id: str
    method: str
    path: str
    request_headers: Mapping[bytes, bytes]
    route: Route | None
    started: float
    caller: Caller = ANONYMOUS
    body: bytes = b""
    model: str = ""
    upstream: str = ""
    first: float | None = None
    status: int = 0
    streaming: bool = False
    outcome: str = "ok"
    error: str | None = None
    usage: dict[str, Any] | None = None
    finish_reason: str | None = None
    pieces: int = 0
    device_seconds: float = 0.0
    cost: float = 0.0
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    gone: bool = False

    def tokens(self, kind: str) -> int:
        """`prompt` or `completion` tokens, as far as they are known."""
        count = (self.usage or {}).get(f"{kind}_tokens")
        if isinstance(count, int):
            return count
        return self.pieces if kind == "completion" else 0


def exchange_of(scope: Scope) -> Exchange:
    """The exchange that the outermost layer has put into the scope."""
    exchange: Exchange = scope["exchange"]
    return exchange
