"""Verdicts with their evidence, and how those of several facts come to one."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from seekforge.data.facts.knowledge import Fact


class Verdict(Enum):
    """What a knowledge base makes of a text; of several the one named first counts."""

    CONTRADICTED = "contradicted"
    SUPPORTED = "supported"
    UNKNOWN = "unknown"

    @property
    def rank(self) -> int:
        """0 for what counts first."""
        return list(Verdict).index(self)


@dataclass(frozen=True, slots=True)
class Evidence:
    """One sentence against one fact.

    Attributes:
        verdict: Of this fact alone.
        fact: The fact.
        sentence: As it stands in the text.
        said: The value or name in it that decided; empty where a denial did.
        known: What the fact has in its place.
        why: For people.
        cue: How surely the sentence means this fact, 0 to 1.
        place: Of what is said, in the sentence.
    """

    verdict: Verdict
    fact: Fact
    sentence: str
    said: str = ""
    known: str = ""
    why: str = ""
    cue: float = 0.0
    place: int = -1

    def to_dict(self) -> dict[str, Any]:
        """As the report shows it."""
        return {
            "verdict": self.verdict.value,
            "fact": self.fact.id,
            "known": self.fact.statement,
            "sentence": self.sentence,
            "said": self.said,
            "why": self.why,
        }


def doubtful(one: Evidence) -> Evidence:
    """The evidence where only likeness links sentence and fact: a model may look at it, but it decides nothing."""
    return replace(one, verdict=Verdict.UNKNOWN, why=f"no name of {one.fact.subject or 'the fact'} is there; {one.why}")


def resolve(found: Iterable[Evidence]) -> list[Evidence]:
    """The evidence of one sentence without contradictions that another fact explains.

    A value that one fact confirms contradicts no other; of several facts that one value contradicts, the one that the
    sentence means most surely is meant.
    """
    evidence = sorted(found, key=lambda one: (-one.cue, one.fact.id))
    explained = {one.place for one in evidence if one.verdict is Verdict.SUPPORTED and one.place >= 0}
    kept: list[Evidence] = []
    for one in evidence:
        if one.verdict is Verdict.CONTRADICTED and one.place in explained:
            continue
        kept.append(one)
        if one.verdict is Verdict.CONTRADICTED and one.place >= 0:
            explained.add(one.place)
    return kept


def overall(evidence: Collection[Evidence]) -> Verdict:
    """Of a whole text: contradicted where one sentence is, else supported where one is."""
    return min((one.verdict for one in evidence), key=lambda verdict: verdict.rank, default=Verdict.UNKNOWN)
