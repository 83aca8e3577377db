"""Which facts a sentence may be about: names by one automaton, subjects in other words, and embeddings for the rest."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seekforge.data.facts.claims import Claim
from seekforge.data.facts.topics import Name, Topic

if TYPE_CHECKING:
    from seekforge.engines.embed.protocol import Embedder, Vectors

_EDGE = "\x1f"
_BATCH = 64
_NUMBER = re.compile(r"\d[\d,.:]*|[零一二两三四五六七八九十百千万亿]{2,}")


@dataclass(frozen=True, slots=True)
class Links:
    """What was found in one sentence.

    Attributes:
        topics: Facts whose subject it names, by their places, in order.
        objects: Names of objects in it, each with the start of its first character.
        spans: Where the first and the last word of each subject's name begin.
    """

    topics: tuple[int, ...] = ()
    objects: tuple[tuple[Name, int], ...] = ()
    spans: tuple[tuple[int, int], ...] = ()


class Linker:
    """Finds names of subjects and objects, the longest first, at the edges of words only.

    Args:
        topics: All facts.
    """

    def __init__(self, topics: Sequence[Topic]) -> None:
        import ahocorasick

        subjects: dict[Name, list[int]] = defaultdict(list)
        for place, topic in enumerate(topics):
            for name in topic.subjects:
                subjects[name].append(place)
        objects = {name for topic in topics for name in topic.objects}
        self._subjects = {name: tuple(dict.fromkeys(places)) for name, places in subjects.items()}
        self._objects = frozenset(objects)
        self._automaton: Any = ahocorasick.Automaton()
        for name in {*subjects, *objects}:
            if name:
                self._automaton.add_word(_EDGE + _EDGE.join(name) + _EDGE, name)
        self._automaton.make_automaton()
        self._scattered = _by_rarest(self._subjects)
        self._texts = [place for place, topic in enumerate(topics) if not topic.subjects]
        self._by_word = _by_matter(topics, self._texts)

    def link(self, claim: Claim) -> Links:
        """What the sentence names."""
        kept = claim.kept()
        found = self._names(kept)
        topics: dict[int, None] = {}
        for name, _, _ in found:
            topics.update(dict.fromkeys(self._subjects.get(name, ())))
        words = {word for word, _ in kept}
        for word in words & self._scattered.keys():
            for name in self._scattered[word]:
                if words.issuperset(name):
                    topics.update(dict.fromkeys(self._subjects[name]))
        for word in words & self._by_word.keys():
            topics.update(dict.fromkeys(self._by_word[word]))
        objects = tuple((name, at) for name, at, _ in found if name in self._objects)
        spans = tuple((at, last) for name, at, last in found if name in self._subjects)
        return Links(tuple(sorted(topics)), objects, spans)

    def _names(self, kept: Sequence[tuple[str, int]]) -> list[tuple[Name, int, int]]:
        """Names in a row of words with the starts of their first and last word; of those that overlap the longest."""
        if not len(self._automaton) or not kept:
            return []
        text, places = _EDGE, {}
        for place, (word, _) in enumerate(kept):
            places[len(text) - 1] = place
            text += word + _EDGE
        spans = []
        for end, name in self._automaton.iter(text):
            length = sum(map(len, name)) + len(name) + 1
            spans.append((end + 1 - length, end, name))
        spans.sort(key=lambda span: (span[0], -span[1]))
        found, covered = [], -1
        for start, end, name in spans:
            if start >= covered:
                first = places[start]
                found.append((name, kept[first][1], kept[first + len(name) - 1][1]))
                covered = end
        return found


def _by_rarest(subjects: dict[Name, tuple[int, ...]]) -> dict[str, list[Name]]:
    """Names of several words by their rarest word, so that a sentence with all of them in any order is found."""
    count: dict[str, int] = defaultdict(int)
    for name in subjects:
        for word in set(name):
            count[word] += 1
    found: dict[str, list[Name]] = defaultdict(list)
    for name in subjects:
        if len(set(name)) > 1:
            found[min(name, key=lambda word: (count[word], word))].append(name)
    return dict(found)


def _by_matter(topics: Sequence[Topic], places: Sequence[int]) -> dict[str, list[int]]:
    """Facts without a subject by each of their two rarest words."""
    count: dict[str, int] = defaultdict(int)
    for place in places:
        for word in topics[place].matter:
            count[word] += 1
    found: dict[str, list[int]] = defaultdict(list)
    for place in places:
        for word in sorted(topics[place].matter, key=lambda word: (count[word], word))[:2]:
            found[word].append(place)
    return dict(found)


class Nearest:
    """Facts by the likeness of their sentences, numbers masked, so that another number makes no distance.

    Args:
        topics: All facts.
        embedder: Turns sentences into vectors.
        threshold: Least cosine similarity; it is the embedder's own, so calibrate it.
    """

    def __init__(self, topics: Sequence[Topic], embedder: Embedder, threshold: float) -> None:
        self._embedder, self._threshold = embedder, threshold
        self._vectors = self._embed([topic.fact.statement for topic in topics])

    def find(self, texts: Sequence[str]) -> list[int | None]:
        """The nearest fact of each text, None where none is near enough."""
        if not texts:
            return []
        likeness = self._embed(texts) @ self._vectors.T
        best = likeness.argmax(axis=1)
        return [
            int(place) if likeness[row, place] >= self._threshold else None for row, place in enumerate(best.tolist())
        ]

    def _embed(self, texts: Sequence[str]) -> Vectors:
        import numpy as np

        masked = [_fitting(mask(text), self._embedder) for text in texts]
        parts = [self._embedder.embed(masked[start : start + _BATCH]) for start in range(0, len(masked), _BATCH)]
        return np.concatenate(parts)


def mask(text: str) -> str:
    """The text with `0` for each number."""
    return _NUMBER.sub("0", text.replace("\0", " ").strip()) or "0"


def _fitting(text: str, embedder: Embedder) -> str:
    """The text, halved until the embedder reads all of it."""
    while embedder.count([text])[0] > embedder.longest and len(text) > 1:
        text = text[: len(text) // 2]
    return text
