"""Serving: one engine behind an OpenAI-compatible HTTP face, as a child process that never outlives its parent."""

from __future__ import annotations

import signal
import tempfile
import threading
from pathlib import Path
from types import FrameType

from seekforge.core.progress import Progress

_LOOK = 1.0


def serve_forever(model_file: Path, host: str, port: int, name: str, progress: Progress) -> None:
    """Serves until ctrl-C or SIGTERM, then stops the worker and returns.

    Must be called from the main thread, as the worker dies with the thread that started it.

    Args:
        model_file: A GGUF file.
        host: Address to listen on.
        port: Port to listen on.
        name: The model's name for clients.
        progress: Is told `ready http://HOST:PORT` once a real decode has answered.

    Raises:
        ResourceError: The port is taken.
        EngineError: The worker did not start, or ended by itself.
    """
    from seekforge.serve.process import Worker, WorkerSpec

    asked_to_stop = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        asked_to_stop.set()
        raise KeyboardInterrupt

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with tempfile.TemporaryDirectory(prefix="seekforge-") as folder:
            spec = WorkerSpec(str(model_file), name, Path(folder) / "worker.log", host, port)
            progress.say(f"loading {model_file.name}")
            with Worker(spec) as worker:
                progress.say(f"ready {worker.url}")
                while not asked_to_stop.wait(_LOOK):
                    worker.check()
    except KeyboardInterrupt:
        progress.say("stopped")
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
