"""What the facts say of a claim; pure: words, values and links in, a verdict with its evidence out."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from seekforge.data.facts.bounds import is_denied
from seekforge.data.facts.claims import Claim
from seekforge.data.facts.compare import Match, compare, is_comparable
from seekforge.data.facts.filler import filler
from seekforge.data.facts.knowledge import Fact
from seekforge.data.facts.link import Links
from seekforge.data.facts.topics import Name, Topic
from seekforge.data.facts.values import Value
from seekforge.data.facts.words import aspects_differ, content, listed, notions, swapped

RELATION, MATTER, CLOSE = 0.5, 0.6, 0.8  # shares of a fact's words: its relation is meant, its sentence is, is repeated


class Verdict(Enum):
    """What a knowledge base makes of a text."""

    SUPPORTED = "supported"
    CONTRADICTED = "contradicted"
    UNKNOWN = "unknown"


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


def assess(aim: Aim, tolerance: float) -> Evidence | None:
    """What one fact says of one sentence; None where the sentence does not speak of it."""
    claim, topic = aim.claim, aim.topic
    cue = _cue(aim)
    if claim.is_question or cue == 0 or (aim.asked is not None and _strays(aim)):
        return None
    if aspects_differ(topic.words, claim.words | (aim.asked or frozenset())):
        return _evidence(aim, Verdict.UNKNOWN, "it speaks of another case", cue)
    if topic.is_polar:
        return _polar(aim, cue)
    return _valued(aim, cue, tolerance) if topic.values else _named(aim, cue)


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
    verdicts = {one.verdict for one in evidence}
    for verdict in (Verdict.CONTRADICTED, Verdict.SUPPORTED):
        if verdict in verdicts:
            return verdict
    return Verdict.UNKNOWN


def _evidence(
    aim: Aim, verdict: Verdict, why: str, cue: float, said: str = "", known: str = "", place: int = -1
) -> Evidence:
    return Evidence(verdict, aim.topic.fact, aim.claim.cased.strip(), said, known, why, cue, place)


def _cue(aim: Aim) -> float:
    """How surely the sentence means this fact's relation; 0 where it does not seem to."""
    topic, said = aim.topic, aim.claim.words | (aim.asked or frozenset())
    matter = len(topic.matter & said) / len(topic.matter) if topic.matter else 0.0
    if not topic.subjects:
        return matter if matter >= CLOSE else 0.0
    total = sum(topic.relation.values())
    named = aim.claim.notions if aim.asked is None else notions(said)
    hit = sum(weight for word, weight in topic.relation.items() if word in said or notions([word]) & named)
    relation = hit / total if total else float(not topic.matter)
    return max(relation, matter) if relation >= RELATION or matter >= MATTER else 0.0


def _strays(aim: Aim) -> bool:
    """Whether a sentence without a subject of its own speaks of anything besides the fact."""
    topic = aim.topic
    known = topic.matter | topic.relation.keys() | topic.subject_words | (aim.asked or frozenset())
    known |= {word for name in topic.objects | topic.others for word in name}
    said = [value for value in aim.claim.values if any(is_comparable(one, value) for one in topic.values)]
    inside = {word for value in said for word in aim.claim.words_in(value.start, value.end + 1)}
    nouns = {noun for value in said for noun in value.nouns}
    loose = aim.claim.content - known - inside - nouns
    meant = notions(topic.relation)
    return any(not notions([word]) & meant for word in loose)


def _is_close(aim: Aim) -> bool:
    """The sentence repeats the fact's own, so that what differs is what it denies."""
    matter = aim.topic.matter
    return bool(matter) and len(matter & aim.claim.words) / len(matter) >= CLOSE


def _is_guarded(aim: Aim) -> bool:
    """The sentence supposes, reports or compares, or speaks of another time."""
    if listed("comparing") & aim.claim.words and not listed("comparing") & aim.topic.words:
        return not aim.topic.values
    if _is_close(aim):
        return False
    return bool((listed("condition") | listed("hedges")) & aim.claim.words)


def _is_dated_otherwise(aim: Aim) -> bool:
    """The sentence names a time that the fact does not speak of."""
    topic = aim.topic
    if any(value.days for value in topic.values):
        return False
    said = [value for value in aim.claim.values if value.days]
    if not said:
        return False
    return not any(compare(known, value) is Match.SAME for known in topic.dates for value in said)


def _valued(aim: Aim, cue: float, tolerance: float) -> Evidence | None:
    results = [_value(aim, known, cue, tolerance) for known in aim.topic.values]
    found = [one for one in results if one is not None]
    for verdict in (Verdict.CONTRADICTED, Verdict.SUPPORTED):
        if any(one.verdict is verdict for one in found):
            return next(one for one in found if one.verdict is verdict)
    return found[0] if found else None


