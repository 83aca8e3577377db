"""jieba, with the domain's own words where a lexicon names them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

_KEPT = 4  # lexicons at once: each is a dictionary of its own, some 100 MB


@lru_cache(maxsize=_KEPT)
def cutter(terms: frozenset[str] = frozenset()) -> Any:  # noqa: ANN401  jieba has no types
    """A `jieba.Tokenizer` that keeps these terms whole; without terms jieba's own.

    A tokenizer with terms is one of its own, so that nobody else's text is cut by them.
    """
    import jieba

    jieba.setLogLevel(60)  # its "building prefix dict" lines are no news
    if not terms:
        return jieba.dt
    own = jieba.Tokenizer()
    for term in sorted(terms):
        own.add_word(term)
    return own


def known_words() -> Mapping[str, int]:
    """The words of jieba's dictionary and how often each stood in its text; beginnings of words are there with 0."""
    jieba = cutter()
    jieba.initialize()
    frequency: Mapping[str, int] = jieba.FREQ
    return frequency
