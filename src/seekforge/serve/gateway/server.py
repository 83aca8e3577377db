"""The gateway as a process: granian embedded, signals, and an end that lets running requests finish."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from seekforge.serve.gateway.app import GatewayApp

_BACKLOG = 4096
_POLL = 0.01
_LAST_WORDS = 2.0  # seconds for the errors of answers that were cut off to reach their clients


async def serve(
    app: GatewayApp,
    host: str,
    port: int,
    *,
    ready: Callable[[], None] | None = None,
    handle_signals: bool = True,
    stop: asyncio.Event | None = None,
) -> None:
    """Serves until SIGTERM or SIGINT, then takes no further connections, lets running requests end, and returns.

    Args:
        app: From `create_app`.
        host: Address to listen on.
        port: Port to listen on.
        ready: Called once it listens.
        handle_signals: SIGTERM and SIGINT end it; a second one ends the wait for running requests as well. Only the
            main thread can.
        stop: Ends it as well, when set.
    """
    server = _server(app, host, port)
    stop, hurry = stop or asyncio.Event(), asyncio.Event()
    if handle_signals:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, lambda: (hurry if stop.is_set() else stop).set())
    serving = asyncio.create_task(server.serve())
    stopping, hurrying = asyncio.create_task(stop.wait()), asyncio.create_task(hurry.wait())
    try:
        await _listening(host, port, serving)
        if ready is not None and not serving.done():
            ready()
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        app.drain()
        if not serving.done():
            server.stop()
            # A client that has stopped reading would keep the server's connection open for ever.
            seconds = app.parts.config.drain_seconds
            await asyncio.wait({serving, hurrying}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            app.end()
            await asyncio.wait({serving}, timeout=_LAST_WORDS)
    finally:
        for task in (serving, stopping, hurrying):
            task.cancel()
        with suppress(asyncio.CancelledError):
            await serving
        await app.close()


def _server(app: GatewayApp, host: str, port: int) -> Any:  # noqa: ANN401  granian ships no types
    from granian.constants import HTTPModes, Interfaces
    from granian.http import HTTP1Settings
    from granian.log import LogLevels
    from granian.server.embed import Server

    limits = app.parts.config.limits
    return Server(
        app,
        address=host,
        port=port,
        interface=Interfaces.ASGINL,  # the app is closed below, also when the deadline ends the server
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=int(limits.header_seconds * 1000)),
        websockets=False,
        backlog=_BACKLOG,
        # Granian would hold requests back unseen; the gateway's own queue answers 429.
        backpressure=2 * (limits.max_running + limits.max_waiting) + _BACKLOG,
        log_level=LogLevels.error,
    )


async def _listening(host: str, port: int, serving: asyncio.Task[None]) -> None:
    """Waits until connections are taken; granian itself does not say when."""
    while not serving.done():
        try:
            _, writer = await asyncio.open_connection(host, port)
        except OSError:
            await asyncio.sleep(_POLL)
        else:
            writer.close()
            return
