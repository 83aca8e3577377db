"""The texts of files: records by their messages, plain text by its paragraphs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from pathlib import Path

from seekforge.core.config import DataConfig, SourceConfig
from seekforge.core.errors import DataError
from seekforge.data.rows import FORMATS
from seekforge.data.sources import read_sources

_BLANK = re.compile(r"\n[ \t]*\n")
_HAN = "\u3400-\u4dbf\u4e00-\u9fff\u3001-\u303f\uff00-\uffef"
_BREAK_IN_CHINESE = re.compile(f"(?<=[{_HAN}])[ \t]*\n[ \t]*(?=[{_HAN}])")
_SPACES = re.compile(r"[ \t]*\n[ \t]*|[ \t]+")


def read_texts(files: Sequence[Path]) -> list[str]:
    """The files' texts in order, none empty, each once.

    JSONL, CSV and Parquet give the messages of their records. Any other file is UTF-8 text: paragraphs where it has
    blank lines, else a text a line; a line break inside a paragraph is a space, between Chinese characters nothing.

    Raises:
        DataError: A file is missing, cannot be read or holds no text.
    """
    found: dict[str, None] = {}
    for file in files:
        before = len(found)
        found.update(dict.fromkeys(text for text in _texts(file) if text))
        if len(found) == before:
            raise DataError("no text, or none that is new", where=str(file), mend="Name a file with text")
    return list(found)


def split(texts: Iterable[str], held_out: float) -> tuple[list[str], list[str]]:
    """Texts to learn from and texts held out; a text's own bytes decide, so that no run moves it."""
    learn: list[str] = []
    held: list[str] = []
    for text in texts:
        share = int.from_bytes(blake2b(text.encode(), digest_size=8).digest()) / 2**64
        (held if share < held_out else learn).append(text)
    return learn, held


def _texts(file: Path) -> Iterator[str]:
    if file.suffix.lower() in FORMATS:
        config = DataConfig(sources=(SourceConfig(path=file.absolute()),))
        for record in read_sources(config):
            yield from (message.content.strip() for message in record.messages)
        return
    if not file.is_file():
        what = "a folder, not a file" if file.is_dir() else "no such file"
        raise DataError(what, where=str(file), mend="Name files with text or records")
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError("cannot be read as text", where=str(file), mend="Give UTF-8 text, or records") from error
    yield from (_joined(part) for part in (_BLANK.split(text) if _BLANK.search(text.strip()) else text.splitlines()))


def _joined(paragraph: str) -> str:
    return _SPACES.sub(" ", _BREAK_IN_CHINESE.sub("", paragraph)).strip()
