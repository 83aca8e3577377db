"""`GET /v1/models` and `/v1/models/{id}`: the names that clients may use."""

from __future__ import annotations

import asyncio
import time

from starlette.types import Send

from seekforge.serve.gateway.directory import no_model
from seekforge.serve.gateway.exchange import Exchange, Handler
from seekforge.serve.gateway.failures import UpstreamError
from seekforge.serve.gateway.parts import Parts
from seekforge.serve.gateway.readiness import model_names
from seekforge.serve.gateway.wire import respond_json

PATH = "/v1/models"
ONE = PATH + "/{id}"
_KEPT = 10.0


class _Names:
    """Names of all models; those that only an upstream knows are asked for now and then."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._found: list[str] = []
        self._at = float("-inf")
        self._one_at_a_time = asyncio.Lock()

    async def all(self) -> list[str]:
        directory, pool = self._parts.directory, self._parts.pool
        async with self._one_at_a_time:
            if directory.open_to_all and pool.clock() - self._at > _KEPT:
                asked = (self._ask(name) for name in directory.open_to_all)
                self._found = [name for names in await asyncio.gather(*asked) for name in names]
                self._at = pool.clock()
        return list(dict.fromkeys([*directory.names, *self._found]))

    async def _ask(self, upstream: str) -> list[str]:
        try:
            return await model_names(self._parts.pool, self._parts.pool.upstreams[upstream])
        except UpstreamError:
            return []  # its models cannot be used now either


def models(parts: Parts) -> tuple[Handler, Handler]:
    """The handlers, of all models and of one."""
    names, created = _Names(parts), int(time.time())

    def shown(name: str) -> dict[str, object]:
        return {"id": name, "object": "model", "created": created, "owned_by": "seekforge"}

    async def every(exchange: Exchange, send: Send) -> None:
        await respond_json(send, {"object": "list", "data": [shown(name) for name in await names.all()]})

    async def one(exchange: Exchange, send: Send) -> None:
        name, known = exchange.path.removeprefix(f"{PATH}/"), await names.all()
        if name not in known:
            raise no_model(name, known)
        await respond_json(send, shown(name))

    return every, one
