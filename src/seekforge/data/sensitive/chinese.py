"""The Chinese check: words that may decide, in three views of a text, and a classifier for words on no list."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from seekforge.core.files import sha256_json
from seekforge.data.sensitive import entries, store, train
from seekforge.data.sensitive.lists import frequencies
from seekforge.data.sensitive.store import Known
from seekforge.data.sensitive.views import HAN, Sounds, folded, squeezed

VERSION = 2  # of what is kept on disk; raise it when the same lists give another model
_LEAST_SOUNDS, _ENOUGH_SOUNDS = 3, 4  # syllables: two have too many meanings, four need no word boundary
_HAN = re.compile(f"[{HAN}]+")
_COMMON = 300  # jieba's count from which a word teaches the classifier what is ordinary


class Hit(NamedTuple):
    """A listed word: how it was seen (`written`, `symbols`, `sound`), the word, and what the text has for it."""

    view: str
    word: str
    text: str


class Chinese:
    """Looks at texts.

    Args:
        known: The words and the classifier.
        readings: Each character's syllable.
    """

    def __init__(self, known: Known, readings: Mapping[str, str]) -> None:
        self.known = known
        self._sounds = Sounds(readings)
        self._written, self._symbols = entries.matcher_of(known.words), entries.matcher_of(known.symbols)
        self._by_sound = _automaton({self._sounds(word): word for word in known.sounds})

    def hits(self, text: str) -> list[Hit]:
        """The listed words in a text as it was given, each once."""
        plain = folded(text)
        found = {word: Hit("written", word, word) for word in entries.hits(self._written, plain)}
        tight = squeezed(plain)
        if tight != plain:
            for word in entries.hits(self._symbols, tight):
                found.setdefault(word, Hit("symbols", word, word))
        for word, heard in _heard(self._by_sound, self._sounds, tight):
            found.setdefault(word, Hit("sound", word, heard))
        return list(found.values())

    def scores(self, texts: Sequence[str]) -> list[float]:
        """The classifier's score of each text as it was given; above the limit it is sensitive."""
        return [float(score) for score in self.known.weights.scores([squeezed(folded(text)) for text in texts])]


def build(categories: Mapping[str, Sequence[str]], ordinary: Sequence[str], readings: Mapping[str, str]) -> Known:
    """Makes the check of lists and ordinary text; a few seconds.

    Args:
        categories: The lists by name.
        ordinary: Texts that are not sensitive.
        readings: Each character's syllable.
    """
    listed = sorted({word for words in categories.values() for word in entries.readable(words)})
    plain = [folded(text) for text in ordinary]
    tight = [squeezed(text) for text in plain]
    every, counts = entries.matcher_of(listed), frequencies()
    written = {word for text in plain for word in entries.standing(every, text)}
    seen = Counter(word for text in plain for word in set(entries.cut(text)))
    words = entries.deciding(listed, written, {word: n / len(plain) for word, n in seen.items()}, counts)
    joined = {word for text in tight for word in entries.standing(every, text)}
    symbols = [word for word in words if word not in joined]
    common, known = ((word, count) for word, count in counts.items() if len(word) > 1), frozenset(listed)
    everyday = [word for word, count in common if count >= _COMMON and word not in known]
    quality = train.measure(words, tight, everyday)
    return Known(
        tuple(words),
        tuple(symbols),
        tuple(_sounding(symbols, tight, counts, Sounds(readings))),
        train.train(words, tight, everyday),
        quality,
    )


def kept(
    cache: Path, categories: Mapping[str, Sequence[str]], ordinary: Sequence[str], readings: Mapping[str, str]
) -> Known:
    """As `build`, from disk when the same lists and texts were built before.

    Raises:
        ResourceError: The folder cannot be written.
    """
    key = sha256_json([VERSION, train.FALSE_SHARE, {name: list(words) for name, words in categories.items()}, ordinary])
    path = cache / "sensitive" / f"{key[:32]}.npz"
    if path.is_file():
        return store.load(path)
    known = build(categories, ordinary, readings)
    store.save(path, known)
    return known


def _sounding(words: Sequence[str], texts: Sequence[str], counts: Mapping[str, int], sounds: Sounds) -> Iterator[str]:
    """Words of Chinese characters whose sound is not that of anything ordinary."""
    coded = {word: sounds(word) for word in words if len(word) >= _LEAST_SOUNDS and _HAN.fullmatch(word)}
    automaton = _automaton({sound: word for word, sound in coded.items()})
    common = {sounds(word) for word in counts}
    heard = {word for text in texts for word, _ in _heard(automaton, sounds, text)}
    for word, sound in coded.items():
        if word not in heard and sound not in common:
            yield word


def _automaton(sounds: Mapping[str, str]) -> Any:  # noqa: ANN401  pyahocorasick ships no types
    """Finds sounds; of words that sound the same the first stands for all."""
    import ahocorasick

    automaton = ahocorasick.Automaton()
    for sound, word in sounds.items():
        automaton.add_word(sound, (len(sound), word))
    automaton.make_automaton()
    return automaton


def _heard(automaton: Any, sounds: Sounds, plain: str) -> Iterator[tuple[str, str]]:  # noqa: ANN401
    """Words that a folded text sounds like but does not write, with what it writes instead."""
    if not len(automaton):
        return
    found = list(automaton.iter(sounds(plain)))
    places = sounds.places(plain) if found else []
    for last, (size, word) in found:
        start, end = places[last + 1 - size], places[last + 1]
        written = plain[start:end]
        if written == word:
            continue
        # Three syllables have many meanings still: one character may be another one, and words must end where it does.
        others = sum(char not in written for char in word)
        if size >= _ENOUGH_SOUNDS or (others == 1 and entries.is_aligned(plain, start, end)):
            yield word, written
