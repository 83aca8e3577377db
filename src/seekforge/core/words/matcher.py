"""Which entries stand in folded text, and how much of its end could still become one. Immutable once made."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import groupby, pairwise
from typing import Any

import ahocorasick

from seekforge.core.errors import ConfigError
from seekforge.core.words.decide import Found, Hit, Key, unexcused
from seekforge.core.words.fold import DIGITS, LETTERS, fold
from seekforge.core.words.lists import WordList

_MASKS = "*■●▒"


class Matcher:
    """All lists in automata, one for each character that an entry begins with.

    A single automaton would be slow: pyahocorasick looks through a node's children one by one, and at the root of a
    Chinese list there are thousands.

    A letter or digit at a word's edge matches only at the edge of a run of its kind, so `ass` is not in `class`.

    Args:
        lists: In the order of the config.

    Raises:
        ConfigError: What a list answers with holds a listed word, or no character is left to mask with.
    """

    def __init__(self, lists: Sequence[WordList]) -> None:
        self.lists = tuple(lists)
        keys = _keys(self.lists)
        self._automata = {char: _automaton(group) for char, group in groupby(keys, key=lambda key: key.text[0])}
        self._starts = _starts(self._automata)
        self.size = len(keys)
        self.longest = max((len(key.text) for key in keys), default=0)
        self.mask = _free_mask({char for key in keys for char in key.text})
        for words in self.lists:
            if words.config.text is not None and self.hits(fold(words.config.text)):
                raise ConfigError(
                    "the answer's text holds a listed word", where=words.name, mend="Say it in other words"
                )

    def start(self, text: str, before: str = "") -> int:
        """Where the first entry may begin, by its first character alone; -1 when none may.

        Args:
            text: Folded text.
            before: The folded character before it.
        """
        match = self._starts(text, 0)
        if match is not None and before and match.start() == 0 and _joined(before, text[0]):
            match = self._starts(text, 1)
        return -1 if match is None else match.start()

    def scan(self, text: str, start: int, *, final: bool = False) -> tuple[list[Found], int]:
        """The entries in folded text, and where the earliest one begins that it is too short to tell.

        Args:
            text: Folded text.
            start: Where the first entry may begin, from `start`.
            final: Nothing follows; else an entry that ends in a letter or digit waits for what does.

        Returns:
            The entries by start and then longest first, and the place, which is the text's length when there is none.
        """
        size = live = len(text)
        found: list[Found] = []
        while start >= 0:
            longest_prefix, automaton, is_entry = self._automata[text[start]]
            rest = text[start : start + self.longest]
            length = longest_prefix(rest)
            if start + length == size and not final and live == size:
                key = automaton.get(rest, None)
                if key is None or key.waits:
                    live = start
            if length > 1 or is_entry:
                found += _entries(automaton, text, start, length, final)
            match = self._starts(text, start + 1)
            start = -1 if match is None else match.start()
        return found, live

    def hits(self, text: str) -> list[Hit]:
        """The listed words of a whole folded text that no exception excuses, leftmost and longest first."""
        found, _ = self.scan(text, self.start(text), final=True)
        return unexcused(found, len(text))


def _keys(lists: Sequence[WordList]) -> list[Key]:
    """What each folded text stands for in all lists, sorted by it."""
    keys: dict[str, Key] = {}
    for number, words in enumerate(lists):
        for entry in words.entries:
            key = keys.setdefault(entry.text, Key(entry.text))
            if entry.is_exception:
                key.exceptions.append(number)
            else:
                key.words.append((number, entry.line))
    ordered = [keys[text] for text in sorted(keys)]
    for key in ordered:
        key.waits = key.text[-1] in LETTERS or key.text[-1] in DIGITS
    for key, following in pairwise(ordered):
        key.waits |= following.text.startswith(key.text)  # sorted, so what begins with it comes next
    return ordered


def _automaton(keys: Iterable[Key]) -> tuple[Callable[[str], int], Any, bool]:
    """Entries with one first character: the longest beginning of one, the automaton, is the character itself one?"""
    automaton, is_entry = ahocorasick.Automaton(), False
    for key in keys:
        automaton.add_word(key.text, key)
        is_entry |= len(key.text) == 1
    automaton.make_automaton()
    return automaton.longest_prefix, automaton, is_entry


def _entries(automaton: Any, text: str, start: int, length: int, final: bool) -> list[Found]:  # noqa: ANN401
    """Those that begin at `start`, the longest first; `length` characters of `text` begin an entry there."""
    found = []
    for last, key in automaton.iter(text, start, start + length):
        end = last + 1
        if end - start != len(key.text):  # begins later; it is found from there
            continue
        if end == len(text):
            if not final and (text[last] in LETTERS or text[last] in DIGITS):
                continue
        elif _joined(text[last], text[end]):
            continue
        found.append(Found(start, end, key))
    found.reverse()
    return found


def _free_mask(used: set[str]) -> str:
    """What masks a word must not complete another one."""
    free = next((mask for mask in _MASKS if mask not in used), None)
    if free is None:
        raise ConfigError(f"every character of {_MASKS} is part of a listed word", mend="Remove one such word")
    return free


def _joined(left: str, right: str) -> bool:
    """Are two neighbours of one run of letters, or of one run of digits?"""
    return (right in LETTERS and left in LETTERS) or (right in DIGITS and left in DIGITS)


def _starts(automata: Collection[str]) -> Callable[[str, int], re.Match[str] | None]:
    """Finds a character that begins an entry, a letter or digit only where a run of its kind begins."""
    first = frozenset(automata)
    kinds = (first & LETTERS, first & DIGITS, first - LETTERS - DIGITS)
    edges = (f"(?<!{_one_of(LETTERS)})", "(?<![0-9])", "")
    ways = [edge + _one_of(kind) for kind, edge in zip(kinds, edges, strict=True) if kind]
    return re.compile("|".join(ways) or "(?!)").search


def _one_of(chars: Collection[str]) -> str:
    return f"[{''.join(map(re.escape, sorted(chars)))}]"
