"""The record that every stage reads and writes: a conversation whose last message is the answer."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from seekforge.core.errors import DataError
from seekforge.core.files import disk_errors


@dataclass(frozen=True, slots=True)
class Message:
    """One turn. `role` is `system`, `user` or `assistant`."""

    role: str
    content: str

    def to_dict(self) -> dict[str, str]:
        """As chat templates and the OpenAI API take it."""
        return {"role": self.role, "content": self.content}


@dataclass(frozen=True, slots=True)
class Record:
    """One labelled conversation.

    Attributes:
        id: Unique in its dataset; keeps a record traceable to its line.
        messages: The turns; the last one is the assistant's answer.
        label: The decision that the answer stands for, where the task has a fixed set.
        split: `train`, `validation` or `test` once it is known.
        meta: All other fields of the source, untouched.
    """

    id: str
    messages: tuple[Message, ...]
    label: str | None = None
    split: str | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)

    @property
    def prompt(self) -> list[dict[str, str]]:
        """Everything before the answer, as chat templates take it."""
        return [message.to_dict() for message in self.messages[:-1]]

    @property
    def answer(self) -> str:
        """The last message's text."""
        return self.messages[-1].content

    @property
    def text(self) -> str:
        """The user's turns, one a line: what duplicates and leaks are judged by."""
        return "\n".join(m.content for m in self.messages if m.role == "user")

    def with_split(self, split: str) -> Record:
        """The same record, assigned."""
        return replace(self, split=split)

    def to_dict(self) -> dict[str, Any]:
        """As one line of a dataset's file."""
        return {
            "id": self.id,
            "messages": [m.to_dict() for m in self.messages],
            "label": self.label,
            "split": self.split,
            "meta": dict(self.meta),
        }

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> Record:
        """The inverse of `to_dict`."""
        messages = tuple(Message(m["role"], m["content"]) for m in row["messages"])
        return cls(str(row["id"]), messages, row.get("label"), row.get("split"), row.get("meta") or {})


def write_records(path: Path, records: Iterable[Record]) -> int:
    """Writes JSON lines and returns how many."""
    count = 0
    with disk_errors(path), path.open("w", encoding="utf-8") as file:
        for record in records:
            file.write(json.dumps(record.to_dict(), ensure_ascii=False) + "\n")
            count += 1
    return count


def read_records(path: Path) -> list[Record]:
    """Reads a dataset's file.

    Raises:
        DataError: The file is missing or is not what `write_records` writes.
    """
    return list(iterate_records(path))


def iterate_records(path: Path) -> Iterator[Record]:
    """The same, one record at a time."""
    if not path.is_file():
        raise DataError("no such dataset file", where=str(path), mend="Make one with `seekforge data`")
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            try:
                yield Record.from_dict(json.loads(line))
            except (ValueError, KeyError, TypeError) as error:
                raise DataError(
                    "not a record of a seekforge dataset",
                    where=f"{path}:{number}",
                    mend="Make it with `seekforge data`",
                ) from error
