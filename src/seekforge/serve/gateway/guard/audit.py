"""The record of what the guard did: who and what only as far as it can be traced with the key, never in plain text."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, Protocol

from seekforge.core.errors import ResourceError

FILE, SALT = "guard.jsonl", "salt"
_SALT_BYTES = 32


@dataclass(frozen=True, slots=True)
class Event:
    """One hit.

    Attributes:
        request_id: The request that it belongs to.
        user: The caller's public id; written as a keyed hash.
        direction: Of the text that was hit.
        source: The list's name and version, or `input`.
        rule: The list's line (`line 12`), or the rule's name. Never the word.
        action: What was done.
        param: Where in the request.
    """

    request_id: str
    user: str
    direction: Literal["input", "output"]
    source: str
    rule: str
    action: str
    param: str | None = None


class Audit(Protocol):
    """Where hits are written down."""

    def write(self, event: Event) -> None:
        """Writes it down, or raises: a hit that leaves no trace must not pass."""


class AuditLog:
    """JSON lines in a folder that only its owner reads.

    The file is opened for every record, so it may be rotated by renaming. Records of several processes do not mix.

    Args:
        folder: Made when it is missing, with the key for users' hashes in it.
        clock: Seconds since the epoch.

    Raises:
        ResourceError: The folder cannot be written, or its key is damaged.
    """

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time) -> None:
        self._path, self._clock = folder / FILE, clock
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._salt = _salt(folder / SALT)
            os.close(self._open())
        except OSError as error:
            raise ResourceError(
                f"the audit record cannot be written ({error.strerror})", where=str(folder), mend="Check `audit`"
            ) from error

    def write(self, event: Event) -> None:
        """Appends one line.

        Raises:
            OSError: It was not written, or not all of it.
        """
        record = {
            "time": datetime.fromtimestamp(self._clock(), UTC).isoformat(timespec="milliseconds"),
            "request": event.request_id,
            "user": self.hashed(event.user),
            "direction": event.direction,
            "source": event.source,
            "rule": event.rule,
            "action": event.action,
        }
        if event.param is not None:
            record["param"] = event.param
        line = json.dumps(record, separators=(",", ":")).encode() + b"\n"
        descriptor = self._open()
        try:
            if os.write(descriptor, line) != len(line):
                raise OSError("the audit record was written only in part")
        finally:
            os.close(descriptor)

    def hashed(self, user: str) -> str:
        """How the record names a user: HMAC-SHA-256 under the folder's key."""
        return hmac.new(self._salt, user.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()

    def _open(self) -> int:
        return os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _salt(path: Path) -> bytes:
    """The key, made once: written beside its place and linked there whole, so that no process reads half of it."""
    if not path.exists():
        fresh = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, secrets.token_bytes(_SALT_BYTES))
            os.fsync(descriptor)
            with suppress(FileExistsError):  # another process was first
                os.link(fresh, path)
        finally:
            os.close(descriptor)
            fresh.unlink()
    salt = path.read_bytes()
    if len(salt) != _SALT_BYTES:
        raise ResourceError("the audit's key is damaged", where=str(path), mend="Move it away; users get new hashes")
    return salt
