"""How much of the machine others used while something was measured.

On two cores that a second job shared, transformers fell from 121 to 0.4 tokens/s, OpenVINO from 330 to 42: a ratio that
looks splendid and means nothing. So a comparison says how quiet it was.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType

import psutil


@dataclass(frozen=True, slots=True)
class CpuTimes:
    """Seconds: of the clock, of work on all cores, of work by the processes that are measured."""

    clock: float
    machine: float
    own: float


def others_share(before: CpuTimes, after: CpuTimes, cores: int) -> float:
    """The share of all cores' time, 0 to 1, that other processes used in between."""
    room = cores * (after.clock - before.clock)
    used = (after.machine - before.machine) - (after.own - before.own)
    return min(1.0, max(0.0, used / room)) if room > 0 else 0.0


class CpuWatch:
    """Watches while a block runs.

    Args:
        pids: The processes whose work is not somebody else's.

    Attributes:
        others: What others used, 0 to 1, once the block is left.
    """

    def __init__(self, pids: Sequence[int]) -> None:
        self._processes = [psutil.Process(pid) for pid in pids]
        self.others = 0.0

    def __enter__(self) -> CpuWatch:
        """Starts watching."""
        self._before = self._now()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stops watching."""
        if error is None:
            self.others = others_share(self._before, self._now(), psutil.cpu_count() or 1)

    def _now(self) -> CpuTimes:
        machine = psutil.cpu_times()
        idle = machine.idle + getattr(machine, "iowait", 0.0)
        own = sum(sum(process.cpu_times()[:2]) for process in self._processes)
        # `guest` time is part of `user` already.
        total = sum(machine[:8])
        return CpuTimes(time.monotonic(), total - idle, own)
