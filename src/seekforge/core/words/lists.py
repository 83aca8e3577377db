"""Word lists as files: one word a line, `#` a comment, `!` an exception that holds a listed word and may come out."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from seekforge.core.config.guard import WordListConfig
from seekforge.core.errors import ConfigError
from seekforge.core.words.fold import fold

LONGEST = 128  # folded characters of a word: that much of an answer can be held back
_BIGGEST = 32 << 20  # bytes of a file
_BUILTIN = Path(__file__).parent / "builtin"


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of a list. `text` is folded."""

    text: str
    line: int
    is_exception: bool


@dataclass(frozen=True, slots=True)
class WordList:
    """A list as it stood in its file at one time.

    Attributes:
        config: Where it came from and what it does.
        entries: Words and exceptions, each once.
        version: The beginning of the file's SHA-256: what a line number in the audit refers to.
        signature: Of the file, for seeing a change: modification time, size, inode.
    """

    config: WordListConfig
    entries: tuple[Entry, ...]
    version: str
    signature: tuple[int, ...]

    @property
    def name(self) -> str:
        """What the audit calls it."""
        return self.config.name


def path_of(config: WordListConfig) -> Path:
    """The file of a list."""
    return config.path.expanduser() if config.path else _BUILTIN / f"{config.builtin}.txt"


def signature(path: Path) -> tuple[int, ...]:
    """Differs when the file was written or replaced.

    Raises:
        OSError: There is no such file.
    """
    stat = path.stat()
    return stat.st_mtime_ns, stat.st_size, stat.st_ino


def read(config: WordListConfig) -> WordList:
    """Reads a list.

    Raises:
        ConfigError: The file is missing, changes while it is read, or a line is wrong; names the line.
    """
    path = path_of(config)
    try:
        with path.open("rb") as file:
            stat = os.fstat(file.fileno())
            data = file.read(_BIGGEST + 1)
            after = os.fstat(file.fileno())
    except OSError as error:
        raise ConfigError(
            f"the word list cannot be read ({error.strerror or error})", where=str(path), mend="Check `path`"
        ) from error
    if len(data) > _BIGGEST:
        raise ConfigError(f"the word list is larger than {_BIGGEST >> 20} MiB", where=str(path), mend="Split it")
    if (stat.st_mtime_ns, stat.st_size) != (after.st_mtime_ns, after.st_size) or len(data) != after.st_size:
        raise ConfigError("the word list is being written", where=str(path), mend="Write beside it, then rename")
    entries = parse(_decode(data, path), str(path))
    version = hashlib.sha256(data).hexdigest()[:12]
    return WordList(config, entries, version, (stat.st_mtime_ns, stat.st_size, stat.st_ino))


def parse(text: str, where: str) -> tuple[Entry, ...]:
    r"""Reads a list's text; a leading backslash makes `#`, `!` and itself part of a word.

    >>> [entry.text for entry in parse("# arms\nAK４７\n", "arms.txt")]
    ['ak47']

    Raises:
        ConfigError: A line is wrong, or there is no word at all.
    """
    entries: dict[str, Entry] = {}
    for number, line in enumerate(text.split("\n"), 1):
        word = line.strip()
        if not word or word.startswith("#"):
            continue
        entry = _entry(word, number, f"{where}:{number}")
        other = entries.setdefault(entry.text, entry)
        if other.is_exception != entry.is_exception:
            raise ConfigError(
                f"the same word as on line {other.line}, once listed and once excepted",
                where=f"{where}:{number}",
                mend="Remove one of them",
            )
    words = {entry.text for entry in entries.values() if not entry.is_exception}
    if not words:
        raise ConfigError("the word list has no word", where=where, mend="Write one word a line")
    for entry in entries.values():
        if entry.is_exception and not _holds_one_of(words, entry.text):
            raise ConfigError(
                "the exception holds no word of this list", where=f"{where}:{entry.line}", mend="Remove it or mend it"
            )
    return tuple(entries.values())


def _entry(line: str, number: int, where: str) -> Entry:
    is_exception = line.startswith("!")
    word = line.removeprefix("!").removeprefix("\\")
    control = next((char for char in word if ord(char) < 32 and char != "\t"), None)
    if control is not None:
        raise ConfigError(f"holds the control character U+{ord(control):04X}", where=where, mend="Remove it")
    text = fold(word).strip(" ")
    if not any(char.isalnum() or not char.isascii() for char in text):
        raise ConfigError(
            "holds nothing but punctuation or invisible characters",
            where=where,
            mend="Write a word, or # before a comment",
        )
    if len(text) > LONGEST:
        raise ConfigError(f"is longer than {LONGEST} characters", where=where, mend="Shorten it")
    return Entry(text, number, is_exception)


def _holds_one_of(words: set[str], text: str) -> bool:
    """Does the text hold a word that is shorter than itself? Texts are short, so every piece is looked up."""
    size = len(text)
    return any(text[i:j] in words for i in range(size) for j in range(i + 1, size + 1) if j - i < size)


def _decode(data: bytes, path: Path) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError("not UTF-8 text", where=f"{path}:{line}", mend="Save the file as UTF-8") from error
