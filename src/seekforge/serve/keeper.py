"""Keeps one child alive beside the gateway: starts it, starts it anew when it ends, gives up when that does not help.

It has a thread of its own: a child dies with the thread that started it, and starting one takes seconds.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol

from seekforge.core.config import RestartConfig
from seekforge.core.errors import EngineError, SeekforgeError

_LOOK = 0.1


class Child(Protocol):
    """An engine in a process of its own, as a context manager: entered it answers, left it is gone."""

    @property
    def url(self) -> str:
        """`http://host:port`, once entered."""

    @property
    def pid(self) -> int | None:
        """The process, which leads its group; None when there is none."""

    def __enter__(self) -> object:
        """Starts it and returns when it answers; raises a `SeekforgeError` where it does not."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stops it."""

    def check(self) -> None:
        """Raises `EngineError` when it has ended."""


@dataclass(frozen=True, slots=True)
class Up:
    """The child answers at `url`."""

    url: str


@dataclass(frozen=True, slots=True)
class Down:
    """The child has ended, `why`; it is started anew in `delay` seconds."""

    why: str
    delay: float

    def __str__(self) -> str:
        """One line for the operator."""
        return f"{self.why}; started anew {f'in {self.delay:g} s' if self.delay else 'at once'}"


@dataclass(frozen=True, slots=True)
class Over:
    """There will be no child any more: it never came up, or has ended too often."""

    error: SeekforgeError


State = Up | Down | Over


def next_delay(ends: int, config: RestartConfig) -> float | None:
    """Seconds before the next start.

    Args:
        ends: How often the child has ended in a row, at least 1.
        config: The delays.

    Returns:
        None when it has ended too often.
    """
    if ends > config.attempts:
        return None
    return 0.0 if ends == 1 else min(config.longest_delay, config.first_delay * 2.0 ** (ends - 2))


class Keeper:
    """One child.

    Args:
        build: Makes a child that has not been started.
        config: When to start it anew.
        clock: Seconds from anywhere.
    """

    def __init__(
        self, build: Callable[[], Child], config: RestartConfig, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._build, self._config, self._clock = build, config, clock
        self._ending = threading.Event()
        self._lock = threading.Lock()
        self._listener: Callable[[State], None] | None = None
        self._untold: list[State] = []
        self._starting: Child | None = None
        self._thread = threading.Thread(target=self._run, name="keeper", daemon=True)

    def start(self) -> None:
        """Begins; returns at once."""
        self._thread.start()

    def listen(self, listener: Callable[[State], None]) -> None:
        """Has every state told, those before now first. It is called in the keeper's thread."""
        with self._lock:
            self._listener = listener
            for state in self._untold:
                listener(state)
            self._untold.clear()

    def stop(self) -> None:
        """Stops the child and returns when it is gone. One that still loads is killed: it has nothing to finish."""
        self._ending.set()
        while self._thread.is_alive():
            child = self._starting
            if child is not None and child.pid is not None:
                _kill_group(child.pid)
            self._thread.join(_LOOK)

    def _run(self) -> None:
        over: SeekforgeError = EngineError("the thread that keeps the worker has failed", mend="See the lines above")
        try:
            over = self._keep()
        finally:
            if not self._ending.is_set():
                self._tell(Over(over))

    def _keep(self) -> SeekforgeError:
        """Keeps the child until it is told to stop; returns why it gave up."""
        ends, was_up = 0, False
        while True:
            came = None
            self._starting = child = self._build()
            try:
                with child:
                    self._starting = None
                    came, was_up = self._clock(), True
                    self._tell(Up(child.url))
                    while not self._ending.wait(_LOOK):
                        child.check()
                    return EngineError("stopped")
            except (SeekforgeError, OSError) as caught:
                error = caught if isinstance(caught, SeekforgeError) else EngineError(f"no process: {caught}")
            finally:
                self._starting = None
            if not was_up or self._ending.is_set():
                return error
            ends = 1 if came is not None and self._clock() - came >= self._config.stable_seconds else ends + 1
            delay = next_delay(ends, self._config)
            if delay is None:
                return EngineError(f"given up after {ends} ends in a row; the last one: {error}")
            self._tell(Down(str(error), delay))
            if self._ending.wait(delay):
                return error

    def _tell(self, state: State) -> None:
        with self._lock:
            if self._listener is None:
                self._untold.append(state)
            else:
                self._listener(state)


def _kill_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
