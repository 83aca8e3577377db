"""Device-seconds by request: the time in which an upstream worked, shared out among the requests that it worked on."""

from __future__ import annotations


class DeviceClock:
    """Runs at 1/n while an upstream works on n requests, so that the shares of all requests add up to its busy time."""

    def __init__(self) -> None:
        self._shared = 0.0
        self._busy = 0
        self._at = 0.0

    def begin(self, now: float) -> float:
        """A request starts.

        Returns:
            A mark for `end`.
        """
        self._advance(now)
        self._busy += 1
        return self._shared

    def end(self, mark: float, now: float) -> float:
        """A request ends.

        Returns:
            Its share of the busy time, in seconds.
        """
        self._advance(now)
        self._busy -= 1
        return self._shared - mark

    def _advance(self, now: float) -> None:
        if self._busy:
            self._shared += (now - self._at) / self._busy
        self._at = now
