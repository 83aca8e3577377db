"""A study's API as a process: granian embedded, until SIGTERM or SIGINT."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable

from fastapi import FastAPI

_POLL = 0.01
_LAST_SECONDS = 5.0  # for requests under way


async def serve(app: FastAPI, host: str, port: int, ready: Callable[[], None]) -> None:
    """Serves until it is told to stop; what was acknowledged by then is on the disk, as ever.

    Args:
        app: From `create_app`.
        host: Address to listen on.
        port: Port to listen on, which must be free.
        ready: Called once it listens.
    """
    from granian.constants import HTTPModes, Interfaces
    from granian.log import LogLevels
    from granian.server.embed import Server

    server = Server(
        app,
        address=host,
        port=port,
        interface=Interfaces.ASGINL,
        http=HTTPModes.http1,
        websockets=False,
        log_level=LogLevels.error,
    )
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    serving, stopping = asyncio.create_task(server.serve()), asyncio.create_task(stop.wait())
    try:
        await _listening(host, port, serving)
        if not serving.done():
            ready()
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        server.stop()
        await asyncio.wait({serving}, timeout=_LAST_SECONDS)
    finally:
        stopping.cancel()
        serving.cancel()


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
