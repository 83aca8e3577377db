"""What a judge has said, one JSON object a line, written as it comes: a killed judge goes on where it was."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from seekforge.core.errors import DataError, ResourceError
from seekforge.core.files import check_output, disk_errors


@dataclass(frozen=True, slots=True)
class Judgement:
    """What came of one question to the judge.

    Attributes:
        key: Of all that it depends on: who judges, and the conversation.
        kind: `single` or `pair`.
        record: The question's id.
        models: Whose answers, in the order shown.
        verdict: The scores by criterion; or `{"better": ...}`; None where it failed.
        reason: The judge's own sentence.
        failure: Why there is no verdict.
        said: Every unusable text that the judge gave, whole.
    """

    key: str
    kind: str
    record: str
    models: tuple[str, ...]
    verdict: Mapping[str, Any] | None
    reason: str = ""
    failure: str = ""
    said: tuple[str, ...] = ()


class Journal:
    """A file of judgements, open for more; as a context manager.

    Args:
        path: The file; made if it is not there.

    Attributes:
        known: Key to judgement; of several with one key the last.

    Raises:
        InputError: The file cannot be written.
        DataError: It holds something else.
        ResourceError: Another judge is writing it.
    """

    def __init__(self, path: Path) -> None:
        check_output(path)
        self.path = path
        with disk_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666)
        try:
            self._lock()
            self.known = self._read()
        except BaseException:
            os.close(self._file)
            raise

    def put(self, judgement: Judgement) -> None:
        """Adds one; once this returns, a kill of the process does not lose it.

        Raises:
            ResourceError: The disk is full.
        """
        rest = json.dumps(asdict(judgement)).encode() + b"\n"  # ASCII: half a surrogate pair of a judge's does no harm
        with disk_errors(self.path):
            while rest:
                rest = rest[os.write(self._file, rest) :]
        self.known[judgement.key] = judgement

    def sync(self) -> None:
        """Has the disk take all: after this nor a power cut loses any."""
        with disk_errors(self.path):
            os.fsync(self._file)

    def __enter__(self) -> Journal:
        """Itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes the file."""
        os.close(self._file)

    def _lock(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            mend = "Wait for it, or name another file with --out"
            raise ResourceError("another judge is writing this file", where=str(self.path), mend=mend) from error

    def _read(self) -> dict[str, Judgement]:
        known: dict[str, Judgement] = {}
        data = self.path.read_bytes()
        whole = data[: data.rfind(b"\n") + 1]
        for number, line in enumerate(whole.split(b"\n")[:-1], 1):
            judgement = self._parsed(line, number)
            known[judgement.key] = judgement
        if data and not whole and not data.startswith(b'{"key"'):
            raise self._foreign(1)
        os.ftruncate(self._file, len(whole))  # a line without an end was being written when its judge was killed
        return known

    def _parsed(self, line: bytes, number: int) -> Judgement:
        try:
            row = json.loads(line)
            hash(row["key"])
            return Judgement(**{**row, "models": tuple(row["models"]), "said": tuple(row["said"])})
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise self._foreign(number) from error

    def _foreign(self, number: int) -> DataError:
        mend = "Name another file with --out"
        return DataError("not a judgement: this file is something else", where=f"{self.path}:{number}", mend=mend)
