"""The store behind `/v1/feedback`: what people say of answers, one JSON object a line, never lost and never twice."""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from types import TracebackType
from typing import Literal

from seekforge.core.config import FeedbackConfig
from seekforge.core.errors import InputError, ResourceError
from seekforge.core.files import disk_errors

Outcome = Literal["stored", "unchanged", "replaced"]
LOWEST, HIGHEST = 1, 5
_LONGEST_NAME = 256
_PRIVATE = 0o600
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Feedback:
    """What somebody says of an answer.

    Attributes:
        answer: The answer's id (`chatcmpl-...`).
        rating: 1 (bad) to 5 (good); a thumb down is 1, a thumb up 5.
        comment: In words.
        caller: Who says it: the key's id.
        model: Which model answered, by its name for clients; empty when that is not known.
        user: Whom of the caller's own users it comes from; empty when the caller does not say.
    """

    answer: str
    rating: int
    comment: str
    caller: str
    model: str
    user: str = ""


class FeedbackStore:
    """Appends feedback to a file; processes may share it, and threads the store.

    One answer has one feedback of one caller and user: saying the same again changes nothing, saying something else
    appends a line that takes the first one's place. What a process killed in mid-write left is moved to `FILE.torn`.

    Args:
        config: The file, when the disk must have it, the longest comment.
        report: Takes one line for the operator.
        now: Seconds since 1970.

    Raises:
        ResourceError: The file cannot be written.
    """

    def __init__(
        self, config: FeedbackConfig, report: Callable[[str], None], now: Callable[[], float] = time.time
    ) -> None:
        self._config, self._report, self._now = config, report, now
        self._lock = threading.Lock()
        self._known: dict[bytes, bytes] = {}  # 200 bytes a feedback, whatever its comment's length
        self._read_to, self._synced = 0, 0.0
        with disk_errors(config.path):
            config.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(config.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, _PRIVATE)
        with self._exclusive():
            self._catch_up()

    async def add(self, feedback: Feedback) -> Outcome:
        """As `add_now`, without holding up the event loop."""
        return await asyncio.to_thread(self.add_now, feedback)

    def add_now(self, feedback: Feedback) -> Outcome:
        """Stores feedback; once this returns, the death of the process loses nothing.

        Raises:
            InputError: A field is missing, of another kind, or too long.
            ResourceError: The disk is full or the store is closed; nothing was stored.
        """
        check(feedback, self._config.max_comment_chars)
        key, content = _digests(asdict(feedback))
        line = json.dumps({**asdict(feedback), "time": round(self._now(), 3)}, ensure_ascii=False).encode() + b"\n"
        with self._exclusive():
            self._catch_up()
            before = self._known.get(key)
            if before == content:
                return "unchanged"
            self._append(line)
            self._known[key] = content
        return "stored" if before is None else "replaced"

    def close(self) -> None:
        """Has the disk take all and closes the file."""
        with self._lock:
            if self._file >= 0:
                os.fsync(self._file)
                os.close(self._file)
                self._file = -1

    def __enter__(self) -> FeedbackStore:
        """The store itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes it."""
        self.close()

    def __len__(self) -> int:
        """Feedbacks that this process knows of."""
        return len(self._known)

    @contextmanager
    def _exclusive(self) -> Iterator[None]:
        with self._lock:
            if self._file < 0:
                raise ResourceError("the feedback store is closed", where=str(self._config.path))
            fcntl.flock(self._file, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.flock(self._file, fcntl.LOCK_UN)

    def _append(self, line: bytes) -> None:
        try:
            with disk_errors(self._config.path):
                rest = line
                while rest:
                    rest = rest[os.write(self._file, rest) :]
                self._sync()
        except BaseException:
            os.ftruncate(self._file, self._read_to)
            raise
        self._read_to += len(line)

    def _sync(self) -> None:
        policy = self._config.fsync
        if policy == "always" or (policy == "second" and abs(self._now() - self._synced) >= 1):
            os.fsync(self._file)
            self._synced = self._now()

    def _catch_up(self) -> None:
        """Learns what others have appended. Writers lock the file: a line without an end has no writer any more."""
        if os.fstat(self._file).st_size < self._read_to:  # somebody has begun a new file in its place
            self._read_to = 0
            self._known.clear()
        rest = b""
        while chunk := os.pread(self._file, _CHUNK, self._read_to + len(rest)):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                learnt = _learn(line)
                if learnt is not None:
                    self._known[learnt[0]] = learnt[1]
                elif line.strip():
                    self._report(f"{self._config.path}: a line at byte {self._read_to} is no feedback; left as it is")
                self._read_to += len(line) + 1
        if not rest:
            return
        learnt = _learn(rest)
        if learnt is None:
            self._put_aside(rest)
            return
        self._read_to += len(rest)
        self._append(b"\n")  # only its end is missing
        self._known[learnt[0]] = learnt[1]

    def _put_aside(self, torn: bytes) -> None:
        aside = self._config.path.with_name(self._config.path.name + ".torn")
        with disk_errors(aside):
            with os.fdopen(os.open(aside, os.O_WRONLY | os.O_APPEND | os.O_CREAT, _PRIVATE), "ab") as file:
                file.write(torn + b"\n")
                file.flush()
                os.fsync(file.fileno())
            os.ftruncate(self._file, self._read_to)
        self._report(f"{self._config.path}: the last line was torn; its {len(torn)} bytes are in {aside.name}")


def check(feedback: Feedback, max_comment_chars: int) -> None:
    """Can this be stored?

    Raises:
        InputError: It cannot; `where` is the field.
    """
    for name, least in (("answer", 1), ("caller", 1), ("model", 0), ("user", 0)):
        text = getattr(feedback, name)
        is_line = isinstance(text, str) and text.isprintable() and least <= len(text.strip())
        if not is_line or len(text) > _LONGEST_NAME:
            raise InputError(f"one line of {least} to {_LONGEST_NAME} characters", where=name)
    rating = feedback.rating
    if isinstance(rating, bool) or not isinstance(rating, int) or not LOWEST <= rating <= HIGHEST:
        raise InputError(f"a whole number from {LOWEST} to {HIGHEST}", where="rating")
    comment = feedback.comment
    if not isinstance(comment, str) or any("\ud800" <= character <= "\udfff" for character in comment):
        raise InputError("a text of whole characters", where="comment")
    if len(comment) > max_comment_chars:
        what = f"{len(comment)} characters, {max_comment_chars} are allowed"
        raise InputError(what, where="comment", mend="Say it shorter")


def _learn(line: bytes) -> tuple[bytes, bytes] | None:
    """The digests of a line of the file; None when it is no feedback."""
    try:
        fields = json.loads(line)
        return _digests({name: fields[name] for name in Feedback.__slots__})
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _digests(fields: dict[str, object]) -> tuple[bytes, bytes]:
    """Of who says it of what, and of all that is said."""
    pair = json.dumps([fields["answer"], fields["caller"], fields["user"]])
    whole = json.dumps([fields[name] for name in Feedback.__slots__])
    return _short(pair), _short(whole)


def _short(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=16).digest()
