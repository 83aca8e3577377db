"""A lexicon of domain terms as a file that a person reviews: TSV, one term a line.

`term TAB score TAB count TAB example`; only the term is needed. A line that is deleted drops its term, a term that is
edited is taken as edited, `#` at the beginning makes a comment.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from seekforge.core.errors import DataError
from seekforge.core.files import write_output

_HEAD = "# A domain lexicon. Delete a line to drop its term, edit a term to change it, then hand it on."
_COLUMNS = "# term\tscore\tcount\texample"
_SPACE = re.compile(r"\s+")
_MEND = "Write one term a line; what follows a tab is for people"


@dataclass(frozen=True, slots=True)
class Entry:
    """A term.

    Attributes:
        term: As it stands in text.
        score: How much it is the domain's; 0 where a person wrote the line.
        count: How often it stood in the domain's text.
        example: A piece of text with it.
    """

    term: str
    score: float = 0.0
    count: int = 0
    example: str = ""


def read_lexicon(path: Path) -> tuple[Entry, ...]:
    """The entries in the file's order; a term that comes twice counts once.

    Raises:
        DataError: The file cannot be read, has no term, or a score or count is no number.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError("the lexicon cannot be read", where=str(path), mend="One term a line, in UTF-8") from error
    found: dict[str, Entry] = {}
    for number, line in enumerate(lines, 1):
        if line.strip() and not line.startswith("#"):
            entry = _entry(line, f"{path}:{number}")
            found.setdefault(entry.term, entry)
    if not found:
        raise DataError("the lexicon has no term", where=str(path), mend=_MEND)
    return tuple(found.values())


def write_lexicon(path: Path, entries: Iterable[Entry]) -> None:
    """Writes the file whole or not at all; tabs and line breaks inside a cell become spaces."""
    lines = [_HEAD, _COLUMNS]
    lines += [f"{_cell(e.term)}\t{e.score:.4g}\t{e.count}\t{_cell(e.example)}" for e in entries]
    write_output(path, "\n".join(lines) + "\n")


def _entry(line: str, where: str) -> Entry:
    term, score, count, example = (*(cell.strip() for cell in line.split("\t")), "", "", "")[:4]
    if not term:
        raise DataError("a line without a term", where=where, mend=_MEND)
    try:
        return Entry(term, float(score or 0), int(count or 0), example)
    except ValueError as error:
        raise DataError(f"'{score}' or '{count}' is no number", where=where, mend=_MEND) from error


def _cell(text: str) -> str:
    return _SPACE.sub(" ", text).strip()
