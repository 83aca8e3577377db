"""A worker as a child process: started, waited for, and gone when the block is left, however it is left."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from seekforge.core.errors import EngineError, ResourceError
from seekforge.core.files import disk_errors

_POLL = 0.05
_LAST_LINES = 5


def free_port(host: str = "127.0.0.1") -> int:
    """A port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def check_port(host: str, port: int) -> None:
    """Refuses a port that another process listens on.

    The server itself would not notice: it binds with SO_REUSEPORT, and the kernel would share the connections out.

    Raises:
        ResourceError: The port is taken, or the address is none of this machine's.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ResourceError(
                f"port {port} is taken or not allowed ({error.strerror})",
                where=host,
                mend="Stop what uses it or use --port with another",
            ) from error


@dataclass(frozen=True, slots=True)
class WorkerSpec:
    """What to serve and where.

    Attributes:
        model: A .gguf file, or `fake`.
        name: The model's name for clients.
        log: File that takes what the worker writes.
        host: Address to listen on.
        port: Port to listen on; None takes a free one.
        ready_seconds: How long loading and the first decode may take.
        stop_seconds: How long it may take to end by itself before it is killed.
    """

    model: str
    name: str
    log: Path
    host: str = "127.0.0.1"
    port: int | None = None
    ready_seconds: float = 300.0
    stop_seconds: float = 10.0


class Worker:
    """A running worker, as a context manager.

    Args:
        spec: What to serve and where.

    Attributes:
        url: Where it answers, once entered.
        start_seconds: From the start of the process to the first decoded token.
    """

    def __init__(self, spec: WorkerSpec) -> None:
        self._spec = spec
        self._port = 0
        self._process: subprocess.Popen[bytes] | None = None
        self.start_seconds = 0.0

    @property
    def url(self) -> str:
        """`http://host:port`."""
        return f"http://{self._spec.host}:{self._port}"

    @property
    def pid(self) -> int | None:
        """The child's process id, which is its group's too; None when there is no child."""
        return self._process.pid if self._process is not None else None

    def __enter__(self) -> Worker:
        """Starts the worker and returns when it has decoded a token.

        Raises:
            ResourceError: The port is taken.
            EngineError: It ended or was not ready in time; the message has the end of its log.
        """
        self._port = free_port(self._spec.host) if self._spec.port is None else self._spec.port
        check_port(self._spec.host, self._port)
        started = time.monotonic()
        try:
            self._process = self._spawn()
            self._wait_until_ready(started + self._spec.ready_seconds)
        except BaseException:  # ctrl-C while it loads must not leave it behind either
            self.stop()
            raise
        self.start_seconds = time.monotonic() - started
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stops the worker."""
        self.stop()

    def stop(self) -> None:
        """Asks the group to end, then kills it; harmless when it is gone."""
        process, self._process = self._process, None
        if process is None:
            return
        _signal_group(process.pid, signal.SIGTERM)
        try:
            process.wait(self._spec.stop_seconds)
        except subprocess.TimeoutExpired:
            pass
        finally:
            _signal_group(process.pid, signal.SIGKILL)  # the rest of the group, and the worker if it did not listen
            process.wait()

    def check(self) -> None:
        """Looks whether it still runs.

        Raises:
            EngineError: It has ended; the message has the end of its log.
        """
        if self._process is not None and self._process.poll() is not None:
            raise EngineError(f"the worker ended with status {self._process.returncode}: {self.log_tail()}")

    def log_tail(self) -> str:
        """The last lines of its log."""
        text = self._spec.log.read_text(encoding="utf-8", errors="replace") if self._spec.log.exists() else ""
        return " | ".join(text.split("\n")[-_LAST_LINES - 1 :]).strip(" |") or "its log is empty"

    def _spawn(self) -> subprocess.Popen[bytes]:
        spec = self._spec
        with disk_errors(spec.log), spec.log.open("wb") as log:
            return subprocess.Popen(
                [*_command(spec.model, spec.name), "--host", spec.host, "--port", str(self._port)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # its own group, so that ctrl-C goes to us alone and a kill takes all of it
            )

    def _wait_until_ready(self, deadline: float) -> None:
        while not self._is_ready():
            self.check()
            if time.monotonic() > deadline:
                waited = f"{self._spec.ready_seconds:g} s"
                raise EngineError(
                    f"the worker was not ready within {waited}: {self.log_tail()}", where=self._spec.model
                )
            time.sleep(_POLL)

    def _is_ready(self) -> bool:
        connection = http.client.HTTPConnection(self._spec.host, self._port, timeout=15)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def _command(model: str, name: str) -> Sequence[str]:
    worker = [sys.executable, "-m", "seekforge.serve.worker", "--parent", str(os.getpid())]
    return [*worker, "--model", model, "--name", name]


def _signal_group(group: int, number: signal.Signals) -> None:
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return
