"""Whether processes have ended, and what they have computed."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

import psutil
from tests.patience import LONG, wait_for

if TYPE_CHECKING:
    from seekforge.serve.process import Worker


def survivors(family: Iterable[psutil.Process]) -> list[psutil.Process]:
    """Those that do not end, though given time."""
    family = list(family)
    with contextlib.suppress(AssertionError):
        wait_for(lambda: not any(map(_alive, family)))
    return [process for process in family if _alive(process)]


def gone(pid: int) -> bool:
    """Whether it ends, given time."""
    try:
        return survivors([psutil.Process(pid)]) == []
    except psutil.NoSuchProcess:
        return True


def computed(worker: Worker) -> float:
    """Seconds of all cores that the worker has used: what it does, however slow the machine and busy with others."""
    return float(sum(psutil.Process(worker.pid).cpu_times()[:2]))


def check_until_it_has_ended(worker: Worker) -> None:
    """A leader that has ended may still have threads that end, and has no status until then."""
    until = time.monotonic() + LONG
    while time.monotonic() < until:
        worker.check()
        time.sleep(0.02)


def _alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
