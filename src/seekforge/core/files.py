"""Small, careful file handling: hashes, atomic JSON, the full disk as an error of ours."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from seekforge.core.errors import ResourceError

_CHUNK = 1 << 20
_FULL = (errno.ENOSPC, errno.EDQUOT)


def sha256_file(path: Path) -> str:
    """SHA-256 of a file's bytes, 64 hex digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def sha256_json(value: object) -> str:
    """SHA-256 of a value's canonical JSON, so that equal values have equal hashes."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def write_json(path: Path, value: object) -> None:
    """Writes JSON so that a reader sees the old file or the new one, never half of one."""
    write_text(path, json.dumps(value, ensure_ascii=False, indent=2, default=str) + "\n")


def write_text(path: Path, text: str) -> None:
    """Writes text atomically (temporary file beside it, fsync, rename)."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with disk_errors(path):
            with scratch.open("w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)


def read_json(path: Path) -> Any:  # noqa: ANN401  JSON is any of its types
    """Reads one JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


@contextmanager
def full_disk(path: Path) -> Iterator[None]:
    """Turns "no space left" into one line for the user, also where a library wraps it in an error of its own."""
    try:
        yield
    except Exception as error:
        if getattr(error, "errno", None) in _FULL or os.strerror(errno.ENOSPC) in str(error):
            raise ResourceError(
                "no space left on the disk", where=str(path), mend="Free some space and run the same command again"
            ) from error
        raise


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turns "no space left" and "permission denied" into one line for the user."""
    try:
        with full_disk(path):
            yield
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EROFS, errno.EPERM):
            raise ResourceError(
                "cannot write here", where=str(path), mend="Choose a folder that you may write"
            ) from error
        raise
