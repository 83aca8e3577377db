"""Places for requests that ask an engine: so many at once, so many waiting, the others come later."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress


class Places:
    """First come, first served.

    Args:
        running: Requests at once.
        waiting: Requests that may wait.
    """

    def __init__(self, running: int, waiting: int) -> None:
        self._most, self._most_waiting = running, waiting
        self._queue: deque[asyncio.Future[None]] = deque()
        self._seconds = 1.0  # a request, on a moving average
        self.running = 0

    @property
    def waiting(self) -> int:
        """Requests that wait now."""
        return len(self._queue)

    @property
    def wait_seconds(self) -> float:
        """How long the next one in the queue would wait, by what requests took lately."""
        return self._seconds * (1 + len(self._queue)) / self._most

    async def take(self) -> bool:
        """Takes a place, after a wait if need be; False when too many wait already."""
        if self.running < self._most and not self._queue:
            self.running += 1
            return True
        if len(self._queue) >= self._most_waiting:
            return False
        turn = asyncio.get_running_loop().create_future()
        self._queue.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # the place was given in the same moment: hand it on
                self._hand_on()
            else:
                with suppress(ValueError):
                    self._queue.remove(turn)
            raise
        return True

    def give_back(self, seconds: float) -> None:
        """Gives a place back.

        Args:
            seconds: How long it was taken.
        """
        self._seconds += (seconds - self._seconds) / 16
        self._hand_on()

    def _hand_on(self) -> None:
        while self._queue:
            turn = self._queue.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self.running -= 1
