"""The tables beside this file: words that say the same, words that turn a sentence round, words that carry nothing."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

TABLES = Path(__file__).parent / "tables"
NEGATING = "不未无没非勿"  # a Chinese word that begins with one of these denies, unless `not_negating` has it


def lines(name: str) -> Iterator[str]:
    """The lines of a table without comments and empty lines."""
    for line in (TABLES / name).read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("# "):
            yield line


@lru_cache(maxsize=1)
def _lists() -> dict[str, frozenset[str]]:
    found: dict[str, list[str]] = {}
    here: list[str] = []
    for line in lines("lists.txt"):
        if line.startswith("["):
            here = found.setdefault(line.strip("[]"), [])
        else:
            here += line.split()
    return {name: frozenset(words) for name, words in found.items()}


def words(name: str) -> frozenset[str]:
    """A list of `lists.txt`."""
    return _lists()[name]


@lru_cache(maxsize=4)
def groups(name: str) -> tuple[tuple[frozenset[str], ...], ...]:
    """A table of groups, one a line, its sides parted by ` / `: `cues`, `opposites`, `aspects`."""
    return tuple(tuple(frozenset(side.split()) for side in line.split(" / ")) for line in lines(f"{name}.txt"))
