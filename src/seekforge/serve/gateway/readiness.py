"""Whether an upstream answers: a real answer lately, or a probe that makes it decode."""

from __future__ import annotations

import asyncio
from typing import Any

from seekforge.core.config.gateway import GatewayConfig
from seekforge.serve.gateway.choose import answered
from seekforge.serve.gateway.exchange import Exchange
from seekforge.serve.gateway.failures import UpstreamError
from seekforge.serve.gateway.upstream import Pool, Upstream
from seekforge.serve.strict import decode, encoder

_PROBE_SECONDS = 10.0
_NO_SUCH_ROUTE = {404, 405}


class Readiness:
    """Answers the readiness probe.

    Args:
        pool: The upstreams.
        config: The gateway's.
    """

    def __init__(self, pool: Pool, config: GatewayConfig) -> None:
        self._pool, self._fresh = pool, config.ready_seconds
        every = [pool.upstreams[upstream.name] for upstream in config.upstreams]
        # An embedder that lives does not make up for an engine that has died.
        self._asked = [upstream for upstream in every if not upstream.config.embeds] or every
        self._names = {upstream.name: (upstream.models or ())[:1] for upstream in config.upstreams}
        for model in config.models:
            for target in model.targets:
                self._names[target.upstream] = self._names[target.upstream] or (target.model or model.name,)
        self._has_no_route: set[str] = set()
        self._one_at_a_time = asyncio.Lock()

    async def problem(self) -> str | None:
        """Why no upstream is ready, or None when one is."""
        if self._is_fresh():
            return None
        async with self._one_at_a_time:
            if self._is_fresh():
                return None
            problems = await asyncio.gather(*(self._probe(upstream) for upstream in self._asked))
        if None in problems:
            return None
        return "; ".join(f"{asked.name}: {problem}" for asked, problem in zip(self._asked, problems, strict=True))

    def _is_fresh(self) -> bool:
        since = self._pool.clock() - self._fresh
        return any(upstream.state.answered_at > since for upstream in self._asked)

    async def _probe(self, upstream: Upstream) -> str | None:
        try:
            problem = await self._ask(upstream)
        except UpstreamError as error:
            return error.message
        if problem is None:
            answered(upstream.state, self._pool.clock())
        return problem

    async def _ask(self, upstream: Upstream) -> str | None:
        if upstream.name not in self._has_no_route:
            status, _ = await self._pool.get(upstream, "/readyz", _PROBE_SECONDS)
            if status not in _NO_SUCH_ROUTE:
                return None if status == 200 else f"/readyz answers {status}"
            self._has_no_route.add(upstream.name)
        return await self._decode_one(upstream)

    async def _decode_one(self, upstream: Upstream) -> str | None:
        """One token of a chat: what proves that an engine works and not only its HTTP server."""
        body: dict[str, Any] = {"messages": [{"role": "user", "content": "."}], "max_tokens": 1}
        if names := self._names[upstream.name] or await self._first_name(upstream):
            body["model"] = names[0]
        exchange = Exchange("readyz", "GET", "/readyz", {}, None, self._pool.clock())
        try:
            async with asyncio.timeout(_PROBE_SECONDS):
                answer = await self._pool.ask(upstream, "/v1/chat/completions", encoder.encode(body), exchange)
                try:
                    await answer.check()
                    await answer.whole(1 << 20)
                finally:
                    answer.close()
        except TimeoutError:
            return f"no token within {_PROBE_SECONDS:g} s"
        return None

    async def _first_name(self, upstream: Upstream) -> tuple[str, ...]:
        return tuple(await model_names(self._pool, upstream))[:1]


async def model_names(pool: Pool, upstream: Upstream) -> list[str]:
    """Names of an upstream's models, as it gives them; none if it gives none."""
    status, body = await pool.get(upstream, "/v1/models", _PROBE_SECONDS)
    try:
        data = decode(body)["data"] if status == 200 else []
        return [str(model["id"]) for model in data]
    except (ValueError, LookupError, TypeError):
        return []
