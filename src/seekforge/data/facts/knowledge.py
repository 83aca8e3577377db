"""Reads a knowledge base: one fact a line, a triple or a sentence, as JSONL or CSV."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seekforge.core.errors import DataError

_KEYS = ("subject", "relation", "object")
_NAMES = ("aliases", "relation_aliases", "object_aliases")
_EXAMPLE = 'Write {"subject": ..., "relation": ..., "object": ...}, {"text": ...}, or all four'


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of a knowledge base; either the triple or the text may be missing.

    Attributes:
        id: The line's `id`, or `file:line`.
        subject: What it is about; empty without a triple.
        relation: What is said of it.
        object: The value or name that is true.
        text: The same as a sentence; empty where there is none.
        aliases: Other names of the subject.
        relation_aliases: Other words for the relation.
        object_aliases: Other names of the object.
    """

    id: str
    subject: str = ""
    relation: str = ""
    object: str = ""
    text: str = ""
    aliases: tuple[str, ...] = ()
    relation_aliases: tuple[str, ...] = ()
    object_aliases: tuple[str, ...] = ()

    @property
    def statement(self) -> str:
        """As people read it: the sentence, or the triple in a row."""
        return self.text or f"{self.subject} · {self.relation} · {self.object}"


def read_knowledge(path: Path) -> tuple[Fact, ...]:
    """All facts of a file.

    Args:
        path: `.jsonl` with one object a line, or `.csv` with a header. In CSV several aliases are parted by `|`.

    Raises:
        DataError: The file is missing or empty, or a line is no fact; the first one is named.
    """
    if not path.is_file():
        raise DataError("no such knowledge base", where=str(path), mend="Correct the op's `knowledge`")
    readers = {".jsonl": _jsonl, ".ndjson": _jsonl, ".csv": _csv}
    if path.suffix.lower() not in readers:
        raise DataError("a knowledge base is .jsonl or .csv", where=str(path), mend="Rename or convert the file")
    facts: dict[str, Fact] = {}
    try:
        for where, row in readers[path.suffix.lower()](path):
            fact = _fact(row, where, path)
            if fact.id in facts:
                raise DataError(
                    f"the id {fact.id!r} comes twice", where=where, mend="Give each fact its own id, or none"
                )
            facts[fact.id] = fact
    except UnicodeDecodeError as error:
        raise DataError("not UTF-8 text", where=str(path), mend="Save the file as UTF-8") from error
    if not facts:
        raise DataError("the knowledge base has no facts", where=str(path), mend=_EXAMPLE)
    return tuple(facts.values())


def _jsonl(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    with path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            where = f"{path}:{number}"
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise DataError("not JSON", where=where, mend=_EXAMPLE) from error
            if not isinstance(row, dict):
                raise DataError("not a JSON object", where=where, mend=_EXAMPLE)
            yield where, row


def _csv(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, strict=True)
        header: list[str] = []
        start = 1
        try:
            for cells in reader:
                where, start = f"{path}:{start}", reader.line_num + 1
                if not any(cell.strip() for cell in cells):
                    continue
                if not header:
                    header = [cell.strip() for cell in cells]
                    _check_header(header, where)
                    continue
                if len(cells) != len(header):
                    what = f"{len(cells)} cells, but the header has {len(header)}"
                    raise DataError(what, where=where, mend="Quote cells that hold commas, quotes or line breaks")
                row: dict[str, Any] = dict(zip(header, cells, strict=True))
                yield where, {**row, **{name: row[name].split("|") for name in _NAMES if row.get(name)}}
        except csv.Error as error:
            raise DataError(f"not CSV: {error}", where=f"{path}:{start}", mend="Mend the quoting") from error


def _check_header(header: list[str], where: str) -> None:
    if "text" not in header and not set(_KEYS) <= set(header):
        raise DataError(
            f"the columns {', '.join(header)} hold neither triples nor texts",
            where=where,
            mend="Give the columns subject, relation and object, or text",
        )


def _fact(row: Mapping[str, Any], where: str, path: Path) -> Fact:
    subject, relation, object_, text = (_text(row.get(key), key, where) for key in (*_KEYS, "text"))
    missing = [key for key, given in zip(_KEYS, (subject, relation, object_), strict=True) if not given]
    if missing and (len(missing) < len(_KEYS) or not text):
        what = f"the fact lacks {' and '.join(missing)}" if len(missing) < len(_KEYS) else "neither a triple nor a text"
        raise DataError(what, where=where, mend=_EXAMPLE)
    name = _text(row.get("id"), "id", where) or f"{path.name}:{where.rpartition(':')[2]}"
    aliases, relation_aliases, object_aliases = (_names(row.get(key), key, where) for key in _NAMES)
    return Fact(name, subject, relation, object_, text, aliases, relation_aliases, object_aliases)


def _text(value: object, key: str, where: str) -> str:
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise DataError(f"'{key}' is no text or number", where=where, mend=_EXAMPLE)
    return str(value).strip()


def _names(value: object, key: str, where: str) -> tuple[str, ...]:
    if value is None or value == "":
        return ()
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise DataError(f"'{key}' is no list of texts", where=where, mend=f'Write "{key}": ["...", "..."]')
    return tuple(name.strip() for name in names if name.strip())
