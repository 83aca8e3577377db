"""Words of a text, Chinese and English alike."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

from seekforge.core.config import Recipe
from seekforge.core.cutter import cutter
from seekforge.core.lexicon import read_lexicon

_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+")
_PIECE = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+|[^\W_]+")


def words(text: str, terms: frozenset[str] = frozenset()) -> list[str]:
    """Lower-case words; Chinese runs are cut by jieba, punctuation is left out, full-width forms are folded.

    Args:
        text: Any text.
        terms: Chinese words of the domain that jieba keeps whole.

    >>> words("HOLD. Rule 12")
    ['hold', 'rule', '12']
    """
    found: list[str] = []
    for piece in _PIECE.findall(_fold(text)):
        found.extend(_cut(piece, terms) if _HAN.fullmatch(piece) else _mixed(piece, terms))
    return found


def ngrams(found: Sequence[str], size: int) -> list[tuple[str, ...]]:
    """Runs of `size` words, in order.

    >>> ngrams(["a", "b", "c"], 2)
    [('a', 'b'), ('b', 'c')]
    """
    return list(zip(*(found[start:] for start in range(size)), strict=False))


def terms_of(recipe: Recipe) -> frozenset[str]:
    """The terms of the recipe's lexicon, in compatibility form and lower case as texts are before they are cut.

    Raises:
        DataError: The lexicon cannot be read.
    """
    path = recipe.evaluate.lexicon
    return folded(entry.term for entry in read_lexicon(path)) if path is not None else frozenset()


def folded(terms: Iterable[str]) -> frozenset[str]:
    """Terms as `words` sees them."""
    return frozenset(_fold(term) for term in terms)


def mostly_chinese(texts: Sequence[str]) -> bool:
    """Whether at least half of the letters are Chinese characters."""
    joined = "".join(texts)
    letters = sum(character.isalpha() for character in joined)
    return letters > 0 and sum(map(len, _HAN.findall(joined))) * 2 >= letters


def _fold(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def _mixed(piece: str, terms: frozenset[str]) -> list[str]:
    """A run such as `iphone手机` holds both scripts."""
    parts = [p for p in re.split(f"({_HAN.pattern})", piece) if p]
    return [word for part in parts for word in (_cut(part, terms) if _HAN.fullmatch(part) else [part])]


def _cut(run: str, terms: frozenset[str]) -> list[str]:
    return list(cutter(terms).lcut(run))
