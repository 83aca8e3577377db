"""Locks that the kernel takes back when their process dies, kill -9 included."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from seekforge.core.errors import ResourceError, SeekforgeError
from seekforge.core.files import disk_errors


@contextmanager
def waiting(path: Path) -> Iterator[None]:
    """Holds the lock, after whoever has it now."""
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    with disk_errors(path), path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def take(path: Path) -> IO[str] | None:
    """The lock, as an open file that holds it until it is closed; None while another process lives that has it."""
    while True:
        with disk_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            file = path.open("w")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return None
        if _stands(file, path):
            return file
        file.close()  # whoever had it removed it (`alone`) between our opening and locking it


def _stands(file: IO[str], path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


@contextmanager
def held(path: Path, busy: SeekforgeError) -> Iterator[None]:
    """Holds the lock; raises `busy` where another process has it."""
    file = take(path)
    if file is None:
        raise busy
    with file:
        yield


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Makes a folder and keeps a second command out of it; nothing but a kill -9 leaves the lock's file there.

    Raises:
        ResourceError: Another one is working there, or it cannot be written.
        InputError: There can be no such folder.
    """
    mend = "Wait for it, or name another folder with --out"
    busy = ResourceError("another command is working in this folder", where=str(folder), mend=mend)
    lock = folder / ".lock"
    with held(lock, busy):
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)
