"""What was paid for is kept: answers by the hash of what was asked, on disk as soon as each has come."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from seekforge.core.errors import DataError
from seekforge.core.files import disk_errors

FILE = "answers.sqlite"


class Answers:
    """A file of answers; after kill -9 everything that had been put is there.

    Args:
        folder: Where the file lies; None keeps the answers in memory.

    Raises:
        ResourceError: The file cannot be written, or the disk is full.
        DataError: A file of this name is no file of answers, or was damaged.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._path = (folder or Path()) / FILE
        with self._errors():
            self._open(folder)

    def _open(self, folder: Path | None) -> None:
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        # An endpoint's answers may come in a thread of its own, but never in two at once.
        self._base = sqlite3.connect(
            ":memory:" if folder is None else self._path, timeout=60, isolation_level=None, check_same_thread=False
        )
        # Write-ahead with NORMAL: a commit survives the process, and costs no wait for the disk.
        self._base.execute("PRAGMA journal_mode = WAL")
        self._base.execute("PRAGMA synchronous = NORMAL")
        self._base.execute("CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, text TEXT NOT NULL)")

    def get(self, key: str) -> str | None:
        """The answer, if it is there."""
        with self._errors():
            row = self._base.execute("SELECT text FROM answers WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row[0])

    def put(self, key: str, text: str) -> None:
        """Keeps an answer; errors as on opening."""
        with self._errors():
            self._base.execute("INSERT OR REPLACE INTO answers VALUES (?, ?)", (key, text))

    def __len__(self) -> int:
        """How many there are."""
        return int(self._base.execute("SELECT count(*) FROM answers").fetchone()[0])

    def close(self) -> None:
        """Closes the file."""
        self._base.close()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            with disk_errors(self._path):
                yield
        except sqlite3.DatabaseError as error:
            what = f"the answers that were kept cannot be used: {error}"
            mend = "Wait for whoever else writes it, or name another folder"
            raise DataError(what, where=str(self._path), mend=mend) from error
