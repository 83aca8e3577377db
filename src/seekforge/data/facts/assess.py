"""What one fact says of one sentence; pure: words, values and links in, a verdict with its evidence out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from seekforge.data.facts.aim import CLOSE, Aim
from seekforge.data.facts.bounds import Bound, is_denied
from seekforge.data.facts.claims import Claim
from seekforge.data.facts.compare import Match, compare, is_comparable
from seekforge.data.facts.filler import filler
from seekforge.data.facts.link import Links
from seekforge.data.facts.topics import Name, Topic
from seekforge.data.facts.values import Value
from seekforge.data.facts.verdict import Evidence, Verdict
from seekforge.data.facts.words import Words, aspects_differ, content, denials, listed, notions


def assess(aim: Aim, tolerance: float, words: Words) -> Evidence | None:
    """What one fact says of one sentence; None where the sentence does not speak of it."""
    claim, topic = aim.claim, aim.topic
    cue = aim.cue()
    if claim.is_question or cue == 0 or (aim.asked is not None and aim.strays()):
        return None
    if aspects_differ(topic.words, claim.words | (aim.asked or frozenset())):
        return _evidence(aim, Verdict.UNKNOWN, "it speaks of another case", cue)
    if topic.is_polar:
        return _polar(aim, cue)
    return _valued(aim, cue, tolerance, words) if topic.values else _named(aim, cue, words)


def _evidence(
    aim: Aim, verdict: Verdict, why: str, cue: float, said: str = "", known: str = "", place: int = -1
) -> Evidence:
    return Evidence(verdict, aim.topic.fact, aim.claim.cased.strip(), said, known, why, cue, place)


def _valued(aim: Aim, cue: float, tolerance: float, words: Words) -> Evidence | None:
    results = [_value(aim, known, cue, tolerance, words) for known in aim.topic.values]
    found = [one for one in results if one is not None]
    return min(found, key=lambda one: one.verdict.rank, default=None)


def _value(aim: Aim, known: Value, cue: float, tolerance: float, words: Words) -> Evidence | None:
    """One value of the fact against those of the sentence that could stand in its place."""
    candidates = _candidates(aim, known)
    matches = [(compare(known, _as_limit(aim, known, said), tolerance), said) for said in candidates]
    for said in [said for match, said in matches if match is Match.SAME]:
        turned = said.denied or (aim.is_close and aim.is_turned)
        if turned and aim.is_guarded:
            break
        verdict = Verdict.CONTRADICTED if turned else Verdict.SUPPORTED
        why = f"it denies {known.text}" if turned else f"{said.text} is {known.text}"
        return _evidence(aim, verdict, why, cue, said.text, known.text, said.start)
    others = [said for match, said in matches if match is Match.OTHER]
    if not others:
        return _evidence(aim, Verdict.UNKNOWN, "no value to compare", cue) if matches else None
    said = others[0]
    # `The purchase of sixty cards was refused` breaks a limit and does not deny it.
    happens = known.bound.side and not said.bound.side and cue < CLOSE and not listed("allowing") & aim.claim.words
    if happens or said.denied or _is_special(aim, said) or aim.is_beside(words) or (aim.is_close and aim.is_turned):
        return _evidence(aim, Verdict.UNKNOWN, "it does not claim this value", cue, said.text, known.text)
    why = f"{_with_bound(said)}, but the fact says {_with_bound(known)}"
    return _evidence(aim, Verdict.CONTRADICTED, why, cue, said.text, known.text, said.start)


def _as_limit(aim: Aim, known: Value, said: Value) -> Value:
    """A plain number as the limit that the sentence's other words make of it: `the limit is 3`."""
    notion = {-1: 0, 1: 1}.get(known.bound.side)
    sets = aim.is_close or notion in aim.claim.notions
    return replace(said, bound=known.bound) if said.bound is Bound.EXACT and sets else said


