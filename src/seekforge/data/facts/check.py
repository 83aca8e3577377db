"""Checks records against a knowledge base: links, verdicts, evidence; no model is asked here except an embedder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seekforge.core.records import Record
from seekforge.data.facts.aim import Aim
from seekforge.data.facts.assess import assess
from seekforge.data.facts.claims import Claim, claims
from seekforge.data.facts.knowledge import Fact
from seekforge.data.facts.link import Linker, Links, Nearest
from seekforge.data.facts.topics import Topic, names_in, prepare
from seekforge.data.facts.verdict import Evidence, Verdict, doubtful, overall, resolve
from seekforge.data.facts.words import Words, has_chinese

if TYPE_CHECKING:
    from seekforge.engines.embed.protocol import Embedder

_ASKING = ("?", "？", "吗")
_SHOWN = 8  # pieces of evidence a record keeps


@dataclass(frozen=True, slots=True)
class Finding:
    """What the facts say of one record.

    Attributes:
        verdict: Contradicted where one sentence is, else supported where one is.
        evidence: What decided first.
    """

    verdict: Verdict
    evidence: tuple[Evidence, ...] = ()


class FactChecker:
    """One knowledge base, ready.

    Args:
        facts: Of `read_knowledge`.
        tolerance: Share by which values may differ where the text says `about`.
        embedder: Links what the dictionary does not; None for the dictionary alone.
        threshold: Least cosine similarity for that.

    >>> checker = FactChecker([Fact("f1", "aspirin", "maximum daily dose", "4 g")])
    >>> finding = checker.check_text("The maximum daily dose of aspirin is 8 g.")
    >>> finding.verdict.value, finding.evidence[0].why
    ('contradicted', '8 g, but the fact says at most 4 g')
    """

    def __init__(
        self, facts: Sequence[Fact], tolerance: float = 0.1, embedder: Embedder | None = None, threshold: float = 0.9
    ) -> None:
        names = names_in(facts)
        is_chinese = any(map(has_chinese, [*names, *(fact.statement for fact in facts)]))
        self._words = Words(names, is_chinese=is_chinese)
        self._tolerance = tolerance
        self.topics: tuple[Topic, ...] = prepare(facts, self._words)
        self._linker = Linker(self.topics)
        self._nearest = None if embedder is None else Nearest(self.topics, embedder, threshold)

    def check(self, records: Sequence[Record], *, whole: bool = False) -> list[Finding]:
        """One finding a record, in order; each depends on its record alone.

        Args:
            records: What is checked.
            whole: All turns, and not the answer alone.
        """
        return [self._check(record, whole) for record in records]

    def check_text(self, text: str, question: str = "") -> Finding:
        """The finding of a text that may answer a question."""
        return self._finding(list(self._assessed(text, question)))

    def _check(self, record: Record, whole: bool) -> Finding:
        evidence: list[Evidence] = []
        question = ""
        for place, message in enumerate(record.messages):
            if message.role == "system":
                continue
            if whole or place == len(record.messages) - 1:
                evidence += self._assessed(message.content, question if message.role == "assistant" else "")
            question = message.content
        return self._finding(evidence)

    def _finding(self, evidence: list[Evidence]) -> Finding:
        shown = sorted(evidence, key=lambda one: (one.verdict.rank, -one.cue))
        return Finding(overall(evidence), tuple(shown[:_SHOWN]))

    def _assessed(self, text: str, question: str) -> Iterator[Evidence]:
        asked, carried = self._asked(question)
        unlinked: list[Claim] = []
        for claim in claims(text, self._words):
            links = self._linker.link(claim)
            aims = [Aim(claim, self.topics[place], links) for place in links.topics]
            if not any(self.topics[place].subjects for place in links.topics):
                aims += [Aim(claim, self.topics[place], links, asked) for place in carried]
            else:
                asked, carried = frozenset[str](), links.topics
            found = resolve(one for aim in aims if (one := assess(aim, self._tolerance, self._words)) is not None)
            if not links.topics and not found and claim.values:
                unlinked.append(claim)
            yield from found
        yield from self._by_likeness(unlinked)

    def _asked(self, question: str) -> tuple[frozenset[str], tuple[int, ...]]:
        """The words of the last question and the facts whose subject it names."""
        asks = any(mark in question for mark in _ASKING)
        for claim in reversed(list(claims(question, self._words)) if asks else []):
            if claim.is_question:
                return claim.words, self._linker.link(claim).topics
        return frozenset(), ()

    def _by_likeness(self, unlinked: Sequence[Claim]) -> Iterator[Evidence]:
        """Of sentences without any subject's name; what shares no half of one with the fact's is only for a judge."""
        if self._nearest is None:
            return
        for claim, place in zip(unlinked, self._nearest.find([claim.cased for claim in unlinked]), strict=True):
            if place is None:
                continue
            topic = self.topics[place]
            found = assess(Aim(claim, topic, Links()), self._tolerance, self._words)
            if found is not None:
                named = any(2 * len(claim.words.intersection(name)) >= len(name) for name in topic.subjects)
                yield found if named else doubtful(found)
