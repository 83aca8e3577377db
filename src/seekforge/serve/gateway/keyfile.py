"""The key file: one JSON object a line, hashes only, changed by one process at a time and never half written."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import secrets
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from seekforge.core.config import KeyEntry, validate
from seekforge.core.errors import ConfigError, InputError
from seekforge.core.files import disk_errors
from seekforge.core.registry import nearest

PREFIX = "sk-sf-"
OTHERS_WRITE, OTHERS_READ = stat.S_IWGRP | stat.S_IWOTH, stat.S_IRGRP | stat.S_IROTH
_PRIVATE = 0o600
_HEAD = "# Keys of the gateway, hashes only. Changed by `seekforge keys`; may be edited by hand."


def new_key() -> str:
    """A fresh key: 256 random bits after `sk-sf-`."""
    return PREFIX + secrets.token_urlsafe(32)


def digest(key: str) -> str:
    """What stands in the file for a key: `sha256:` and 64 hex digits."""
    # A slow hash guards passwords, which can be guessed. 256 random bits cannot, however quick a guess is, and this
    # runs for every request.
    return f"sha256:{hashlib.sha256(key.encode('utf-8', 'surrogatepass')).hexdigest()}"


@dataclass(frozen=True, slots=True)
class KeyFile:
    """A key file as it was read.

    Attributes:
        entries: In the file's order.
        comments: Its lines that begin with `#`.
        mode: Its permission bits.
    """

    entries: tuple[KeyEntry, ...]
    comments: tuple[str, ...]
    mode: int


def read(path: Path) -> KeyFile:
    """Reads a key file.

    Raises:
        ConfigError: There is no such file, one of its lines is wrong, or it was emptied.
    """
    try:
        with path.open(encoding="utf-8") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            lines = [(number, line.strip()) for number, line in enumerate(file, 1) if line.strip()]
    except OSError as error:
        mend = f"Make one: seekforge keys add --file {path} --id NAME"
        raise ConfigError(f"cannot read the key file: {error.strerror}", where=str(path), mend=mend) from error
    except UnicodeDecodeError as error:
        raise ConfigError("not UTF-8 text", where=str(path), mend="Save the file as UTF-8") from error
    if not lines:
        # Half of a save looks like this. A file whose last key was revoked keeps its comment.
        raise ConfigError("the key file is empty", where=str(path), mend=f"Begin it with the line: {_HEAD}")
    comments = tuple(line for _, line in lines if line.startswith("#"))
    entries = tuple(_entry(line, f"{path}:{number}") for number, line in lines if not line.startswith("#"))
    _check_unique(entries, path)
    return KeyFile(entries, comments, mode)


def _check_unique(entries: Sequence[KeyEntry], path: Path) -> None:
    seen: set[str] = set()
    for entry in entries:
        if entry.hash in seen:
            raise ConfigError(f"the key of '{entry.id}' stands here twice", where=str(path), mend="Delete one line")
        seen.add(entry.hash)


def add(path: Path, entry: Callable[[str], KeyEntry]) -> str:
    """Makes a key and its entry, and the file if there is none. Returns the key, which nobody can find out later.

    Args:
        path: The key file.
        entry: From the key's hash to its entry.

    Raises:
        InputError: The id is taken.
    """
    key = new_key()
    fresh = entry(digest(key))
    with _editing(path, create=True) as entries:
        if any(known.id == fresh.id for known in entries):
            mend = f"`seekforge keys rotate {fresh.id} --file {path}` gives it a new key"
            raise InputError(f"there is a key '{fresh.id}' already", where=str(path), mend=mend)
        entries.append(fresh)
    return key


def revoke(path: Path, name: str) -> int:
    """Takes all entries of an id out; returns how many there were.

    Raises:
        InputError: There is no such id.
    """
    with _editing(path) as entries:
        found = _of(entries, name, path)
        entries[:] = [entry for entry in entries if entry not in found]
    return len(found)


def rotate(path: Path, name: str, overlap: timedelta, now: datetime, expires: datetime | None = None) -> str:
    """Gives an id a new key, valid at once; the old one is refused after `overlap`. Returns the new key.

    Args:
        path: The key file.
        name: The id.
        overlap: How long both are valid.
        now: The time, with its zone.
        expires: The new key's end; None takes over the old one's.

    Raises:
        InputError: There is no such id, or the new key would have expired already.
    """
    key = new_key()
    with _editing(path) as entries:
        # Of those made in the same second the last in the file; an older one may have an end that a rotation gave it.
        latest = max(reversed(_of(entries, name, path)), key=lambda entry: entry.created)
        end = expires or latest.expires
        if end is not None and end <= now:
            raise InputError(f"'{name}' has expired", where=str(path), mend="Give the new key an end: --expires 90d")
        fresh = latest.model_copy(update={"hash": digest(key), "created": now, "expires": end})
        entries[:] = [*_ending(entries, name, now + overlap, now), fresh]
    return key


def _ending(entries: Sequence[KeyEntry], name: str, end: datetime, now: datetime) -> Iterator[KeyEntry]:
    """All entries, those of `name` with an end no later than `end`; what has ended is left out."""
    for entry in entries:
        if entry.id != name:
            yield entry
            continue
        expires = end if entry.expires is None else min(end, entry.expires)
        if expires > now:
            yield entry.model_copy(update={"expires": expires})


def _of(entries: Sequence[KeyEntry], name: str, path: Path) -> list[KeyEntry]:
    found = [entry for entry in entries if entry.id == name]
    if not found:
        known = sorted({entry.id for entry in entries})
        mend = nearest(name, known) if known else "the file has no keys"
        raise InputError(f"there is no key '{name}'", where=str(path), mend=mend)
    return found


def _entry(line: str, where: str) -> KeyEntry:
    try:
        tree = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ConfigError("not a JSON object", where=where, mend="One key a line; see docs/access.md") from error
    if not isinstance(tree, dict):
        raise ConfigError("not a JSON object", where=where, mend="One key a line; see docs/access.md")
    return validate(KeyEntry, tree, where)


@contextmanager
def _editing(path: Path, *, create: bool = False) -> Iterator[list[KeyEntry]]:
    """The entries, to be changed in place; written when the block ends well. Others wait for their turn."""
    path = path.resolve()  # a link to the file stays one
    with disk_errors(path):
        if create:
            path.parent.mkdir(parents=True, exist_ok=True)
        if not path.parent.is_dir():
            raise ConfigError("no such folder", where=str(path.parent), mend="Name the key file with --file")
        lock = os.open(path.with_name(f".{path.name}.lock"), os.O_RDWR | os.O_CREAT, _PRIVATE)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        known = KeyFile((), (_HEAD,), _PRIVATE) if create and not path.exists() else read(path)
        entries = list(known.entries)
        yield entries
        _write(path, entries, known.comments or (_HEAD,))
    finally:
        os.close(lock)


def _write(path: Path, entries: Sequence[KeyEntry], comments: Sequence[str]) -> None:
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    lines = [*comments, *(json.dumps(entry.model_dump(mode="json"), ensure_ascii=False) for entry in entries)]
    with disk_errors(path):
        try:
            scratch.unlink(missing_ok=True)  # of a process with this id that was killed
            with os.fdopen(
                os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE), "w", encoding="utf-8"
            ) as file:
                file.writelines(f"{line}\n" for line in lines)
                file.flush()
                os.fsync(file.fileno())
            scratch.replace(path)
        finally:
            scratch.unlink(missing_ok=True)
