"""Whether the engine answers: the last sign of life, and a real decode when that is too long ago."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from seekforge.core.errors import SeekforgeError
from seekforge.engines.protocol import Engine, Sampling

_PROBE = Sampling(max_new_tokens=1)


class Readiness:
    """Answers the readiness probe.

    A worker under load proves itself by its answers; a probe would only wait behind them. An idle one decodes a token.

    Args:
        engine: What must answer.
        fresh_seconds: How long a sign of life counts.
        probe_seconds: How long a probe may take.
        clock: Seconds, from anywhere.
    """

    def __init__(
        self,
        engine: Engine,
        fresh_seconds: float = 2.0,
        probe_seconds: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine, self._fresh, self._patience, self._clock = engine, fresh_seconds, probe_seconds, clock
        self._last = float("-inf")
        self._one_at_a_time = asyncio.Lock()

    def sign_of_life(self) -> None:
        """A token came."""
        self._last = self._clock()

    async def problem(self) -> str | None:
        """Why the engine is not ready, or None when it is."""
        if self._is_fresh():
            return None
        async with self._one_at_a_time:
            return None if self._is_fresh() else await self._probe()

    def _is_fresh(self) -> bool:
        return self._clock() - self._last < self._fresh

    async def _probe(self) -> str | None:
        try:
            async with asyncio.timeout(self._patience):
                prompt = self._engine.encode(self._engine.render([{"role": "user", "content": "."}]))
                async for _ in self._engine.stream(prompt, _PROBE):
                    self.sign_of_life()
        except TimeoutError:
            # The probe may have waited in a queue that moves.
            return None if self._is_fresh() else f"no token within {self._patience:g} s"
        except SeekforgeError as error:
            return str(error)
        return None if self._is_fresh() else "the engine ended without an answer"
