"""From a request to an upstream's answer, with another try where nothing was sent yet."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from seekforge.core.config.gateway import GatewayConfig
from seekforge.serve.errors import ApiError
from seekforge.serve.gateway.choose import RetryBudget, UpstreamState, answered, choose, failed, free_in, pause
from seekforge.serve.gateway.directory import Target
from seekforge.serve.gateway.exchange import Exchange
from seekforge.serve.gateway.failures import UpstreamError, from_event
from seekforge.serve.gateway.metrics import Metrics
from seekforge.serve.gateway.stream import UpstreamStream
from seekforge.serve.gateway.upstream import Answer, Pool, Upstream
from seekforge.serve.strict import decode, encoder

T = TypeVar("T")


@dataclass(slots=True)
class Ask:
    """What is asked of an upstream.

    Attributes:
        path: `/v1/chat/completions`.
        tree: The body.
        targets: Who may answer.
        raw: The body's bytes, as long as they say the same as `tree`; None when it was changed.
        stream: The answer is a stream.
        choices: How many answers (`n`).
    """

    path: str
    tree: dict[str, Any]
    targets: Sequence[Target]
    raw: bytes | None = None
    stream: bool = False
    choices: int = 1
    _encoded: dict[tuple[str, bool], bytes] = field(default_factory=dict)

    def body(self, target: Target, *, ask_for_usage: bool) -> bytes:
        """The body for one upstream, under the model's name there."""
        is_named = self.tree.get("model") == (target.model or None)
        if self.raw is not None and is_named and not ask_for_usage:
            return self.raw
        key = (target.model, ask_for_usage)
        if key not in self._encoded:
            tree = {**self.tree, "model": target.model} if target.model else self.tree
            if ask_for_usage:
                tree = {**tree, "stream_options": {**(tree.get("stream_options") or {}), "include_usage": True}}
            self._encoded[key] = encoder.encode(tree)
        return self._encoded[key]


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole answer: as it came, and understood."""

    raw: bytes
    tree: dict[str, Any]


class Relay:
    """Asks upstreams.

    Args:
        pool: They.
        config: The gateway's.
        metrics: Told of failures and retries.
        chance: 0 to 1, drawn anew each time.
    """

    def __init__(
        self, pool: Pool, config: GatewayConfig, metrics: Metrics, chance: Callable[[], float] = random.random
    ) -> None:
        self._pool, self._limits, self._retry, self._metrics = pool, config.limits, config.retry, metrics
        self._budget = RetryBudget(config.retry.budget, config.retry.reserve)
        self._chance = chance

    async def whole(self, ask: Ask, exchange: Exchange, *, key: str) -> Whole:
        """A whole answer.

        Args:
            ask: What.
            exchange: For whom.
            key: What an answer must have (`choices`, `data`).

        Raises:
            ApiError: Nobody answered, or the upstream refuses the request.
        """

        async def once(upstream: Upstream, target: Target) -> Whole:
            answer = await self._pool.ask(upstream, ask.path, ask.body(target, ask_for_usage=False), exchange)
            try:
                await answer.check()
                return _understand(await answer.whole(self._limits.answer_bytes), key)
            finally:
                answer.close()

        return await self._until_one_answers(ask, once)

    async def stream(self, ask: Ask, exchange: Exchange) -> UpstreamStream:
        """A stream that has something of an answer; it must be closed or cut.

        Raises:
            ApiError: Nobody answered, or the upstream refuses the request.
        """

        async def once(upstream: Upstream, target: Target) -> UpstreamStream:
            body = ask.body(target, ask_for_usage=upstream.config.usage_in_streams)
            answer = await self._head(upstream, ask.path, body, exchange)
            try:
                await answer.check()
                if not answer.is_stream:
                    tree = _understand(await answer.whole(self._limits.answer_bytes), "choices").tree
                    raise UpstreamError("malformed", f"the upstream streams no events but {tree.get('object')}")
                stream = UpstreamStream(answer, ask.choices, self._limits.first_seconds, self._limits.idle_seconds)
                await stream.begin()
            except BaseException:
                answer.close()
                raise
            return stream

        stream = await self._until_one_answers(ask, once)
        exchange.first = self._pool.clock()
        return stream

    def blame(self, name: str, error: UpstreamError) -> None:
        """Notes that an upstream failed, also in the middle of a stream; to refuse a request is no failure."""
        if error.is_request:
            return
        state = self._pool.upstreams[name].state
        now = self._pool.clock()
        self._metrics.upstream_failures.labels(name, error.kind).inc()
        if error.kind == "limited":
            state.limited_until = max(state.limited_until, now + error.after)
        else:
            failed(state, now, self._retry.cooldown_seconds)

    async def _head(self, upstream: Upstream, path: str, body: bytes, exchange: Exchange) -> Answer:
        try:
            async with asyncio.timeout(self._limits.first_seconds):
                return await self._pool.ask(upstream, path, body, exchange)
        except TimeoutError as error:
            seconds = self._limits.first_seconds
            raise UpstreamError("slow", f"no answer within {seconds:g} s", status=504) from error

    async def _until_one_answers(self, ask: Ask, once: Callable[[Upstream, Target], Awaitable[T]]) -> T:
        self._budget.earn()
        states = self._pool.states([target.upstream for target in ask.targets])
        tried: list[str] = []
        waits = 0
        error = UpstreamError("limited", "every engine is busy", status=429)
        while True:
            state = choose(states, self._pool.clock(), tried)
            if tried and not self._may_retry(state, tried, error):
                raise self._final(error, states)
            if state is None:
                waits += 1
                await self._wait_for_one(states, error, waits)
                continue
            tried.append(state.name)
            target = next(target for target in ask.targets if target.upstream == state.name)
            try:
                result = await once(self._pool.upstreams[state.name], target)
            except UpstreamError as failure:
                error = failure
                self.blame(state.name, error)
                if error.is_request:
                    raise error.to_client() from error
                continue
            answered(state, self._pool.clock())
            return result

    def _may_retry(self, state: UpstreamState | None, tried: list[str], error: UpstreamError) -> bool:
        # The same upstream again only where that is what it asked for, or where its connection broke: it may have
        # been an idle one that the upstream was about to close.
        is_other = state is not None and state.name not in tried
        may_repeat = error.kind == "limited" or (error.kind == "lost" and len(set(tried)) == len(tried))
        if len(tried) >= self._retry.attempts or not (is_other or may_repeat):
            return False
        if state is None:
            return True  # the wait comes first
        if not self._budget.take():
            return False
        self._metrics.retries.inc()
        return True

    async def _wait_for_one(self, states: Sequence[UpstreamState], error: UpstreamError, waits: int) -> None:
        """Waits until an upstream that asked to be left alone may be asked again, if a client can wait that long."""
        asked = free_in(states, self._pool.clock())
        wait = pause(asked, self._retry.longest_wait, self._chance())
        if wait is None or waits > self._retry.attempts:
            raise self._final(error, states)
        await asyncio.sleep(wait)

    def _final(self, error: UpstreamError, states: Sequence[UpstreamState]) -> ApiError:
        if error.kind == "limited":
            error.after = free_in(states, self._pool.clock()) or error.after
        return error.to_client()


def _understand(raw: bytes, key: str) -> Whole:
    try:
        tree = decode(raw)
    except ValueError as error:
        raise UpstreamError("malformed", "the upstream's answer is not JSON") from error
    if isinstance(tree, dict) and tree.get("error"):
        raise from_event(tree)
    items = tree.get(key) if isinstance(tree, dict) else None
    if not isinstance(items, list) or not items or not all(isinstance(item, dict) for item in items):
        raise UpstreamError("malformed", f"the upstream's answer has no '{key}'")
    return Whole(raw, tree)
