"""Servers as child processes of a benchmark."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import psutil

from seekforge.core.errors import SeekforgeError


@contextlib.contextmanager
def server(
    command: Sequence[str], url: str, log: Path, seconds: float, environment: Mapping[str, str] | None = None
) -> Iterator[psutil.Process]:
    """A server as a child process, from its first answer to the end of the block.

    Args:
        command: What starts it.
        url: Answers 200 once it serves.
        log: Takes what it writes.
        seconds: How long it may take to start.
        environment: Further variables for it.

    Raises:
        SeekforgeError: It did not start; the message has the end of its log.
    """
    variables = {**os.environ, **(environment or {})}
    with log.open("wb") as file:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, env=variables)
    try:
        until = time.monotonic() + seconds
        while not _answers(url):
            if child.poll() is not None or time.monotonic() > until:
                raise SeekforgeError(f"it did not start: {log.read_text()[-400:]}", where=command[0])
            time.sleep(0.1)
        yield psutil.Process(child.pid)
    finally:
        child.terminate()
        try:
            child.wait(30)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return bool(response.status == 200)
    except OSError:
        return False
