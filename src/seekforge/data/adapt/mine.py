"""A domain's terms from its text: TF-IDF against a background, PMI and neighbours for phrases, jieba's word ends."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from seekforge.core.cutter import cutter, known_words
from seekforge.core.lexicon import Entry
from seekforge.data.adapt.function_words import CHINESE, ENGLISH
from seekforge.data.adapt.ngrams import LONGEST_HAN, LONGEST_WORDS, Gram, Run, count, freedom, npmi, places, runs

_AROUND = 30  # characters of an example on each side
_PART_OF = 0.9  # share of a term's places inside a longer term from which it is only a part of that
_SHORTEST_WORD = 3  # letters of an English term of one word


@dataclass(frozen=True, slots=True)
class Mining:
    """What counts as a term.

    Attributes:
        least: Times it must stand in the domain's text.
        ratio: How many times as frequent as in the background it must be.
        npmi: Normalised PMI that a phrase's parts must have, 0 (chance) to 1 (never apart).
        freedom: Bits of entropy of a phrase's neighbours, at least.
        aligned: Share of a Chinese term's places that must begin and end where jieba cuts.
        most: Terms in all, the best first.
    """

    least: int = 5
    ratio: float = 3.0
    npmi: float = 0.3
    freedom: float = 1.0
    aligned: float = 0.5
    most: int = 1000


@dataclass(slots=True)
class _Seen:
    """What a pass over the text finds of one n-gram."""

    count: int = 0
    aligned: int = 0
    surfaces: Counter[str] = field(default_factory=Counter)
    example: tuple[int, int] = (0, 0)  # text and place


def mine(texts: Sequence[str], background: Sequence[str], settings: Mining | None = None) -> list[Entry]:
    """The domain's terms, the highest score first.

    The score is tf · idf (Salton and Buckley 1988): how often the term stands in the domain's text, times
    ln((N + 1) / (df + 1)) where `df` of the background's `N` texts hold it. Equal texts give equal terms.

    Args:
        texts: Of the domain.
        background: Of something else; without one every idf is the same and only counts decide.
        settings: What counts as a term.
    """
    chosen = settings or Mining()
    scripts = zip(_by_script(texts), _by_script(background), (LONGEST_HAN, LONGEST_WORDS), strict=True)
    entries: list[Entry] = []
    for own, other, longest in scripts:
        entries.extend(_terms(own, other, longest, texts, len(background), chosen))
    entries.sort(key=lambda entry: (-entry.score, entry.term))
    return entries[: chosen.most]


def _by_script(texts: Sequence[str]) -> tuple[list[Run], list[Run]]:
    every = list(runs(texts))
    return [run for run in every if run.han], [run for run in every if not run.han]


def _terms(
    own: Sequence[Run], other: Sequence[Run], longest: int, texts: Sequence[str], documents: int, chosen: Mining
) -> list[Entry]:
    counts = count(own, chosen.least, longest)
    total = sum(len(run.units) for run in own)
    candidates = frozenset(gram for gram in counts if _may_be(gram, counts, total, chosen))
    free = freedom(own, candidates)
    candidates = frozenset(gram for gram in candidates if len(gram) == 1 or free[gram] >= chosen.freedom)
    seen = _look(own, candidates)
    frequency, holding = _background(other, candidates)
    rate = (sum(len(run.units) for run in other) + 1) / max(total, 1)
    kept = {
        gram: one
        for gram, one in seen.items()
        if one.aligned >= chosen.aligned * one.count and one.count * rate >= chosen.ratio * frequency[gram]
    }
    inside = _inside(kept)
    return [
        Entry(
            term=min(one.surfaces, key=lambda surface: (-one.surfaces[surface], surface)),
            score=one.count * math.log((documents + 1) / (holding[gram] + 1)) if documents else float(one.count),
            count=one.count,
            example=_example(texts, *one.example),
        )
        for gram, one in kept.items()
        if inside[gram] < _PART_OF * one.count
    ]


def _may_be(gram: Gram, counts: Counter[Gram], total: int, chosen: Mining) -> bool:
    if len(gram) > 1:
        if gram[0] in ENGLISH or gram[-1] in ENGLISH or _loose(gram):
            return False
        return npmi(gram, counts, total) >= chosen.npmi
    return gram[0] not in ENGLISH and len(gram[0]) >= _SHORTEST_WORD  # one Chinese character is no term


def _loose(gram: Gram) -> bool:
    """Whether a particle hangs at an end of it: no word of jieba's, as 目的 is one and 的时间 none."""
    return (gram[0] in CHINESE or gram[-1] in CHINESE) and not known_words().get("".join(gram))


def _look(own: Sequence[Run], candidates: frozenset[Gram]) -> dict[Gram, _Seen]:
    seen: dict[Gram, _Seen] = defaultdict(_Seen)
    for run in own:
        spots = list(places(run, candidates))
        cuts = _cuts(run) if spots else frozenset()
        for i, j in spots:
            one = seen[run.units[i:j]]
            if one.count == 0:
                one.example = (run.text, run.start + len(("" if run.han else " ").join(run.surface[:i])))
            one.count += 1
            one.aligned += not run.han or (i in cuts and j in cuts)
            one.surfaces[("" if run.han else " ").join(run.surface[i:j])] += 1
    return seen


def _cuts(run: Run) -> frozenset[int]:
    """Places in a Chinese run where jieba begins or ends a word."""
    if not run.han:
        return frozenset()
    ends = [0]
    for word in cutter().cut("".join(run.units)):
        ends.append(ends[-1] + len(word))
    return frozenset(ends)


def _background(other: Sequence[Run], candidates: frozenset[Gram]) -> tuple[Counter[Gram], Counter[Gram]]:
    """How often each candidate stands in the background, and in how many of its texts."""
    frequency: Counter[Gram] = Counter()
    texts: dict[Gram, set[int]] = defaultdict(set)
    for run in other:
        for i, j in places(run, candidates):
            frequency[run.units[i:j]] += 1
            texts[run.units[i:j]].add(run.text)
    return frequency, Counter({gram: len(found) for gram, found in texts.items()})


def _inside(kept: dict[Gram, _Seen]) -> Counter[Gram]:
    """For each term the count of the most frequent longer term that holds it (after Frantzi et al. 2000)."""
    inside: Counter[Gram] = Counter()
    for gram, one in kept.items():
        for n in range(1, len(gram)):
            for i in range(len(gram) - n + 1):
                part = gram[i : i + n]
                if part in kept:
                    inside[part] = max(inside[part], one.count)
    return inside


def _example(texts: Sequence[str], text: int, place: int) -> str:
    whole = texts[text]
    return whole[max(0, place - _AROUND) : place + 2 * _AROUND]
