"""One sentence and one fact that it may be about: how surely it is, and what keeps it from being a plain claim."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import dropwhile, takewhile

from seekforge.data.facts.claims import Claim
from seekforge.data.facts.compare import Match, compare, is_comparable
from seekforge.data.facts.link import Links
from seekforge.data.facts.topics import Topic
from seekforge.data.facts.words import Words, content, listed, notions, swapped

# Shares of a fact's words that a sentence has: its relation is meant, its sentence is, it is repeated.
RELATION, MATTER, CLOSE = 0.5, 0.6, 0.8
_OWNS, _THERE, _ARTICLES = {"的", "s"}, set("上中里内下边"), {"the", "a", "an", "this", "这", "那", "座"}
_OF, _PLACES = {"of", "for"}, {"on", "in", "at", "near", "from"}


@dataclass(frozen=True, slots=True)
class Aim:
    """One sentence and one fact that it may be about.

    Attributes:
        claim: The sentence.
        topic: The fact.
        links: Names in the sentence.
        asked: Words of the question before it, where the subject stands there and not in the sentence itself.
    """

    claim: Claim
    topic: Topic
    links: Links
    asked: frozenset[str] | None = None

    def cue(self) -> float:
        """How surely the sentence means this fact's relation; 0 where it does not seem to."""
        topic, said = self.topic, self.claim.words | (self.asked or frozenset())
        matter = len(topic.matter & said) / len(topic.matter) if topic.matter else 0.0
        if not topic.subjects:
            return matter if matter >= CLOSE else 0.0
        total = sum(topic.relation.values())
        named = self.claim.notions if self.asked is None else notions(said)
        hit = sum(weight for word, weight in topic.relation.items() if word in said or notions([word]) & named)
        relation = hit / total if total else float(not topic.matter)
        return max(relation, matter) if relation >= RELATION or matter >= MATTER else 0.0

    def strays(self) -> bool:
        """Whether a sentence without a subject of its own speaks of anything besides the fact."""
        topic = self.topic
        known = topic.matter | topic.relation.keys() | topic.subject_words | (self.asked or frozenset())
        known |= {word for name in topic.objects | topic.others for word in name}
        said = [value for value in self.claim.values if any(is_comparable(one, value) for one in topic.values)]
        inside = {word for value in said for word in self.claim.words_in(value.start, value.end + 1)}
        nouns = {noun for value in said for noun in value.nouns}
        loose = self.claim.content - known - inside - nouns
        meant = notions(topic.relation)
        return any(not notions([word]) & meant for word in loose)

    @property
    def is_close(self) -> bool:
        """The sentence repeats the fact's own, so that what differs is what it denies."""
        matter = self.topic.matter
        return bool(matter) and len(matter & self.claim.words) / len(matter) >= CLOSE

    @property
    def is_guarded(self) -> bool:
        """The sentence supposes, reports or compares, or speaks of another time."""
        said, known = self.claim.words, self.topic.words
        if any(listed(name) & said and not listed(name) & known for name in ("condition", "hedges")):
            return True
        return bool(listed("comparing") & said) and not listed("comparing") & known and not self.topic.values

    @property
    def is_dated_otherwise(self) -> bool:
        """The sentence names a time that the fact does not speak of."""
        topic = self.topic
        if any(value.days for value in topic.values):
            return False
        said = [value for value in self.claim.values if value.days]
        if not said:
            return False
        return not any(compare(known, value) is Match.SAME for known in topic.dates for value in said)

    def is_beside(self, words: Words) -> bool:
        """The sentence does not plainly claim something of the subject now, so that it can contradict nothing."""
        return self.is_guarded or self.is_dated_otherwise or self.is_compared or self.is_of_part(words)

    @property
    def is_turned(self) -> bool:
        """Whether the sentence says the reverse of the fact's."""
        topic, claim = self.topic, self.claim
        return (claim.denials + topic.denials + swapped(topic.words, claim.words)) % 2 == 1

    @property
    def is_compared(self) -> bool:
        """Something else is compared with the subject: `more than X`, `比X高`, `与X不同`."""
        cut, places = self.claim.cut, self.claim.places
        near: set[str] = set()
        for start, last in self.links.spans:
            near |= {word for word, _ in cut[max(0, places[start] - 2) : places[start]]}
            near |= {word for word, _ in cut[places[last] + 1 : places[last] + 2] if not word.isascii()}
        return not near.isdisjoint(listed("comparing"))

    def is_of_part(self, words: Words) -> bool:
        """Whether it is about something of the subject's and not the subject: `the box of the X`, `X的盒子`."""
        places = self.claim.places
        return any(
            self._owned(words, places[last] + 1) or self._inside(places[start]) for start, last in self.links.spans
        )

    def _owned(self, words: Words, behind: int) -> bool:
        """What follows its name: `X's box`, `X的盒子`, `X上的盒子`, `X盒子` where that is a noun, `X Base Camp`."""
        cut = [word for word, _ in self.claim.cut]
        while behind < len(cut) and cut[behind] in _THERE:
            behind += 1
        if behind == len(cut):
            return False
        if cut[behind] in _OWNS:
            return self._is_strange_run(cut[behind + 1 :], 1)
        at = self.claim.cut[behind][1]
        goes_on = self.claim.cased[at - 1 : at] == " " and self.claim.cased[at].isupper()
        is_name = goes_on if cut[behind].isascii() else words.is_noun(cut[behind])
        return is_name and self._is_strange_run(cut[behind:], 1)

    def _inside(self, first: int) -> bool:
        """What stands before it: `the box of the X` anywhere, `the box on the X` where the sentence begins."""
        cut = [word for word, _ in self.claim.cut]
        while first and cut[first - 1] in _ARTICLES:
            first -= 1
        if not first or cut[first - 1] not in _OF | _PLACES:
            return False
        before = cut[: first - 1]
        if cut[first - 1] in _PLACES:
            return len(before) <= 2 and self._is_strange_run(before[::-1])
        return self._is_strange_run(before[::-1])

    def _is_strange_run(self, words: Sequence[str], longest: int = 3) -> bool:
        """Whether the first words, as far as they carry matter, are none of the fact's nor name its relation."""
        topic = self.topic
        own = notions([*topic.relation, *topic.matter])
        run = list(takewhile(lambda word: content([word]), dropwhile(_ARTICLES.__contains__, words)))[:longest]
        known = topic.words | topic.relation.keys() | listed("generic")
        return bool(run) and not any(word in known or notions([word]) & own for word in run)
