"""The started command as its users meet it: `seekforge serve` in a process of its own."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil
from tests.patience import LONG
from tests.serve.gateway.harness import Answer, Client
from tests.serve.processes import survivors

from seekforge.core.errors import SeekforgeError
from seekforge.serve.child_server import check_port

READY_SECONDS = 600.0
# Below those that the system gives away by itself: other tests take such a one before the process here has it.
_PORTS = range(20_000, 32_000)


def quiet_port() -> int:
    """A port of that range that nothing listens on now."""
    while True:
        port = random.SystemRandom().choice(_PORTS)
        try:
            check_port("127.0.0.1", port)
        except SeekforgeError:
            continue
        return port


class Served:
    """A running `seekforge serve`.

    Attributes:
        client: Of its port.
        folder: Where it writes.
        ready_after: Seconds from the start to `ready`.
    """

    def __init__(self, folder: Path, arguments: tuple[str, ...], settings: Mapping[str, Any] | None, cwd: Path) -> None:
        port = quiet_port()
        command = [sys.executable, "-m", "seekforge.cli.app", "serve", *arguments, "--port", str(port)]
        file = cwd / "endpoint.yaml"
        file.write_text(json.dumps({"folder": str(folder), **(settings or {})}))
        if "--config" not in arguments:
            command += ["--config", str(file)]
        self.folder, self.client = folder, Client(port)
        self._errors = (cwd / "stderr").open("w+b")
        started = time.monotonic()
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self._errors, text=True, cwd=cwd)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        self.ready_after = time.monotonic() - started
        assert line == f"ready http://127.0.0.1:{port}\n", self.errors

    @property
    def errors(self) -> str:
        """What it wrote to standard error."""
        self._errors.flush()
        return Path(str(self._errors.name)).read_text()

    @property
    def worker(self) -> psutil.Process:
        """The engine's process."""
        (child,) = self.children("seekforge.serve.worker")
        return child

    def children(self, module: str) -> list[psutil.Process]:
        """Its children that run a module now."""
        found = []
        for child in psutil.Process(self.process.pid).children():
            with contextlib.suppress(psutil.Error):  # it has just ended
                if module in child.cmdline():
                    found.append(child)
        return found

    def has_another(self, module: str, before: int) -> bool:
        """Whether the module runs in another process than before."""
        return any(child.pid != before for child in self.children(module))

    def chat(self, text: str = "hello 你好", key: str | None = None, **fields: Any) -> Answer:
        body = {"messages": [{"role": "user", "content": text}], **fields}
        headers = {} if key is None else {"authorization": f"Bearer {key}"}
        return self.client.send("POST", "/v1/chat/completions", json.dumps(body).encode(), **headers)

    def end(self, number: int = signal.SIGTERM, seconds: float = LONG) -> int:
        """Sends a signal and waits for the end; nothing of it may be left."""
        family = [psutil.Process(self.process.pid), *psutil.Process(self.process.pid).children(recursive=True)]
        os.kill(self.process.pid, number)
        code = self.process.wait(seconds)
        assert survivors(family) == []
        return code


@contextlib.contextmanager
def serving(tmp_path: Path, *arguments: str, settings: Mapping[str, Any] | None = None) -> Iterator[Served]:
    """The command, ready; killed at the end if it still runs.

    Args:
        tmp_path: Its working folder; it writes to `out` in it.
        arguments: Of `seekforge serve`, without the port.
        settings: Of the endpoint's file.
    """
    served = None
    try:
        served = Served(tmp_path / "out", arguments, settings, tmp_path)
        yield served
    finally:
        if served is not None and served.process.poll() is None:
            served.process.kill()
            served.process.wait()


def fails(cwd: Path, *arguments: str) -> tuple[int, str]:
    """A command that must end by itself: its status, and the one line that it says."""
    command = [sys.executable, "-m", "seekforge.cli.app", "serve", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=READY_SECONDS, cwd=cwd)
    assert done.stdout == ""
    return done.returncode, done.stderr
