"""Words with their classes: jieba for Chinese, TextBlob's pattern tagger for English; both come with their data."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, Literal

from seekforge.core.cutter import cutter
from seekforge.core.errors import ResourceError

Language = Literal["zh", "en"]
Kind = Literal["noun", "verb", "adjective", "adverb", "entity", "number", "other"]

CJK = "\u3400-\u9fff\uf900-\ufaff"
_CJK = re.compile(f"[{CJK}]")
_LATIN = re.compile(r"[A-Za-z]+")
_CHINESE_SHARE = 0.3  # of the letters, an English word counted as one: Chinese text quotes English words often
_ENGLISH = re.compile(r"[A-Za-z]+(?:['’-][A-Za-z]+)*|\d+(?:[.,]\d+)*|[^\sA-Za-z\d]")
_ENTITIES = frozenset({"nr", "nrt", "nrfg", "ns", "nt", "nz"})
_NUMBERS = frozenset({"m", "mq", "t", "tg"})
_CHINESE: dict[str, Kind] = {
    "n": "noun", "nl": "noun", "ng": "noun", "vn": "noun", "an": "noun", "s": "noun",
    "v": "verb", "vi": "verb", "vg": "verb",
    "a": "adjective", "ag": "adjective", "b": "adjective",
    "d": "adverb", "ad": "adverb", "vd": "adverb",
}  # fmt: skip
_PENN: dict[str, Kind] = {"NN": "noun", "VB": "verb", "JJ": "adjective", "RB": "adverb"}


@dataclass(frozen=True, slots=True)
class Word:
    """A word where it stands.

    Attributes:
        text: As written.
        start: Its first character's place.
        kind: Its class, as coarse as this.
        tag: The tagger's own, jieba's or the Penn Treebank's.
    """

    text: str
    start: int
    kind: Kind
    tag: str

    @property
    def end(self) -> int:
        """The place behind its last character."""
        return self.start + len(self.text)


def language_of(text: str) -> Language | None:
    """The language that most of it is in; None where there is no letter.

    >>> language_of("房间很大，WiFi 也快"), language_of("see 附件 for the whole of it")
    ('zh', 'en')
    """
    chinese, latin = len(_CJK.findall(text)), len(_LATIN.findall(text))
    if not chinese and not latin:
        return None
    return "zh" if chinese / (chinese + latin) >= _CHINESE_SHARE else "en"


class Tagger:
    """Cuts text into words and says their classes.

    Args:
        terms: Words of the domain that stay whole, and count as names.

    Raises:
        ResourceError: TextBlob is not installed; said when the first English text comes.
    """

    def __init__(self, terms: Iterable[str] = ()) -> None:
        self._terms = frozenset(terms)

    def words(self, text: str) -> list[Word]:
        """All words, in order; white space belongs to none."""
        language = language_of(text)
        if language is None:  # figures and signs: no tagger is needed
            return [_signs(match) for match in _ENGLISH.finditer(text)]
        return list(_chinese(text, self._terms)) if language == "zh" else english(text)


@lru_cache(maxsize=4096)  # a parent is looked at by who replaces and by who judges, and for each of its copies
def _chinese(text: str, terms: frozenset[str]) -> tuple[Word, ...]:
    words: list[Word] = []
    place = 0
    for pair in _jieba(terms).cut(text):
        if pair.word.strip():
            words.append(Word(pair.word, place, _chinese_kind(pair.word, pair.flag), pair.flag))
        place += len(pair.word)
    return tuple(words)


@cache  # its tables take a second and 100 MB
def _jieba(terms: frozenset[str]) -> Any:  # noqa: ANN401  jieba has no types
    """A tagger of its own for each set of terms, so that they are nobody else's."""
    from jieba import posseg

    tagger = posseg.POSTokenizer(cutter(terms))
    tagger.word_tag_tab.update(dict.fromkeys(terms, "nz"))
    return tagger


def tokens(text: str) -> list[str]:
    """Words, numbers and signs of English text, as they are written."""
    return _ENGLISH.findall(text)


def english(text: str) -> list[Word]:
    """Words, numbers and signs of English text.

    Raises:
        ResourceError: TextBlob is not installed.
    """
    found = list(_ENGLISH.finditer(text))
    tags = _penn([match[0] for match in found])
    words: list[Word] = []
    for match, tag in zip(found, tags, strict=True):
        opens = not words or words[-1].text in {".", "!", "?", "。", "！", "？"}
        words.append(Word(match[0], match.start(), _english_kind(match[0], tag, opens=opens), tag))
    return words


def _signs(match: re.Match[str]) -> Word:
    return Word(match[0], match.start(), "number" if match[0][0].isdigit() else "other", "")


def _penn(tokens: list[str]) -> list[str]:
    if not tokens:
        return []
    try:
        tagger = importlib.import_module("textblob.en")
    except ImportError as error:
        raise ResourceError(
            "English words need the package textblob", where="data.augment", mend="pip install 'seekforge[data]'"
        ) from error
    tagged = tagger.tag(" ".join(tokens), tokenize=False)
    return [str(tag) for _, tag in tagged]


def _chinese_kind(text: str, flag: str) -> Kind:
    if flag in _ENTITIES:
        return "entity"
    if flag in _NUMBERS:
        return "number"
    if flag == "eng" or _LATIN.search(text):
        return "entity"  # a Latin word in Chinese text is a name, a brand, a code
    return _CHINESE.get(flag, "other")


def _english_kind(text: str, tag: str, *, opens: bool) -> Kind:
    if any(character.isdigit() for character in text) or tag == "CD":
        return "number"
    if not text[0].isalpha():
        return "other"
    name = text[0].isupper() and text != "I" and (not opens or text[1:] != text[1:].lower())
    return "entity" if name else _PENN.get(tag[:2], "other")
