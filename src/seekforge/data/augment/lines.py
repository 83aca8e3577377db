"""Which part of a record may change: the lines of the user's turns, without those that say what the task is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from seekforge.core.records import Message, Record


class Lines:
    """Takes the changeable lines out of a record and puts others in.

    Args:
        labels: The task's labels: a line that names two of them is the task's instruction, and stays.
        pattern: A regular expression; lines with a match stay.
    """

    def __init__(self, labels: Sequence[str], pattern: str | None = None) -> None:
        self._labels = [label.casefold() for label in labels]
        self._pattern = re.compile(pattern) if pattern else None

    def changeable(self, record: Record) -> list[str]:
        """The lines that may change, in order; white space around them aside."""
        return [line.strip() for turn in _user_turns(record) for line in turn if self._may_change(line)]

    def replaced(self, record: Record, lines: Sequence[str]) -> Record:
        """The record with other lines in those places; everything else, the answer first of all, is as it was."""
        fresh = iter(lines)
        return replace(record, messages=tuple(self._message(message, fresh) for message in record.messages))

    def case(self, record: Record) -> str:
        """The changeable lines as one text: what parent and child are compared by."""
        return "\n".join(self.changeable(record))

    def _message(self, message: Message, fresh: Iterator[str]) -> Message:
        if message.role != "user":
            return message
        lines = [next(fresh) if self._may_change(line) else line for line in message.content.split("\n")]
        return Message(message.role, "\n".join(lines))

    def _may_change(self, line: str) -> bool:
        if not line.strip() or (self._pattern is not None and self._pattern.search(line)):
            return False
        folded = line.casefold()
        return sum(label in folded for label in self._labels) < 2


def _user_turns(record: Record) -> Iterator[list[str]]:
    return (message.content.split("\n") for message in record.messages if message.role == "user")
