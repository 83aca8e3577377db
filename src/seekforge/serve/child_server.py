"""A server as a child process: started, waited for, and gone when the block is left, however it is left."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from seekforge.core.errors import EngineError, InputError, ResourceError
from seekforge.core.files import disk_errors

_POLL = 0.05
_LAST_LINES = 5
_LONGEST_TAIL = 64 << 10


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


def ask(host: str, port: int, path: str, body: Any = None, seconds: float = 15.0) -> tuple[int, bytes]:  # noqa: ANN401
    """One request of a probe: the status and the body; `(0, b"")` where nobody answers.

    Args:
        host: The server's address.
        port: The server's port.
        path: What is asked for.
        body: JSON for POST; None is GET.
        seconds: How long it may take.
    """
    connection = http.client.HTTPConnection(host, port, timeout=seconds)
    try:
        if body is None:
            connection.request("GET", path)
        else:
            connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException):
        return 0, b""
    finally:
        connection.close()


@dataclass(frozen=True, slots=True)
class ChildPlan:
    """How one server is run.

    Attributes:
        title: What messages call it (`the worker`).
        command: The command for a host and a port.
        problem: Asks it, by its host and port, for a real answer: why it is not ready, or None when it is.
        where: What it serves, for messages.
        log: File that takes what it writes.
        host: Address to listen on.
        port: Port to listen on; None takes a free one.
        ready_seconds: How long it may take to be ready.
        stop_seconds: How long it may take to end by itself before it is killed.
        environment: Its environment; None is ours.
        input_status: It ends with this status, and its last line says why, when what it was given is no use; None for
            programs of others.
    """

    title: str
    command: Callable[[str, int], Sequence[str]]
    problem: Callable[[str, int], str | None]
    where: str
    log: Path
    host: str = "127.0.0.1"
    port: int | None = None
    ready_seconds: float = 300.0
    stop_seconds: float = 10.0
    environment: Mapping[str, str] | None = None
    input_status: int | None = None


class ChildServer:
    """A running server, as a context manager.

    Args:
        plan: How it is run.

    Attributes:
        start_seconds: From the start of the process to its first real answer.
    """

    def __init__(self, plan: ChildPlan) -> None:
        self._plan = plan
        self._port = 0
        self._process: subprocess.Popen[bytes] | None = None
        self.start_seconds = 0.0

    @property
    def url(self) -> str:
        """`http://host:port`, once entered."""
        return f"http://{self._plan.host}:{self._port}"

    @property
    def pid(self) -> int | None:
        """The child's process id, which is its group's too; None when there is no child."""
        return self._process.pid if self._process is not None else None

    def __enter__(self) -> Self:
        """Starts the server and returns when it has given a real answer.

        Raises:
            ResourceError: The port is taken.
            InputError: It ended because what it was given is wrong; the message is its own.
            EngineError: It ended or was not ready in time; the message has the end of its log.
        """
        plan = self._plan
        self._port = free_port(plan.host) if plan.port is None else plan.port
        check_port(plan.host, self._port)
        started = time.monotonic()
        try:
            self._process = self._spawn()
            self._wait_until_ready(started + plan.ready_seconds)
        except BaseException:  # ctrl-C while it loads must not leave it behind either
            self.stop()
            raise
        self.start_seconds = time.monotonic() - started
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stops the server."""
        self.stop()

    def stop(self) -> None:
        """Asks the group to end, then kills it; harmless when it is gone."""
        process, self._process = self._process, None
        if process is None:
            return
        _signal_group(process.pid, signal.SIGTERM)
        try:
            process.wait(self._plan.stop_seconds)
        except subprocess.TimeoutExpired:
            pass
        finally:
            _signal_group(process.pid, signal.SIGKILL)  # the rest of the group, and the leader if it did not listen
            process.wait()

    def check(self) -> None:
        """Looks whether it still runs.

        Raises:
            EngineError: It has ended; the message has the end of its log.
        """
        if self._process is not None and self._process.poll() is not None:
            raise EngineError(f"{self._plan.title} ended with status {self._process.returncode}: {self.log_tail()}")

    def log_tail(self) -> str:
        """The last lines of its log."""
        lines = self.log_text().split("\n")
        return " | ".join(lines[-_LAST_LINES - 1 :]).strip(" |") or "its log is empty"

    def log_text(self) -> str:
        """The end of its log, at most 64 KiB."""
        log = self._plan.log
        if not log.exists():
            return ""
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _LONGEST_TAIL))
            return file.read().decode("utf-8", errors="replace")

    def _check_input(self) -> None:
        """Raises in the child's own words what is wrong with its input, which is no failure of an engine."""
        status = None if self._process is None else self._process.poll()
        if status is not None and status == self._plan.input_status:
            *_, said = self.log_text().strip().splitlines() or [""]
            if said:
                raise InputError(said)

    def _spawn(self) -> subprocess.Popen[bytes]:
        plan = self._plan
        with disk_errors(plan.log):
            if plan.log.exists():  # of the one before, which may have died of what it says
                plan.log.replace(plan.log.with_name(f"{plan.log.name}.1"))
        with disk_errors(plan.log), plan.log.open("wb") as log:
            return subprocess.Popen(
                [*plan.command(plan.host, self._port)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # its own group, so that ctrl-C goes to us alone and a kill takes all of it
                env=None if plan.environment is None else {**plan.environment},
            )

    def _wait_until_ready(self, deadline: float) -> None:
        plan = self._plan
        while (problem := plan.problem(plan.host, self._port)) is not None:
            self._check_input()
            self.check()
            if time.monotonic() > deadline:
                raise EngineError(
                    f"{plan.title} was not ready within {plan.ready_seconds:g} s ({problem}): {self.log_tail()}",
                    where=plan.where,
                )
            time.sleep(_POLL)


def _signal_group(group: int, number: signal.Signals) -> None:
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return
