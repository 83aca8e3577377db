"""Words of a text, Chinese and English alike."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+")
_PIECE = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+|[^\W_]+")


def words(text: str) -> list[str]:
    """Lower-case words; Chinese runs are cut by jieba, punctuation is left out, full-width forms are folded.

    >>> words("HOLD. Rule 12")
    ['hold', 'rule', '12']
    """
    found: list[str] = []
    for piece in _PIECE.findall(unicodedata.normalize("NFKC", text).casefold()):
        found.extend(_cut(piece) if _HAN.fullmatch(piece) else _mixed(piece))
    return found


def mostly_chinese(texts: Sequence[str]) -> bool:
    """Whether at least half of the letters are Chinese characters."""
    joined = "".join(texts)
    letters = sum(character.isalpha() for character in joined)
    return letters > 0 and sum(map(len, _HAN.findall(joined))) * 2 >= letters


def _mixed(piece: str) -> list[str]:
    """A run such as `iphone手机` holds both scripts."""
    parts = [p for p in re.split(f"({_HAN.pattern})", piece) if p]
    return [word for part in parts for word in (_cut(part) if _HAN.fullmatch(part) else [part])]


def _cut(run: str) -> list[str]:
    import jieba

    jieba.setLogLevel(60)  # its "building prefix dict" lines are no news
    return list(jieba.lcut(run))
