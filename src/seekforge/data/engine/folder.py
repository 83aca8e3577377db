"""Where a pass keeps what it makes, a file a shard; a shard is done once its mark stands, which is written last."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from seekforge.core.files import disk_errors
from seekforge.core.records import Record


@dataclass(frozen=True, slots=True)
class Folder:
    """The files of one pass.

    Attributes:
        path: The folder.
    """

    path: Path

    def file(self, kind: str, shard: int, ending: str = "jsonl") -> Path:
        """The file of one shard; its folder is there."""
        folder = self.path / kind
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"{shard:06}.{ending}"

    def files(self, kind: str, shards: int, ending: str = "jsonl") -> list[Path]:
        """The files of all shards, in order."""
        return [self.path / kind / f"{shard:06}.{ending}" for shard in range(shards)]

    def mark(self, shard: int) -> dict[str, Any] | None:
        """What was counted of a finished shard; None if it is not finished."""
        try:
            found: dict[str, Any] = json.loads(self.file("done", shard, "json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        return found

    def finish(self, shard: int, mark: Mapping[str, Any]) -> None:
        """Sets the mark, once all that the shard made is written."""
        write_lines(self.file("done", shard, "json"), [json.dumps(mark, default=str)])

    def remove(self, *kinds: str) -> None:
        """Takes away what no later pass needs."""
        for kind in kinds:
            shutil.rmtree(self.path / kind, ignore_errors=True)


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Writes lines atomically; each ends with its line feed."""
    scratch = path.with_name(f".{path.name}")
    with disk_errors(path):
        with scratch.open("w", encoding="utf-8") as file:
            file.writelines(lines)
        scratch.replace(path)


def read_lines(path: Path) -> Iterator[str]:
    """Lines with their ends."""
    with path.open(encoding="utf-8") as file:
        yield from file


def line_of(row: Mapping[str, Any]) -> str:
    """One line of JSON; half of a surrogate pair, which UTF-8 cannot hold, is escaped."""
    line = json.dumps(row, ensure_ascii=False, default=str)
    try:
        line.encode()
    except UnicodeEncodeError:
        line = json.dumps(row, default=str)
    return line + "\n"


def record_of(line: str) -> Record:
    """The inverse of `line_of(record.to_dict())`."""
    return Record.from_dict(json.loads(line))


def join(parts: Iterable[Path], path: Path) -> None:
    """Puts files end to end; those that are not there are empty."""
    scratch = path.with_name(f".{path.name}")
    with disk_errors(path):
        with scratch.open("wb") as file:
            for part in parts:
                if part.is_file():
                    with part.open("rb") as source:
                        shutil.copyfileobj(source, file, 1 << 20)
        scratch.replace(path)


def line_at(path: Path, row: int) -> str:
    """One line, counted from 0."""
    return next(islice(read_lines(path), row, None))
