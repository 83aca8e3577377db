"""Small, careful file handling: hashes, atomic JSON, the full disk as an error of ours."""

from __future__ import annotations

import errno
import hashlib
import json
import math
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from seekforge.core.errors import DataError, InputError, ResourceError

_CHUNK = 1 << 20
_FULL = (errno.ENOSPC, errno.EDQUOT)
_FORBIDDEN = (errno.EACCES, errno.EROFS, errno.EPERM)
_SQLITE_FORBIDDEN = (sqlite3.SQLITE_PERM, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN)
_NO_PLACE = (errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENAMETOOLONG, errno.ELOOP)


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
        with suppress(OSError):  # where nothing could be written nothing is to be taken away
            scratch.unlink()


def write_output(path: Path, text: str) -> None:
    """Writes a file that the user named, atomically; makes its folder."""
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, text)


def read_json(path: Path) -> Any:  # noqa: ANN401  JSON is any of its types
    """Reads one JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


def json_safe(value: Any) -> Any:  # noqa: ANN401  JSON is any of its types
    """A value with null in place of numbers that JSON does not have: not a number, infinite."""
    if isinstance(value, Mapping):
        return {key: json_safe(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [json_safe(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def json_lines(path: Path, what: str, mend: str) -> Iterator[tuple[str, Any]]:
    """Each line's place, `FILE:LINE`, and its JSON value; blank lines are left out.

    Args:
        path: The file.
        what: What the message calls a line that is no JSON.
        mend: How the message says to mend one.

    Raises:
        DataError: A line is no JSON, or the file is no UTF-8 text.
    """
    number = 0
    try:
        with path.open(encoding="utf-8-sig") as file:  # lines end at \n only; `splitlines` would cut at U+2028 too
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield f"{path}:{number}", json.loads(line)
    except UnicodeDecodeError as error:
        raise DataError("not UTF-8 text", where=str(path), mend="Save the file as UTF-8") from error
    except (ValueError, RecursionError) as error:
        raise DataError(what, where=f"{path}:{number}", mend=mend) from error


@contextmanager
def full_disk(path: Path) -> Iterator[None]:
    """Turns "no space left" into one line for the user, also where a library wraps it in an error of its own."""
    try:
        yield
    except Exception as error:
        if (
            getattr(error, "errno", None) in _FULL
            or _sqlite_code(error) == sqlite3.SQLITE_FULL
            or os.strerror(errno.ENOSPC) in str(error)
        ):
            raise ResourceError(
                "no space left on the disk", where=str(path), mend="Free some space and run the same command again"
            ) from error
        raise


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turns "no space left", "permission denied" and a path that cannot be into one line, also where SQLite says it."""
    try:
        with full_disk(path):
            yield
    except OSError as error:
        if error.errno in _FORBIDDEN:
            raise ResourceError(
                "cannot write here", where=str(path), mend="Choose a folder that you may write"
            ) from error
        if error.errno in _NO_PLACE:
            reason = os.strerror(error.errno).lower()
            what = (
                f"cannot be written: {reason}: {error.filename}" if error.filename else f"cannot be written: {reason}"
            )
            raise InputError(what, where=str(path), mend="Choose another path") from error
        raise
    except sqlite3.Error as error:
        if (code := _sqlite_code(error)) in _SQLITE_FORBIDDEN:
            mend = "Choose a folder that you may write"
            raise ResourceError(f"cannot write here: {error}", where=str(path), mend=mend) from error
        if code == sqlite3.SQLITE_IOERR:
            raise ResourceError(str(error), where=str(path), mend="See whether the disk is full or fails") from error
        raise


def _sqlite_code(error: Exception) -> int:
    """SQLite's primary result code; 0 for another library's error."""
    return (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF


def check_output(path: Path, inputs: Iterable[Path] = ()) -> None:
    """Looks, before long work, whether a file can be written.

    Args:
        path: The file.
        inputs: What the file is made from, and must not take the place of.

    Raises:
        InputError: There is something else of this name, it is one of the inputs, or the path leads through a file.
        ResourceError: There is no permission.
    """
    if path.exists() and not path.is_file():
        what = "a folder, not a file" if path.is_dir() else "a device, not a file"
        raise InputError(what, where=str(path), mend="Name a file to write")
    if path.exists() and any(file.exists() and file.samefile(path) for file in inputs):
        raise InputError("is read and would be written over", where=str(path), mend="Name another file to write")
    there = next(folder for folder in path.absolute().parents if folder.exists())
    with disk_errors(path):
        if not there.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, "", str(there))
        if not os.access(there, os.W_OK):
            raise PermissionError(errno.EACCES, "", str(there))
