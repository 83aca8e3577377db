"""One model's answers on disk, a line as soon as each has come: what a killed comparison does not ask again."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from seekforge.core.files import disk_errors, write_text
from seekforge.evaluate.side_by_side.asking import Answer


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer and when it came.

    Attributes:
        answer: The answer.
        sitting: Which attempt asked for it, from 0: a killed one goes on as the next.
        at: Seconds since that attempt began to ask.
    """

    answer: Answer
    sitting: int
    at: float


class Journal:
    """The file: a first line that says what the answers depend on, then one a line.

    Args:
        path: The file; one whose first line says something else is begun anew.
        key: What the answers depend on: model, questions, settings.

    Attributes:
        outdated: Whether there were answers that depend on something else.
        engine: What gave them; empty where nothing has been asked.
        known: Id of a question to its answer.
        sitting: The number of this attempt.
    """

    def __init__(self, path: Path, key: str) -> None:
        self._path = path
        rows = _rows(path)
        self.outdated = bool(rows) and rows[0].get("key") != key
        rows = [] if self.outdated else rows[1:]
        self.engine = next((str(row["engine"]) for row in reversed(rows) if "engine" in row), "")
        self.known: dict[str, Kept] = dict(map(_kept, filter(_is_answer, rows)))
        self.sitting = 1 + max((kept.sitting for kept in self.known.values()), default=-1)
        lines = [{"key": key}, {"engine": self.engine}, *(_line(name, kept) for name, kept in self.known.items())]
        # Written anew, so that a line that a kill cut in half is gone.
        write_text(path, "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))
        with disk_errors(path):
            self._file: IO[str] = path.open("a", encoding="utf-8")

    def put(self, name: str, answer: Answer, at: float) -> None:
        """Keeps the answer to one question.

        Args:
            name: The question's id.
            answer: The answer.
            at: Seconds since this attempt began to ask.
        """
        kept = self.known[name] = Kept(answer, self.sitting, at)
        self._write(_line(name, kept))

    def name(self, engine: str) -> None:
        """Keeps what answers, for an attempt that finds everything answered."""
        self.engine = engine
        self._write({"engine": engine})

    def _write(self, row: dict[str, Any]) -> None:
        with disk_errors(self._path):
            self._file.write(json.dumps(row, ensure_ascii=False) + "\n")
            self._file.flush()  # out of this process: a kill loses nothing

    def close(self) -> None:
        """Closes the file."""
        self._file.close()


def _line(name: str, kept: Kept) -> dict[str, Any]:
    return {"id": name, **asdict(kept.answer), "sitting": kept.sitting, "at": round(kept.at, 6)}


def _kept(row: dict[str, Any]) -> tuple[str, Kept]:
    fields = {key: row[key] for key in Answer.__slots__}
    return row["id"], Kept(Answer(**fields), row["sitting"], row["at"])


def _is_answer(row: dict[str, Any]) -> bool:
    return {"id", "sitting", "at", *Answer.__slots__} <= row.keys()


def _rows(path: Path) -> list[dict[str, Any]]:
    """Whole lines only."""
    if not path.is_file():
        return []
    rows = []
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            with suppress(ValueError):
                rows.append(json.loads(line))
    return [row for row in rows if isinstance(row, dict)]
