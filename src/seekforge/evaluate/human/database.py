"""The file of a study: SQLite with a write-ahead log, so that what was acknowledged outlives kill -9 and power cuts."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from seekforge.core.errors import DataError, InputError, ResourceError
from seekforge.core.files import check_output, disk_errors

_APPLICATION = 0x53465248  # "SFRH": tells our files from other SQLite files
_VERSION = 1
_PATIENCE = 10.0  # seconds to wait for another writer
_TABLES = """
CREATE TABLE study (content TEXT NOT NULL);
CREATE TABLE items (
    id TEXT PRIMARY KEY, record TEXT NOT NULL, prompt TEXT NOT NULL, reference TEXT NOT NULL, language TEXT NOT NULL,
    models TEXT NOT NULL, texts TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE raters (
    name TEXT PRIMARY KEY, role TEXT NOT NULL, token TEXT UNIQUE, seen REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE slots (
    item TEXT NOT NULL REFERENCES items, rater TEXT NOT NULL REFERENCES raters, place INTEGER NOT NULL,
    swapped INTEGER NOT NULL, state TEXT NOT NULL CHECK (state IN ('open', 'done', 'passed')),
    PRIMARY KEY (item, rater)
) WITHOUT ROWID;
CREATE INDEX slots_of ON slots (rater, state, place);
CREATE TABLE ratings (
    item TEXT NOT NULL, rater TEXT NOT NULL, revision INTEGER NOT NULL, complete INTEGER NOT NULL,
    content TEXT NOT NULL, time REAL NOT NULL,
    PRIMARY KEY (item, rater, revision), FOREIGN KEY (item, rater) REFERENCES slots
) WITHOUT ROWID;
CREATE TRIGGER ratings_are_never_changed BEFORE UPDATE ON ratings
    BEGIN SELECT RAISE (ABORT, 'ratings are only added'); END;
CREATE TRIGGER ratings_are_never_deleted BEFORE DELETE ON ratings
    BEGIN SELECT RAISE (ABORT, 'ratings are only added'); END;
"""


class Database:
    """Transactions on a study's file; processes and threads may share it.

    A connection lasts for one transaction. The last one to close moves the log into the file, so that an idle study is
    one file; after a kill the log lies beside it (`-wal`), and whoever opens the file next takes it in.

    Args:
        path: The file, from `create`.

    Raises:
        InputError: There is no such file.
        DataError: It is no study of ours.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.is_file():
            mend = "Make one with `seekforge evaluate rate new`"
            raise InputError("no such study", where=str(path), mend=mend)
        with self.reading() as base:
            (application,) = base.execute("PRAGMA application_id").fetchone()
            (version,) = base.execute("PRAGMA user_version").fetchone()
        if application != _APPLICATION:
            raise self._foreign()
        if version != _VERSION:
            what = f"a study of version {version}, and this seekforge knows {_VERSION}"
            raise DataError(what, where=str(path), mend="Use the seekforge that made it")

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """One consistent state of the file."""
        with self._transaction("BEGIN") as base:
            yield base

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """All of the block or nothing; when it has ended the disk has it. Writers go one after another."""
        with self._transaction("BEGIN IMMEDIATE") as base:
            yield base

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[sqlite3.Connection]:
        try:
            with closing(connect(self.path, "rw")) as base:
                base.execute(begin)
                try:
                    yield base
                except BaseException:
                    base.execute("ROLLBACK")
                    raise
                base.execute("COMMIT")
        except sqlite3.OperationalError as error:
            mend = "Free the disk or the file, and try again"
            raise ResourceError(f"the study cannot be used now: {error}", where=str(self.path), mend=mend) from error
        except sqlite3.DatabaseError as error:
            if type(error) is sqlite3.DatabaseError:  # `file is not a database`; its heirs are about rows
                raise self._foreign() from error
            raise

    def _foreign(self) -> DataError:
        mend = "Name a file of `seekforge evaluate rate new`"
        return DataError("not a study of human ratings", where=str(self.path), mend=mend)


def connect(path: Path, mode: str) -> sqlite3.Connection:
    """A connection without implied transactions; each commit waits for the disk."""
    base = sqlite3.connect(f"{path.absolute().as_uri()}?mode={mode}", _PATIENCE, isolation_level=None, uri=True)
    base.execute("PRAGMA foreign_keys = ON")
    base.execute("PRAGMA synchronous = FULL")
    return base


def create(path: Path, fill: Callable[[sqlite3.Connection], None]) -> None:
    """Makes a study's file, whole or not at all.

    Args:
        path: Must not be there yet.
        fill: Puts the rows in.

    Raises:
        InputError: There is a file of this name: a study is never written over.
        ResourceError: It cannot be written.
    """
    check_output(path)
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            with closing(connect(scratch, "rwc")) as base:
                base.execute("PRAGMA journal_mode = WAL")
                base.execute(f"PRAGMA application_id = {_APPLICATION}")
                base.execute(f"PRAGMA user_version = {_VERSION}")
                base.executescript(f"BEGIN; {_TABLES} COMMIT;")
                base.execute("BEGIN")
                fill(base)
                base.execute("COMMIT")
            os.link(scratch, path)  # unlike a rename it never takes a file's place
        except FileExistsError as error:
            mend = "Ratings may be in it: name another file"
            raise InputError("there is a file of this name", where=str(path), mend=mend) from error
        finally:
            for name in (scratch.name, f"{scratch.name}-wal", f"{scratch.name}-shm"):
                scratch.with_name(name).unlink(missing_ok=True)
