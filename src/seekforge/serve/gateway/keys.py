"""Who may come in: the keys of a file, looked up by hash, taken up again when the file changes."""

from __future__ import annotations

import hmac
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from seekforge.core.errors import ConfigError
from seekforge.serve.gateway import keyfile
from seekforge.serve.gateway.seams import Caller

_LOOK_EVERY = 1.0
_Signature = tuple[int, int, int, int] | None


@dataclass(frozen=True, slots=True)
class _Known:
    hash: str
    caller: Caller
    expires: float


class FileKeys:
    """The key ring of a key file, as `KeyRing` has it.

    The file is looked at once a second at most. A new version that cannot be used, or none, changes nothing: those who
    were known stay known, nobody else comes in, and what is wrong is reported once.

    Args:
        path: The key file.
        report: Takes one line for the operator.
        clock: Seconds from anywhere; says when to look at the file.
        now: Seconds since 1970; says what has expired.

    Attributes:
        problem: What is wrong with the file now; empty when nothing is.

    Raises:
        ConfigError: The file cannot be used at the start.
    """

    def __init__(
        self,
        path: Path,
        report: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.problem = ""
        self._path, self._report, self._clock, self._now = path, report, clock, now
        # Taken before the reading: a change in between is then seen at the next look.
        self._signature = self._sign()
        self._ring = self._read()
        self._look_at = clock() + _LOOK_EVERY

    def identify(self, authorization: str | None) -> Caller | None:
        """Who sends `Authorization: Bearer KEY`; None for a key that is unknown, revoked or expired."""
        if self._clock() >= self._look_at:
            self._look()
        if authorization is None or authorization[:7].lower() != "bearer ":
            return None
        sent = keyfile.digest(authorization[7:].strip(" "))
        # Finding an entry by hash takes a time that depends on the hash, which tells a guesser nothing of the key.
        known = self._ring.get(sent)
        if known is None or not hmac.compare_digest(known.hash, sent) or known.expires <= self._now():
            return None
        return known.caller

    def __len__(self) -> int:
        """How many keys are known, expired ones too."""
        return len(self._ring)

    def _look(self) -> None:
        self._look_at = self._clock() + _LOOK_EVERY
        signature = self._sign()
        if signature == self._signature:
            return
        self._signature = signature
        try:
            self._ring = self._read()
        except ConfigError as error:
            self.problem = f"{error} The keys that were known before stay in force."
            self._report(self.problem)
            return
        self.problem = ""
        self._report(f"{self._path}: {len(self._ring)} keys in force")

    def _read(self) -> dict[str, _Known]:
        file = keyfile.read(self._path)
        mend = f"chmod 600 {self._path}"
        if file.mode & keyfile.OTHERS_WRITE:  # whoever writes it can let himself in
            raise ConfigError("others may write the key file", where=str(self._path), mend=mend)
        if file.mode & keyfile.OTHERS_READ:  # who reads it learns names and limits, but no key
            self._report(f"{self._path}: others may read the key file. {mend}")
        ring = {}
        for entry in file.entries:
            caller = Caller(entry.id, frozenset(entry.scopes), entry.requests_per_minute, entry.tokens_per_minute)
            expires = float("inf") if entry.expires is None else entry.expires.timestamp()
            ring[entry.hash] = _Known(entry.hash, caller, expires)
        return ring

    def _sign(self) -> _Signature:
        """What differs between two versions of the file; its mode counts, so that a chmod is a mend."""
        try:
            state = os.stat(self._path)  # noqa: PTH116  three times as quick as Path.stat
        except OSError:
            return None
        return state.st_mtime_ns, state.st_size, state.st_ino, state.st_mode
