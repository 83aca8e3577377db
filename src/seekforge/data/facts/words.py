"""Text as words that can be compared: stems of English, words of Chinese, and what they do to a sentence."""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any

from seekforge.data.facts import lexicon

_HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_TOKEN = re.compile(rf"n't|[a-zà-öø-ÿ]+(?=n't)|[a-zà-öø-ÿ]+|\d+(?:[.,:]\d+)*|[{_HAN}]+|[:=]")
_IS_HAN = re.compile(f"[{_HAN}]")
_SENTENCE = re.compile(
    r"(?<=[。！？!?；;\n])|(?<=[.])(?=\s|$)(?<!\bno\.)(?<!\bmr\.)(?<!\bdr\.)(?<!\bst\.)(?<!\be\.g\.)(?<!\bi\.e\.)(?<![a-z]\.[a-z]\.)"
)
_NOUN_STOP = re.compile(r"[^a-zà-öø-ÿ\s-]")
_BOUND_WORDS = re.compile(
    r"(?:no|not|never) (?:more|less|longer|later|fewer|greater|older|higher|lower|earlier) than|not only|no\. ?\d"
    r"|(?:not|n't|never) (?:to )?exceed|没有超过|不仅|不但"
    r"|不(?:得|能|可|应|要|宜|会)?(?:超过|多于|高于|低于|少于|晚于|早于)"
)
_ABOUT = re.compile(r"约(?=\s?[\d零一二两三四五六七八九十百])")  # jieba knows words that end in it
_RELATIVE = 3  # words after a number that may name what it counts


class Words:
    """Cuts text into words; Chinese by a jieba of its own, so that names it learns stay here.

    Args:
        names: Words that must not be cut.
        is_chinese: False where nothing Chinese will be looked for: then it is not cut at all, which is much faster.
    """

    def __init__(self, names: Iterable[str] = (), *, is_chinese: bool = True) -> None:
        self._is_chinese = is_chinese
        self._names = [name for name in names if has_chinese(name)]
        self._jieba: Any = None
        self._tagger: Any = None

    def cut(self, text: str) -> list[tuple[str, int]]:
        """The words of a plain text and where each begins; English as stems."""
        found: list[tuple[str, int]] = []
        for match in _TOKEN.finditer(_ABOUT.sub(" ", text)):
            token = match[0]
            if token[0] >= "\u3400" and self._is_chinese:
                found += self._chinese(token, match.start())
            else:
                found.append((stem(token), match.start()))
        return found

    def _chinese(self, text: str, start: int) -> Iterator[tuple[str, int]]:
        if self._jieba is None:
            self._jieba = _tokenizer(self._names)
        for word in self._jieba.lcut(text, HMM=False):
            yield sys.intern(word), start
            start += len(word)

    def is_noun(self, word: str) -> bool:
        """Whether jieba's dictionary has a Chinese word as a noun or name."""
        return all(flag.startswith("n") for flag in self.classes(word))

    def classes(self, text: str) -> list[str]:
        """Word classes of a Chinese text, as jieba's dictionary has them; `x` for what it does not know."""
        if self._tagger is None:
            from jieba.posseg import POSTokenizer

            self._tagger = POSTokenizer(self._jieba)
        return [str(pair.flag) for pair in self._tagger.cut(text)]


def _tokenizer(names: Sequence[str]) -> Any:  # noqa: ANN401  the library is loaded late and has no types
    import jieba

    jieba.setLogLevel("ERROR")
    tokenizer = jieba.Tokenizer()
    for name in names:
        tokenizer.add_word(name, 10**6)
    return tokenizer


@lru_cache(maxsize=1 << 16)
def stem(word: str) -> str:
    """The stem of an English word in lower case; other words and numbers as they are.

    Source: Porter's second algorithm, https://snowballstem.org/algorithms/english/stemmer.html
    """
    if len(word) < 4 or not word.isascii() or not word.isalpha():
        return sys.intern(word)
    return sys.intern(str(_stemmer().stemWord(word)))


