"""Which words of a list may decide alone. Lists from the web hold ordinary words by the thousand: 时候, 朋友, 酒店.

A word is demoted when it is too short or has no Chinese characters (English has a classifier of its own), stands in
ordinary text or in jieba's dictionary, or is put together from words of ordinary text alone. What is left may decide,
where it stands on word boundaries.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from pathlib import Path

from seekforge.core.config.guard import WordListConfig
from seekforge.core.cutter import cutter
from seekforge.core.words.fold import fold
from seekforge.core.words.lists import LONGEST, Entry, WordList
from seekforge.core.words.matcher import Matcher
from seekforge.data.sensitive.views import HAN

_EVERYDAY = 0.01  # share of ordinary texts that have an everyday character as a word of its own
_HAN = re.compile(f"[{HAN}]")
_AROUND = 12  # characters on either side that decide where words begin


def readable(words: Iterable[str]) -> Iterator[str]:
    """The folded words that have two Chinese characters at least."""
    for word in words:
        text = fold(word).strip(" ")
        if len(_HAN.findall(text)) >= 2 and len(text) <= LONGEST:
            yield text


def deciding(
    words: Iterable[str], ordinary: Collection[str], seen: Mapping[str, float], count: Mapping[str, int]
) -> list[str]:
    """The words that may decide alone, sorted.

    Args:
        words: Folded.
        ordinary: Those of them that stand in ordinary text, on word boundaries or not.
        seen: All words that ordinary text has, as jieba cuts it, each with the share of texts that have it.
        count: jieba's dictionary.
    """
    kept = []
    for word in sorted(set(words)):
        if word in ordinary or word in count:
            continue
        if not _is_put_together(cut(word), seen):
            kept.append(word)
    return kept


def _is_put_together(pieces: list[str], seen: Mapping[str, float]) -> bool:
    """Of ordinary words only; a character alone must be an everyday one."""
    return len(pieces) > 1 and all(seen.get(piece, 0) > (0 if len(piece) > 1 else _EVERYDAY) for piece in pieces)


def matcher_of(words: Sequence[str]) -> Matcher | None:
    """Finds these folded words; None for none."""
    if not words:
        return None
    entries = tuple(Entry(word, line, False) for line, word in enumerate(words))
    return Matcher([WordList(WordListConfig(path=Path("words")), entries, "", ())])


def standing(matcher: Matcher | None, plain: str) -> set[str]:
    """The listed words of a folded text, wherever they begin."""
    if matcher is None:
        return set()
    return {plain[start:end] for start, end, _, _ in matcher.hits(plain)}


def hits(matcher: Matcher | None, plain: str) -> Iterator[str]:
    """The listed words of a folded text that begin and end where words do."""
    if matcher is None:
        return
    for start, end, _, _ in matcher.hits(plain):
        if is_aligned(plain, start, end):
            yield plain[start:end]


def is_aligned(plain: str, start: int, end: int) -> bool:
    """Whether jieba ends a word on both sides of a stretch: 藏独 is no word of 收藏独家."""
    first = max(0, start - _AROUND)
    pieces = cut(plain[first : end + _AROUND])
    edges = {first, *accumulate(map(len, pieces), initial=first)}
    return start in edges and end in edges


def cut(plain: str) -> list[str]:
    """The words of a text by jieba."""
    return list(cutter().cut(plain))