def _value(aim: Aim, known: Value, cue: float, tolerance: float) -> Evidence | None:
    """One value of the fact against those of the sentence that could stand in its place."""
    candidates = _candidates(aim, known)
    matches = [(compare(known, said, tolerance), said) for said in candidates]
    for said in [said for match, said in matches if match is Match.SAME]:
        turned = said.denied or (_is_close(aim) and _is_turned(aim))
        if turned and _is_guarded(aim):
            break
        verdict = Verdict.CONTRADICTED if turned else Verdict.SUPPORTED
        why = f"it denies {known.text}" if turned else f"{said.text} is {known.text}"
        return _evidence(aim, verdict, why, cue, said.text, known.text, said.start)
    others = [said for match, said in matches if match is Match.OTHER]
    if not others:
        return _evidence(aim, Verdict.UNKNOWN, "no value to compare", cue) if matches else None
    said = others[0]
    # `The purchase of sixty cards was refused` breaks a limit and does not deny it.
    happens = known.bound.side and not said.bound.side and cue < CLOSE
    if happens or said.denied or _is_guarded(aim) or _is_dated_otherwise(aim) or (_is_close(aim) and _is_turned(aim)):
        return _evidence(aim, Verdict.UNKNOWN, "it does not claim this value", cue, said.text, known.text)
    why = f"{_with_bound(said)}, but the fact says {_with_bound(known)}"
    return _evidence(aim, Verdict.CONTRADICTED, why, cue, said.text, known.text, said.start)


def _with_bound(value: Value) -> str:
    return f"{value.bound.value} {value.text}" if value.bound.side else value.text


def _candidates(aim: Aim, known: Value) -> list[Value]:
    """Comparable values: in the clause that names the relation, or in all of a sentence that repeats the fact."""
    claim, topic = aim.claim, aim.topic
    fitting = [value for value in claim.values if is_comparable(known, value)]
    if len(claim.clauses) < 2 or len(fitting) < 1 or _is_close(aim):
        return fitting
    meant = notions(topic.relation)

    def names_relation(start: int, end: int) -> bool:
        words = claim.words_in(start, end)
        return any(word in topic.relation or notions([word]) & meant for word in content(words) | set(words))

    near = [value for value in fitting if names_relation(*claim.clause_at(value.start))]
    if near or len(fitting) > 1:
        return near
    start, end = claim.clause_at(fitting[0].start)
    inside = set(claim.words_in(fitting[0].start, fitting[0].end))
    words = content(claim.words_in(start, end)) - inside - fitting[0].nouns - topic.matter - topic.subject_words
    return fitting if len(words) <= 1 else []


def _is_turned(aim: Aim) -> bool:
    """Whether the sentence says the reverse of the fact's."""
    topic, claim = aim.topic, aim.claim
    return (claim.denials + topic.denials + swapped(topic.words, claim.words)) % 2 == 1


def _polar(aim: Aim, cue: float) -> Evidence | None:
    """A fact that is so or is not so: the sentence must repeat it, and may turn it round."""
    topic, claim = aim.topic, aim.claim
    strange = claim.content - topic.words - topic.subject_words
    if not _is_close(aim) or len(strange) > max(1, 0.4 * len(claim.content)):
        return None
    if _is_guarded(aim):
        return _evidence(aim, Verdict.UNKNOWN, "it supposes or compares", cue)
    if _is_turned(aim):
        return _evidence(aim, Verdict.CONTRADICTED, "it says the reverse", cue, known=topic.fact.object)
    return _evidence(aim, Verdict.SUPPORTED, "it says the same", cue, known=topic.fact.object)


def _named(aim: Aim, cue: float) -> Evidence | None:
    """A fact whose object is a name: it stands there, another of its kind does, or none does."""
    claim, topic, links = aim.claim, aim.topic, aim.links
    own = [(name, at) for name, at in links.objects if name in topic.objects]
    known = topic.fact.object
    turned = _is_close(aim) and _is_turned(aim)
    for _, at in own:
        if not turned and not is_denied(claim.text, at):
            return _evidence(aim, Verdict.SUPPORTED, f"it names {known}", cue, known, known, at)
    if own:
        verdict = Verdict.UNKNOWN if _is_guarded(aim) else Verdict.CONTRADICTED
        return _evidence(aim, verdict, f"it denies {known}", cue, known, known, own[0][1])
    others = _others(links, topic, claim)
    guarded = _is_guarded(aim) or _is_dated_otherwise(aim)
    if len(others) == 1 and not guarded:
        [(said, at)] = others
        return _evidence(aim, Verdict.CONTRADICTED, f"it says {said}, but the fact says {known}", cue, said, known, at)
    said = filler(claim, topic) if topic.is_named and not others and not guarded else ""
    if said:
        return _evidence(aim, Verdict.CONTRADICTED, f"it says {said}, but the fact says {known}", cue, said, known)
    return _evidence(aim, Verdict.UNKNOWN, "it names no known alternative", cue, known=known)


def _others(links: Links, topic: Topic, claim: Claim) -> Sequence[tuple[str, int]]:
    """Objects of the same relation that the sentence gives instead, each once; subjects in it do not count."""
    found: dict[Name, int] = {}
    for name, at in links.objects:
        if name in topic.others and at not in links.subject_starts and not is_denied(claim.text, at):
            found.setdefault(name, at)
    return [(_as_written(claim, name, at), at) for name, at in found.items()]


def _as_written(claim: Claim, name: Name, at: int) -> str:
    """The name in the sentence's own letters."""
    starts = [start for _, start in claim.cut if start >= at]
    last = starts[min(len(name), len(starts)) - 1]
    end = next((start for start in starts if start > last), len(claim.cased))
    return claim.cased[at:end].strip(" .,;:!?。，；：！？'\"")
