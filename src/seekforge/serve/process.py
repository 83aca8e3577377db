"""Our worker as a child process."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from seekforge.core.errors import InputError
from seekforge.serve.child_server import ChildPlan, ChildServer, ask
from seekforge.serve.child_server import check_port as check_port
from seekforge.serve.child_server import free_port as free_port


@dataclass(frozen=True, slots=True)
class WorkerSpec:
    """What to serve and where.

    Attributes:
        model: A .gguf file, or `fake`; with `module` an embedder's reference.
        name: The model's name for clients.
        log: File that takes what the worker writes.
        host: Address to listen on.
        port: Port to listen on; None takes a free one.
        ready_seconds: How long loading and the first decode may take.
        stop_seconds: How long it may take to end by itself before it is killed; running answers get all but the last
            second of it.
        warm: JSON lines of conversations that it reads before it is ready.
        options: More of the worker's own options (`("--max-waiting", "8")`).
        module: Which worker: `seekforge.serve.worker` answers, `seekforge.serve.embed` embeds.
        title: What messages call it.
    """

    model: str
    name: str
    log: Path
    host: str = "127.0.0.1"
    port: int | None = None
    ready_seconds: float = 300.0
    stop_seconds: float = 10.0
    warm: Path | None = None
    options: tuple[str, ...] = ()
    module: str = "seekforge.serve.worker"
    title: str = "the worker"


class Worker(ChildServer):
    """A running worker, as a context manager.

    Args:
        spec: What to serve and where.
    """

    def __init__(self, spec: WorkerSpec) -> None:
        super().__init__(
            ChildPlan(
                title=spec.title,
                command=lambda host, port: _command(spec, host, port),
                problem=_problem,
                where=spec.model,
                log=spec.log,
                host=spec.host,
                port=spec.port,
                ready_seconds=spec.ready_seconds,
                stop_seconds=spec.stop_seconds,
                input_status=InputError.exit_code,
            )
        )


def _problem(host: str, port: int) -> str | None:
    status, _ = ask(host, port, "/readyz")
    if status == 200:
        return None
    return "nothing answers" if status == 0 else f"/readyz said {status}"


def _command(spec: WorkerSpec, host: str, port: int) -> Sequence[str]:
    worker = [sys.executable, "-m", spec.module, "--parent", str(os.getpid())]
    drain = max(0.0, spec.stop_seconds - 1)
    warm = [] if spec.warm is None else ["--warm", str(spec.warm)]
    what = ["--model", spec.model, "--name", spec.name, "--drain-seconds", str(drain)]
    return [*worker, *what, *warm, *spec.options, "--host", host, "--port", str(port)]