def _is_special(aim: Aim, said: Value) -> bool:
    """It counts what the fact speaks of, and something more of it: `300 new employees`."""
    known = aim.topic.words
    return bool(said.nouns & known) and bool(said.nouns - known)


def _with_bound(value: Value) -> str:
    return f"{value.bound.value} {value.text}" if value.bound.side else value.text


def _candidates(aim: Aim, known: Value) -> list[Value]:
    """Comparable values: in the clause that names the relation, or in all of a sentence that repeats the fact."""
    claim, topic = aim.claim, aim.topic
    fitting = [value for value in claim.values if is_comparable(known, value)]
    if len(claim.clauses) < 2 or not fitting or aim.is_close:
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


def _polar(aim: Aim, cue: float) -> Evidence | None:
    """A fact that is so or is not so: the sentence must repeat it, and may turn it round."""
    topic, claim = aim.topic, aim.claim
    strange = claim.content - topic.words - topic.subject_words
    if not aim.is_close or len(strange) > max(1, 0.4 * len(claim.content)):
        return None
    if aim.is_guarded:
        return _evidence(aim, Verdict.UNKNOWN, "it supposes or compares", cue)
    if aim.is_turned:
        return _evidence(aim, Verdict.CONTRADICTED, "it says the reverse", cue, known=topic.fact.object)
    return _evidence(aim, Verdict.SUPPORTED, "it says the same", cue, known=topic.fact.object)


def _named(aim: Aim, cue: float, words: Words) -> Evidence | None:
    """A fact whose object is a name: it stands there, another of its kind does, or none does."""
    claim, topic, links = aim.claim, aim.topic, aim.links
    own = [(name, at) for name, at in links.objects if name in topic.objects]
    known = topic.fact.object
    for _, at in own:
        if not _is_turned_at(aim, at) and not is_denied(claim.text, at):
            return _evidence(aim, Verdict.SUPPORTED, f"it names {known}", cue, known, known, at)
    if own:
        verdict = Verdict.UNKNOWN if aim.is_guarded else Verdict.CONTRADICTED
        return _evidence(aim, verdict, f"it denies {known}", cue, known, known, own[0][1])
    others = _others(links, topic, claim)
    guarded = aim.is_beside(words)
    if len(others) == 1 and not guarded:
        [(said, at)] = others
        return _evidence(aim, Verdict.CONTRADICTED, f"it says {said}, but the fact says {known}", cue, said, known, at)
    said = filler(claim, topic, words) if topic.is_named and not others and not guarded else ""
    if said:
        return _evidence(aim, Verdict.CONTRADICTED, f"it says {said}, but the fact says {known}", cue, said, known)
    return _evidence(aim, Verdict.UNKNOWN, "it names no known alternative", cue, known=known)


def _is_turned_at(aim: Aim, at: int) -> bool:
    """Whether a sentence that repeats the fact's denies it, in the clause that names the object."""
    claim = aim.claim
    inside = claim.words_in(*claim.clause_at(at))
    if len(claim.clauses) > 1 and not denials(claim.text, inside):
        return False
    return aim.is_close and aim.is_turned


def _others(links: Links, topic: Topic, claim: Claim) -> Sequence[tuple[str, int]]:
    """Objects of the same relation that the sentence gives instead, each once; subjects in it do not count."""
    found: dict[Name, int] = {}
    for name, at in links.objects:
        if name in topic.others and all(at != start for start, _ in links.spans) and not is_denied(claim.text, at):
            found.setdefault(name, at)
    return [(_as_written(claim, name, at), at) for name, at in found.items()]


def _as_written(claim: Claim, name: Name, at: int) -> str:
    """The name in the sentence's own letters."""
    starts = [start for _, start in claim.cut if start >= at]
    last = starts[min(len(name), len(starts)) - 1]
    end = next((start for start in starts if start > last), len(claim.cased))
    return claim.cased[at:end].strip(" .,;:!?。，；：！？'\"")
