"""A worker's life: it warms up, serves, takes nothing new when asked to stop, and ends when the last is answered."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from seekforge.serve.intake import Intake
from seekforge.serve.readiness import Readiness

_CLOSE_SECONDS = 1.0


class Server(Protocol):
    """What listens."""

    async def serve(self) -> None:
        """Serves until it is stopped."""

    def stop(self) -> None:
        """Ends `serve`."""


class Service(Protocol):
    """What answers."""

    @property
    def intake(self) -> Intake:
        """Counts what is at work."""

    @property
    def readiness(self) -> Readiness:
        """Answers the readiness probe."""


WarmUp = Callable[[Callable[[str], None]], Coroutine[Any, Any, None]]


async def live(server: Server, service: Service, drain_seconds: float, warm_up: WarmUp | None = None) -> None:
    """Serves until SIGTERM or SIGINT.

    From the first signal on it is not ready and takes nothing new; answers that run get `drain_seconds` to end. A
    second signal ends them at once.

    Args:
        server: What listens.
        service: What answers.
        drain_seconds: How long running answers may take after the first signal.
        warm_up: Is run before the worker is ready, and says through what it is given how far it is; what it raises is
            raised.
    """
    first, second = asyncio.Event(), asyncio.Event()

    def asked_to_stop() -> None:
        (second if first.is_set() else first).set()
        service.readiness.hold = "the worker is stopping"
        service.intake.draining = True

    service.readiness.hold = None if warm_up is None else "warming up"
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked_to_stop)
    serving = asyncio.ensure_future(server.serve())
    try:
        await _first_of(_warm(service, warm_up, first), serving)
        if not serving.done():
            await _first_of(service.intake.drained(drain_seconds), second.wait())
    finally:
        service.intake.cancel_all()
        server.stop()
        await asyncio.wait({serving}, timeout=_CLOSE_SECONDS)


async def _warm(service: Service, warm_up: WarmUp | None, stop: asyncio.Event) -> None:
    """Warms up, then waits until asked to stop."""

    def said(text: str) -> None:
        if not stop.is_set():
            service.readiness.hold = text

    if warm_up is not None:
        await _first_of(warm_up(said), stop.wait())
    if not stop.is_set():
        service.readiness.hold = None
    await stop.wait()


async def _first_of(*work: Coroutine[Any, Any, Any] | asyncio.Future[Any]) -> None:
    """Waits for the first to end; the others are cancelled, unless they are futures, which belong to somebody else."""
    tasks = [asyncio.ensure_future(one) for one in work]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task, one in zip(tasks, work, strict=True):
            if task is not one:
                task.cancel()
        await asyncio.gather(*(t for t, one in zip(tasks, work, strict=True) if t is not one), return_exceptions=True)
