"""The worker as a process: loads the engine, serves until it is told to stop, frees everything."""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from fastapi import FastAPI

from seekforge.core.errors import SeekforgeError
from seekforge.engines.protocol import Engine

FAKE = "fake"
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one worker until SIGTERM or SIGINT; returns the exit status."""
    options = _parser().parse_args(arguments)
    if options.parent is not None:
        _die_with(options.parent)
    try:
        engine = _engine(options.model)
    except SeekforgeError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    try:
        from seekforge.serve.worker import create_app

        asyncio.run(_serve(create_app(engine, options.name or Path(options.model).stem), options.host, options.port))
    finally:
        engine.close()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m seekforge.serve.worker", description="Serve one model over HTTP.")
    parser.add_argument("--model", required=True, help=f"a .gguf file, or `{FAKE}` for an engine that echoes")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--name", help="the model's name for clients; by default the file's")
    parser.add_argument("--parent", type=int, help="die when this process does")
    return parser


def _engine(model: str) -> Engine:
    if model == FAKE:
        from seekforge.engines.fake import FakeEngine

        return FakeEngine()
    from seekforge.engines.openvino import OpenVinoEngine

    return OpenVinoEngine(Path(model))


def _die_with(parent: int) -> None:
    """Has the kernel kill this process when the thread that started it ends, however that happens.

    A parent that is killed with -9 cannot clean up, and a worker that outlived it would keep its port and its memory.
    Called here and not between fork and exec, where Python code can deadlock; if the parent died in the meantime, the
    kernel has nothing left to tell, hence the look at who the parent is now.
    """
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


async def _serve(app: FastAPI, host: str, port: int) -> None:
    from granian.constants import Interfaces
    from granian.log import LogLevels
    from granian.server.embed import Server

    # Embedded, because the engine lives in this process; a server that forks would have to load it again.
    server = Server(app, address=host, port=port, interface=Interfaces.ASGINL, log_level=LogLevels.error)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.stop)
    await server.serve()
