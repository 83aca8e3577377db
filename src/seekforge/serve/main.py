"""The worker as a process: loads the engine, serves until it is told to stop, frees everything."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from fastapi import FastAPI

from seekforge.core.errors import ConfigError, SeekforgeError
from seekforge.core.parents import die_with
from seekforge.engines.protocol import Engine

if TYPE_CHECKING:
    from seekforge.serve.lifecycle import WarmUp

FAKE = "fake"
_CONNECTIONS = 4096  # besides those whose requests are taken


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one worker until SIGTERM or SIGINT; returns the exit status."""
    return run(_parser().parse_args(arguments), _run)


def run(options: argparse.Namespace, work: Callable[[argparse.Namespace], None]) -> int:
    """Does a worker's work; it dies with `options.parent`. Returns the exit status."""
    if options.parent is not None:
        die_with(options.parent)
    try:
        work(options)
    except SeekforgeError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


def main_and_leave(main: Callable[[], int] = main) -> NoReturn:
    """Runs one worker's `main` and ends the process without taking Python down first.

    The server's own threads may still be about to take Python's lock, and abort the process (status -6) where they find
    it gone. All that is ours is closed by then.
    """
    status = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _run(options: argparse.Namespace) -> None:
    from seekforge.serve.warm import read_warm, warm_up

    model, running = _model(options)
    conversations = [] if options.warm is None else read_warm(options.warm)
    engine = _engine(model, running, prefix_caching=not options.no_prefix_caching)
    try:
        import uvloop

        from seekforge.serve.intake import Limits
        from seekforge.serve.worker import create_app

        limits = Limits(
            running, options.max_waiting, options.answer_seconds, options.send_seconds, options.body_seconds
        )
        app = create_app(engine, options.name or Path(model).stem, limits, _fingerprint(model))
        warm = (lambda said: warm_up(engine, conversations, said)) if conversations else None
        uvloop.run(serve(app, options, warm))
    finally:
        engine.close()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m seekforge.serve.worker", description="Serve one model over HTTP.")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--model", help=f"a .gguf file, or `{FAKE}` for an engine that echoes (`{FAKE}:0.1`: every 0.1 s)"
    )
    source.add_argument("--config", type=Path, help="a single-machine JSON file: device, batch_size, precision ...")
    add_common(parser)
    parser.add_argument("--warm", type=Path, help="JSON lines of conversations to read before it is ready")
    parser.add_argument("--max-running", type=int, default=64, help="requests decoded at once")
    parser.add_argument("--no-prefix-caching", action="store_true", help="compute every prompt from its beginning")
    parser.add_argument("--send-seconds", type=float, default=30.0, help="how long a client may leave a piece unread")
    return parser


def add_common(parser: argparse.ArgumentParser) -> None:
    """The options that every worker has."""
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--name", help="the model's name for clients; by default the file's")
    parser.add_argument("--parent", type=int, help="die when this process does")
    parser.add_argument("--max-waiting", type=int, default=256, help="requests that may wait; more get 429")
    parser.add_argument("--answer-seconds", type=float, default=600.0, help="longest time for one answer")
    parser.add_argument("--body-seconds", type=float, default=30.0, help="how long a request's body may take")
    parser.add_argument("--drain-seconds", type=float, default=30.0, help="for running answers, once told to stop")


def _model(options: argparse.Namespace) -> tuple[str, int]:
    """The model and how many requests run at once, from the options or from the file that they name."""
    if options.config is None:
        return options.model, options.max_running
    from seekforge.core.config.single_machine import load_single_machine
    from seekforge.serve.machine import check_precision

    settings = load_single_machine(options.config)
    where = str(options.config)
    if settings.device != "cpu":
        raise ConfigError(
            "device: this worker computes on the CPU", where=where, mend='Write "cpu", or serve the folder by vLLM'
        )
    if settings.model.is_dir():
        raise ConfigError(
            "engine_path: this worker loads .gguf files", where=where, mend="`seekforge serve FOLDER` writes one"
        )
    check_precision(settings, where)
    return str(settings.model), settings.max_running


def _is_fake(model: str) -> bool:
    return model == FAKE or model.startswith(f"{FAKE}:")


def _fingerprint(model: str) -> str | None:
    if _is_fake(model):
        return None
    from seekforge.core.models import fingerprint, resolve

    return f"fp_{fingerprint(resolve(model))[:12]}"


def _engine(model: str, running: int, *, prefix_caching: bool) -> Engine:
    if _is_fake(model):
        from seekforge.engines.fake import FakeEngine

        return FakeEngine(context_length=1 << 20, token_seconds=float(model.partition(":")[2] or 0))
    from seekforge.core.config import environment
    from seekforge.engines.openvino import OpenVinoEngine

    cache = environment().cache
    return OpenVinoEngine(Path(model), max_running=running, prefix_caching=prefix_caching, cache=cache, serving=True)


async def serve(app: FastAPI, options: argparse.Namespace, warm_up: WarmUp | None = None) -> None:
    """Serves a worker's app, whose `state.service` is what answers, until it is told to stop."""
    from granian.constants import HTTPModes, Interfaces
    from granian.log import LogLevels
    from granian.server.embed import Server

    from seekforge.serve.lifecycle import live

    # Embedded, because the engine lives in this process; a server that forks would have to load it again.
    server = Server(
        app,
        address=options.host,
        port=options.port,
        interface=Interfaces.ASGINL,
        http=HTTPModes.http1,
        backlog=_CONNECTIONS,
        # Granian would leave further connections unanswered, by default above 128; the intake answers 429.
        backpressure=_CONNECTIONS + options.max_waiting,
        log_level=LogLevels.error,
    )
    await live(server, app.state.service, options.drain_seconds, warm_up)
