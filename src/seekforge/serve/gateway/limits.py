"""May this caller ask now? Requests and tokens a minute, by key."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar, cast

from seekforge.core.config import RateLimitsConfig
from seekforge.core.errors import ConfigError
from seekforge.serve.gateway.seams import Admission, Caller
from seekforge.serve.gateway.windows import MemoryWindows, RedisWindows, Use, Windows

if TYPE_CHECKING:
    from limits.aio.storage import RedisStorage
    from limits.aio.storage.redis.redispy import RedispyBridge

REQUESTS, TOKENS = "requests per minute", "tokens per minute"
_FREE = Admission()
Result = TypeVar("Result")


class RateLimiter:
    """Counts requests and tokens by caller, as `Limiter` has it.

    Where redis does not answer, this process goes on with its own counts, which it keeps all the time, and tries redis
    again after `config.retry` seconds: a limit is then kept by each gateway for itself, and no request fails.

    Args:
        config: Where to count.
        report: Takes one line for the operator.
        clock: Seconds from anywhere, never backwards.
        window: Seconds that limits are about; other than a minute in tests only.

    Raises:
        ConfigError: The storage is redis and its client is not installed, or its address cannot be read.
    """

    def __init__(
        self,
        config: RateLimitsConfig,
        report: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
        window: int = 60,
    ) -> None:
        self._config, self._report, self._clock = config, report, clock
        self._memory = MemoryWindows(clock, window)
        self._storage = None if config.storage == "memory://" else _connect(config)
        self._shared = None if self._storage is None else RedisWindows(self._storage, time.time, window)
        self._down_until: float | None = None

    async def admit(self, caller: Caller) -> Admission:
        """Counts one request in, or says when to come again. A refused request is not counted."""
        if caller.requests_per_minute is None and caller.tokens_per_minute is None:
            return _FREE
        if self._shared is not None and self._is_up():
            shared = await self._try(_judge(self._shared, caller))
            if shared is not None:
                if shared.retry_after is None and caller.requests_per_minute is not None:
                    self._memory.add_now(_requests(caller), 1)
                return shared
        return await _judge(self._memory, caller)

    async def spend(self, caller: Caller, tokens: int) -> None:
        """Counts an answer's tokens; they may overdraw the minute, and the next request then waits."""
        if caller.tokens_per_minute is None or tokens <= 0:
            return
        self._memory.add_now(_tokens(caller), tokens)
        if self._shared is not None and self._is_up():
            await self._try(self._shared.spend(_tokens(caller), tokens))

    async def close(self) -> None:
        """Hangs up."""
        if self._storage is not None:
            await cast("RedispyBridge", self._storage.bridge).storage.aclose()

    def _is_up(self) -> bool:
        if self._down_until is None:
            return True
        now = self._clock()
        if now < self._down_until:
            return False
        self._down_until = now + self._config.retry  # this request tries; the others need not wait for it
        return True

    async def _try(self, work: Coroutine[Any, Any, Result]) -> Result | None:
        """What redis says; None when it does not."""
        from redis.exceptions import RedisError

        try:
            async with asyncio.timeout(self._config.timeout):
                result = await work
        except (RedisError, OSError, TimeoutError) as error:
            if self._down_until is None:
                problem = str(error) or type(error).__name__
                self._report(f"limits: redis does not answer ({problem}); this gateway counts by itself until it does")
            self._down_until = self._clock() + self._config.retry
            return None
        if self._down_until is not None:
            self._down_until = None
            self._report("limits: redis answers again")
        return result


async def _judge(windows: Windows, caller: Caller) -> Admission:
    """Tokens first: what they refuse must not be counted as a request."""
    headers: dict[str, str] = {}
    wait, hit = 0.0, None
    tokens = caller.tokens_per_minute
    if tokens is not None:
        use = await windows.spent(_tokens(caller), tokens)
        _describe(headers, "tokens", tokens, use)
        if use.frees > 0:
            wait, hit = use.frees, TOKENS
    requests = caller.requests_per_minute
    if requests is not None:
        ask = windows.take if hit is None else windows.look
        use = await ask(_requests(caller), requests)
        _describe(headers, "requests", requests, use)
        if use.frees > wait:
            wait, hit = use.frees, REQUESTS
    if hit is None:
        return Admission(headers=headers)
    # Up to the next millisecond: who comes back after that long is admitted, rounding and all.
    return Admission(math.floor(wait * 1000 + 1) / 1000, hit, headers)


def _describe(headers: dict[str, str], what: str, limit: int, use: Use) -> None:
    headers[f"x-ratelimit-limit-{what}"] = str(limit)
    headers[f"x-ratelimit-remaining-{what}"] = str(max(0, limit - use.used))
    headers[f"x-ratelimit-reset-{what}"] = duration(use.empties)


def duration(seconds: float) -> str:
    """A time as OpenAI's headers have it.

    >>> duration(0.0204), duration(59.5), duration(60)
    ('21ms', '59.5s', '1m0s')
    """
    milliseconds = math.ceil(round(seconds * 1000, 6))
    if milliseconds < 1000:
        return f"{milliseconds}ms"
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes}m{rest / 1000:g}s" if minutes else f"{rest / 1000:g}s"


def _requests(caller: Caller) -> str:
    return f"requests/{caller.id}"


def _tokens(caller: Caller) -> str:
    return f"tokens/{caller.id}"


def _connect(config: RateLimitsConfig) -> RedisStorage:
    try:
        import redis.asyncio  # noqa: F401  limits loads it by name, and says less when it is missing
        from limits.aio.storage import RedisStorage
    except ImportError as error:
        mend = "pip install 'seekforge[redis]'"
        raise ConfigError("redis needs two more packages", where="limits.storage", mend=mend) from error
    try:
        return RedisStorage(
            f"async+{config.storage}",
            implementation="redispy",
            key_prefix="seekforge",
            socket_timeout=config.timeout,
            socket_connect_timeout=config.timeout,
        )
    except ValueError as error:
        raise ConfigError(f"no redis address: {error}", where="limits.storage", mend="redis://HOST:PORT/DB") from error
