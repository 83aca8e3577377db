"""Whether the engine answers: the last sign of life, and a real decode when that is too long ago."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable

from seekforge.core.errors import SeekforgeError
from seekforge.engines.protocol import Engine, Sampling

_PROBE = Sampling(max_new_tokens=1)


async def one_token(engine: Engine) -> AsyncIterator[None]:
    """A real decode, as a probe."""
    prompt = engine.encode(engine.render([{"role": "user", "content": "."}]))
    async for _ in engine.stream(prompt, _PROBE):
        yield


class Readiness:
    """Answers the readiness probe.

    A worker under load proves itself by its answers; a probe would only wait behind them. An idle one decodes a token.

    Args:
        probe: Asks for a real answer, and yields at each sign of life.
        fresh_seconds: How long a sign of life counts.
        probe_seconds: How long a probe may take.
        clock: Seconds, from anywhere.

    Attributes:
        hold: Why it is not ready whatever the engine does (it warms up, it stops); None when nothing holds it.
    """

    def __init__(
        self,
        probe: Callable[[], AsyncIterator[None]],
        fresh_seconds: float = 2.0,
        probe_seconds: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ask, self._fresh, self._patience, self._clock = probe, fresh_seconds, probe_seconds, clock
        self._last = float("-inf")
        self.hold: str | None = None
        self._one_at_a_time = asyncio.Lock()

    def sign_of_life(self) -> None:
        """A token, or a vector, came."""
        self._last = self._clock()

    async def problem(self) -> str | None:
        """Why the engine is not ready, or None when it is."""
        if self.hold is not None or self._is_fresh():
            return self.hold
        async with self._one_at_a_time:
            return None if self._is_fresh() else await self._probe()

    def _is_fresh(self) -> bool:
        return self._clock() - self._last < self._fresh

    async def _probe(self) -> str | None:
        try:
            async with asyncio.timeout(self._patience):
                async for _ in self._ask():
                    self.sign_of_life()
        except TimeoutError:
            # The probe may have waited in a queue that moves.
            return None if self._is_fresh() else f"no token within {self._patience:g} s"
        except SeekforgeError as error:
            return str(error)
        return None if self._is_fresh() else "the engine ended without an answer"
