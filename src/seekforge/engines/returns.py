"""How many clients are about to be back with their next request, and whether to wait for them between two steps.

The next request of a client whose answer has ended comes while the next step computes, or shortly after it. Who misses
the step after that leaves a place empty for all of it. docs/adr/0012 has what waiting brings.
"""

from __future__ import annotations

_IN_VAIN, _PROBE = 2, 8


class Returns:
    """Counts answers that end and requests that come, step by step: `expected`, then `came`, then the step's `ended`.

    Where nobody came twice running, only every eighth wait is left: the clients are of another kind.
    """

    def __init__(self) -> None:
        self._ended = self._due = self._awaited = self._in_vain = 0

    def expected(self) -> int:
        """Those whose answers ended a step ago, so that they have had a step's time to come back; 0: do not wait."""
        self._awaited, self._due, self._ended = self._due, self._ended, 0
        waits = self._in_vain < _IN_VAIN or self._in_vain % _PROBE == 0
        return self._awaited if waits else 0

    def came(self, count: int) -> None:
        """So many requests were let in since the step before."""
        if self._awaited:
            self._in_vain = 0 if count else self._in_vain + 1
        self._due -= min(self._due, max(0, count - self._awaited))  # they were faster than a step

    def ended(self) -> None:
        """An answer ended in the step that was made."""
        self._ended += 1