@lru_cache(maxsize=1)
def _stemmer() -> Any:  # noqa: ANN401  the library is loaded late and has no types
    import snowballstemmer

    return snowballstemmer.stemmer("english")


def sentences(text: str) -> Iterator[tuple[int, str]]:
    """Sentences of a plain text that hold a letter or digit, each with its start."""
    start = 0
    for part in _SENTENCE.split(text):
        if any(char.isalnum() for char in part):
            yield start, part
        start += len(part)


def has_chinese(text: str) -> bool:
    """Whether there is a Chinese character in it."""
    return _IS_HAN.search(text) is not None


def stems(words: Iterable[str]) -> frozenset[str]:
    """The stems of words of the lexicon."""
    return frozenset(stem(word) for word in words)


@lru_cache(maxsize=1)
def stop() -> frozenset[str]:
    """Stems that carry no matter."""
    return stems(lexicon.words("stop"))


def content(words: Iterable[str]) -> frozenset[str]:
    """Those of the words that carry matter; numbers, which are values, do not."""
    return frozenset(word for word in words if word not in stop() and not word[0].isdigit() and word not in ":=")


def noun_stems(text: str) -> frozenset[str]:
    """Stems of the English words right behind a number, up to a stop word or sign: what it counts."""
    found = []
    for word in re.split(r"[\s-]+", _NOUN_STOP.split(text, maxsplit=1)[0].strip()):
        if not word or word in lexicon.words("stop"):
            break
        found.append(stem(word))
    return frozenset(found[:_RELATIVE])


@lru_cache(maxsize=1)
def _notions() -> dict[str, frozenset[int]]:
    found: dict[str, set[int]] = {}
    for number, words in enumerate(lexicon.groups("cues")):
        for word in words[0]:
            found.setdefault(stem(word), set()).add(number)
    return {word: frozenset(numbers) for word, numbers in found.items()}


def notions(words: Iterable[str]) -> frozenset[int]:
    """The notions of `tables/cues.txt` that the words name."""
    known = _notions()
    return frozenset(number for word in words for number in known.get(word, ()))


@lru_cache(maxsize=4)
def sides_of(which: str) -> tuple[tuple[frozenset[str], ...], ...]:
    """The groups of a list of the lexicon, each with its sides as stems."""
    return tuple(tuple(stems(side) for side in group) for group in lexicon.groups(which))


@lru_cache(maxsize=8)
def listed(which: str) -> frozenset[str]:
    """The stems of a list of the lexicon."""
    return stems(lexicon.words(which))


def denials(text: str, words: Collection[str]) -> int:
    """How many words of a clause deny it; those that are part of a bound (`no more than`) do not count."""
    bounds = sum(1 for _ in _BOUND_WORDS.finditer(text))
    denying = sum(_denies(word) for word in words)
    return max(0, denying - bounds)


def _denies(word: str) -> bool:
    if word in listed("negators"):
        return True
    return word[0] in lexicon.NEGATING and len(word) <= 4 and word not in lexicon.words("not_negating")


def swapped(one: Collection[str], other: Collection[str]) -> int:
    """How many pairs of opposites stand turned round between two sentences."""
    return sum(_differ(group, one, other) for group in sides_of("opposites"))


def aspects_differ(known: Collection[str], said: Collection[str]) -> bool:
    """Whether the claim is about another case than the fact: children and not adults, the least and not the most."""
    people = sides_of("aspects")[0]  # of whom the fact is silent it need not hold
    if any(not side.isdisjoint(said) for side in people) and all(side.isdisjoint(known) for side in people):
        return True
    return any(_differ(group, known, said) for group in sides_of("aspects"))


def _differ(group: Sequence[frozenset[str]], one: Collection[str], other: Collection[str]) -> bool:
    first = {place for place, side in enumerate(group) if not side.isdisjoint(one)}
    second = {place for place, side in enumerate(group) if not side.isdisjoint(other)}
    return bool(first) and bool(second) and not first & second
