"""What was asked for in the last 60 seconds, by caller: in this process, or in a redis that gateways share.

Both count requests exactly: never more than the limit in any window. Tokens are known after an answer only, so an
answer may overdraw; then nothing is admitted until enough has left the window.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from limits.aio.storage import RedisStorage

_UNBOUNDED = 1 << 53  # redis' scripts count in doubles


@dataclass(frozen=True, slots=True)
class Use:
    """How far one limit is used.

    Attributes:
        used: Requests or tokens in the window.
        frees: Seconds until one more is admitted; 0 when it is now.
        empties: Seconds until the window is empty, if nothing comes in.
    """

    used: int
    frees: float
    empties: float


class Windows(Protocol):
    """Counts by name (`requests/team-a`). Times are in seconds."""

    async def take(self, name: str, limit: int) -> Use:
        """Counts one, unless that would be more than `limit`: then `frees` is above 0 and nothing is counted."""

    async def look(self, name: str, limit: int) -> Use:
        """What `take` would find; counts nothing. For what `take` counts."""

    async def spend(self, name: str, amount: int) -> None:
        """Counts `amount`, whatever the limit."""

    async def spent(self, name: str, limit: int) -> Use:
        """How much was spent. For what `spend` counts."""


class MemoryWindows:
    """A log of each caller's minute: exact for tokens too, and quick, as nothing here waits.

    `limits.aio.storage.MemoryStorage` would do for requests, but after each hit it sweeps all callers with a hop to a
    thread for each (50 µs a request with one caller, 130 ms with a thousand), and nothing in it can overdraw.

    Args:
        clock: Seconds from anywhere.
        window: Its length in seconds.
    """

    def __init__(self, clock: Callable[[], float], window: float = 60.0) -> None:
        self._clock, self._window = clock, window
        self._logs: dict[str, _Log] = {}

    def take_now(self, name: str, limit: int) -> Use:
        """As `take`."""
        now, log = self._clock(), self._log(name)
        log.drop(now - self._window)
        if log.used < limit:
            log.add(now, 1)
            return Use(log.used, 0.0, self._window)
        return log.use(now, self._window, limit)

    def spent_now(self, name: str, limit: int) -> Use:
        """As `spent` and `look`."""
        now, log = self._clock(), self._log(name)
        log.drop(now - self._window)
        return log.use(now, self._window, limit)

    def add_now(self, name: str, amount: int) -> None:
        """As `spend`."""
        now, log = self._clock(), self._log(name)
        log.drop(now - self._window)
        log.add(now, amount)

    async def take(self, name: str, limit: int) -> Use:
        """Counts one, unless that would be more than `limit`."""
        return self.take_now(name, limit)

    async def look(self, name: str, limit: int) -> Use:
        """What `take` would find."""
        return self.spent_now(name, limit)

    async def spend(self, name: str, amount: int) -> None:
        """Counts `amount`."""
        self.add_now(name, amount)

    async def spent(self, name: str, limit: int) -> Use:
        """How much was spent."""
        return self.spent_now(name, limit)

    def _log(self, name: str) -> _Log:
        log = self._logs.get(name)
        if log is None:
            log = self._logs[name] = _Log()
        return log


class _Log:
    __slots__ = ("entries", "used")

    def __init__(self) -> None:
        self.entries: deque[tuple[float, int]] = deque()
        self.used = 0

    def drop(self, until: float) -> None:
        entries = self.entries
        while entries and entries[0][0] <= until:
            self.used -= entries.popleft()[1]

    def add(self, now: float, amount: int) -> None:
        self.entries.append((now, amount))
        self.used += amount

    def use(self, now: float, window: float, limit: int) -> Use:
        empties = self.entries[-1][0] + window - now if self.entries else 0.0
        frees = 0.0
        left = self.used
        for moment, amount in self.entries:
            if left < limit:
                break
            left -= amount
            frees = moment + window - now
        return Use(self.used, window if left >= limit else frees, empties)


class RedisWindows:
    """Counts that several gateways share.

    Requests are a moving window of the library `limits`, exact. Tokens are its sliding counters, two numbers a caller:
    the minute before this one counts for as much of it as the last 60 seconds still reach into, as if it had been
    spent evenly. The gateways' clocks must agree.

    Args:
        storage: Of `limits`.
        now: Seconds since 1970.
        window: Its length in seconds.
    """

    def __init__(self, storage: RedisStorage, now: Callable[[], float], window: int = 60) -> None:
        self._storage, self._now, self._window = storage, now, window

    async def take(self, name: str, limit: int) -> Use:
        """Counts one, unless that would be more than `limit`."""
        taken = await self._storage.acquire_entry(name, limit, self._window)
        use = await self.look(name, limit)
        if not taken:
            return Use(use.used, max(use.frees, 0.001), use.empties)
        return Use(use.used, 0.0, use.empties)

    async def look(self, name: str, limit: int) -> Use:
        """What `take` would find."""
        oldest, used = await self._storage.get_moving_window(name, limit, self._window)
        if not used:
            return Use(0, 0.0, 0.0)
        # Asked about a window of one, it knows the newest only.
        newest, _ = await self._storage.get_moving_window(name, 1, self._window)
        now = self._now()
        frees = oldest + self._window - now if used >= limit else 0.0
        return Use(used, max(0.0, frees), max(0.0, newest + self._window - now))

    async def spend(self, name: str, amount: int) -> None:
        """Counts `amount`."""
        await self._storage.acquire_sliding_window_entry(name, _UNBOUNDED, self._window, amount)

    async def spent(self, name: str, limit: int) -> Use:
        """How much was spent."""
        counts = await self._storage.get_sliding_window(name, self._window)
        return sliding_use(*counts, window=self._window, limit=limit)


def sliding_use(before: int, before_ends: float, here: int, here_ends: float, *, window: float, limit: int) -> Use:
    """What two sliding counters say.

    Args:
        before: Spent in the minute before this one.
        before_ends: Seconds until that no longer counts; 0 when nothing was spent.
        here: Spent in this minute.
        here_ends: Seconds until this no longer counts, so one window more than until the minute ends.
        window: Seconds in a minute.
        limit: Nothing is admitted from here on.
    """
    used = math.floor(before * before_ends / window) + here
    empties = here_ends if here else before_ends if before else 0.0
    if used < limit:
        return Use(used, 0.0, empties)
    if here < limit:  # the wait ends in this minute: before * (before_ends - wait) / window + here = limit
        return Use(used, max(0.0, before_ends - (limit - here) * window / before), empties)
    # In the next one `here` has become what was spent before.
    return Use(used, max(0.0, here_ends - limit * window / here), empties)
