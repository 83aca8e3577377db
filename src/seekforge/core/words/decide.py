"""Which of the entries that stand in a text are words that must not come out. Pure functions."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar


@dataclass(slots=True)
class Key:
    """What one folded text stands for: in which lists it is a word (list, line), in which an exception."""

    text: str
    words: list[tuple[int, int]] = field(default_factory=list)
    exceptions: list[int] = field(default_factory=list)
    waits: bool = False  # could still become a longer entry, or needs to see what follows

    def strict(self) -> Key:
        """The same without its exceptions."""
        return Key(self.text, self.words, [], self.waits)


class Found(NamedTuple):
    """An entry in a text: from where to where, and what it stands for."""

    start: int
    end: int
    key: Key


class Hit(NamedTuple):
    """A word that must not come out: from where to where, and the list and line that say so."""

    start: int
    end: int
    list: int
    line: int


Span = TypeVar("Span", Found, Hit)


def settled(found: Sequence[Found], live: int) -> int:
    """Up to where everything is known: before `live`, and before every exception that reaches over it.

    A word that begins inside an exception may take the excuse away, so the exception is not let go by halves.
    """
    cut = live
    for entry in reversed(found):
        if entry.key.exceptions and entry.start < cut < entry.end:
            cut = entry.start
    return cut


def unexcused(found: Sequence[Found], cut: int) -> list[Hit]:
    """The words that begin before `cut` and that no exception of their list holds.

    An exception that a word cuts into excuses nothing: when that word is masked, the exception is no longer there.
    """
    words = [entry for entry in found if entry.key.words and entry.start < cut]
    excuses = [entry for entry in found if entry.key.exceptions and entry.start < cut]
    if not excuses:
        return [Hit(word.start, word.end, *word.key.words[0]) for word in words]
    reach = max(entry.end - entry.start for entry in found)
    while True:
        charged = ((word, _charge(word, _near(excuses, word, reach))) for word in words)
        hits = [Hit(word.start, word.end, *charge) for word, charge in charged if charge is not None]
        standing = [entry for entry in excuses if not _near(hits, entry, reach)]
        if len(standing) == len(excuses):
            return hits
        excuses = standing


def _near(items: Sequence[Span], span: Found, reach: int) -> list[Span]:
    """Those of `items`, sorted by start and at most `reach` long, that share a character with `span`."""
    low = bisect_left(items, span.start - reach, key=_start)
    high = bisect_left(items, span.end, key=_start)
    return [item for item in items[low:high] if item.end > span.start]


def _charge(word: Found, excuses: Sequence[Found]) -> tuple[int, int] | None:
    """The first list that forbids the word here, and its line."""
    holding = [entry for entry in excuses if entry.start <= word.start and word.end <= entry.end]
    excused = {number for entry in holding for number in entry.key.exceptions}
    return next((charge for charge in word.key.words if charge[0] not in excused), None)


def _start(entry: Found | Hit) -> int:
    return entry.start
