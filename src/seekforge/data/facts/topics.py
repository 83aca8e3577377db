"""Facts made ready: their values, the words that recognise them, and what else could stand in their place."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise

from seekforge.data.facts.bounds import Bound
from seekforge.data.facts.knowledge import Fact
from seekforge.data.facts.units import UNITS
from seekforge.data.facts.values import Value, find, plain
from seekforge.data.facts.words import Words, content, denials, listed, notions, sides_of, stems, stop

Name = tuple[str, ...]  # the stems of a name, stop words left out
_GENERIC_WEIGHT = 0.3
_WORD = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True, slots=True)
class Topic:
    """A fact as it is compared with sentences.

    Attributes:
        fact: As it stands in the knowledge base.
        subjects: The subject's names.
        objects: Names that are true; empty where the object is a value or says yes or no.
        others: Names that are true of other subjects in this relation; empty where it may have several at once.
        values: Of the object, or of the text where there is no triple.
        dates: Those in the text that are not the object: since when it holds.
        relation: Weight of each stem of the relation, the commoner in the knowledge base the lighter.
        matter: Stems of the whole statement without subject and object.
        words: All stems of the statement, for the case that it speaks of.
        denials: How many words of the statement deny it.
        is_named: The object is a name, so that another name in its place is another answer.
    """

    fact: Fact
    subjects: tuple[Name, ...]
    objects: frozenset[Name]
    others: frozenset[Name]
    values: tuple[Value, ...]
    dates: tuple[Value, ...]
    relation: Mapping[str, float]
    matter: frozenset[str]
    words: frozenset[str]
    denials: int
    is_named: bool

    @property
    def subject_words(self) -> frozenset[str]:
        """Stems of all names of the subject."""
        return frozenset(word for name in self.subjects for word in name)

    @property
    def is_polar(self) -> bool:
        """It says that something is so or is not: neither a value nor a name could be exchanged."""
        return not self.values and not self.objects


def name_of(text: str, words: Words) -> Name:
    """A name as it is looked for."""
    cut = [word for word, _ in words.cut(plain(text)) if word not in ":="]
    return tuple(word for word in cut if word not in stop()) or tuple(cut)


def names_in(facts: Sequence[Fact]) -> list[str]:
    """All names that must not be cut."""
    return [plain(name) for fact in facts for name in (fact.subject, *fact.aliases, fact.object, *fact.object_aliases)]


def prepare(facts: Sequence[Fact], words: Words) -> tuple[Topic, ...]:
    """All facts of a knowledge base, ready."""
    common = Counter(word for fact in facts for word in set(_relation_words(fact, words)))
    ranges = _ranges(facts, words)
    return tuple(_topic(fact, words, common, ranges.get(_relation_key(fact), frozenset())) for fact in facts)


def _relation_key(fact: Fact) -> str:
    return plain(fact.relation)


def _ranges(facts: Sequence[Fact], words: Words) -> dict[str, frozenset[Name]]:
    """The objects of each relation in which every subject has one only: there another object is a contradiction."""
    seen: dict[str, dict[Name, set[Name]]] = defaultdict(lambda: defaultdict(set))
    for fact in facts:
        if fact.subject:
            seen[_relation_key(fact)][name_of(fact.subject, words)].add(name_of(fact.object, words))
    return {
        relation: frozenset(name for names in subjects.values() for name in names)
        for relation, subjects in seen.items()
        if all(len(names) == 1 for names in subjects.values())
    }


def _relation_words(fact: Fact, words: Words) -> list[str]:
    texts = (fact.relation, *fact.relation_aliases)
    return [word for text in texts for word in content(word for word, _ in words.cut(plain(text)))]


def _topic(fact: Fact, words: Words, common: Counter[str], known: frozenset[Name]) -> Topic:
    statement = plain(fact.statement)
    cut = [word for word, _ in words.cut(statement)]
    subjects = tuple(dict.fromkeys(name_of(name, words) for name in (fact.subject, *fact.aliases) if name))
    objects = frozenset(name_of(name, words) for name in (fact.object, *fact.object_aliases) if name)
    values, dates = _values(fact, statement)
    is_polar = all(word in listed("polar") or word in listed("negators") for name in objects for word in name)
    about = frozenset(word for name in subjects for word in name)
    said = frozenset(word for name in objects for word in name)
    relation = _weights(_relation_words(fact, words), about, common)
    named = frozenset() if values or is_polar else objects
    everything = frozenset(cut) | relation.keys()
    return Topic(
        fact=fact,
        subjects=subjects,
        objects=named,
        others=known - objects if named else frozenset(),
        values=values,
        dates=dates,
        relation=relation,
        matter=content(cut) - about - said - _polarity(),
        words=everything | about,
        denials=denials(statement, cut),
        is_named=bool(named) and bool(known) and _is_name(fact.object),
    )


def _is_name(text: str) -> bool:
    """Capital letters, or a short Chinese word."""
    if text.isascii():
        return all(word[0].isupper() or word.lower() in {"of", "the", "and", "de", "la"} for word in text.split())
    return len(text) <= 12 and "的" not in text


def _weights(words: Sequence[str], about: frozenset[str], common: Counter[str]) -> dict[str, float]:
    generic = listed("generic")
    kept = [word for word in dict.fromkeys(words) if word not in about] or list(dict.fromkeys(words))
    return {word: (_GENERIC_WEIGHT if word in generic else 1.0) / math.log(2 + common[word]) for word in kept}


def _values(fact: Fact, statement: str) -> tuple[tuple[Value, ...], tuple[Value, ...]]:
    """The values of the object as the text bounds them, and the dates beside it."""
    told = find(statement)
    if not fact.object:
        return tuple(told), ()
    limit = _limit(fact)
    own = find(plain(fact.object)) if _is_value(plain(fact.object)) else []
    values = tuple(_bounded(value, told, limit) for value in own)
    dates = tuple(value for value in told if value.days and not any(value.days == one.days for one in own))
    return values, dates


@lru_cache(maxsize=1)
def _polarity() -> frozenset[str]:
    """Words that a sentence turned round would have others in place of."""
    return listed("negators") | frozenset(word for sides in sides_of("opposites") for side in sides for word in side)


def _is_value(text: str) -> bool:
    """Whether an object is a value and not a name with a number in it (`Boeing 747`)."""
    found = find(text)
    if not found:
        return False
    rest = "".join([text[: found[0].start], *(text[a.end : b.start] for a, b in pairwise(found))])
    return not [word for word in content(_WORD.findall(rest)) if word[0] != "每" and word not in UNITS]


def _limit(fact: Fact) -> Bound:
    """What the relation's own words make of the value: a limit, a minimum, or neither."""
    found = notions(stems(plain(" ".join((fact.relation, *fact.relation_aliases))).split()) | _pieces(fact.relation))
    return Bound.MOST if 0 in found else (Bound.LEAST if 1 in found else Bound.EXACT)


def _pieces(text: str) -> frozenset[str]:
    """All runs of two Chinese characters: enough to see `最大` and `上限`."""
    return frozenset(text[at : at + 2] for at in range(len(text) - 1) if not text[at].isascii())


def _bounded(value: Value, told: Sequence[Value], limit: Bound) -> Value:
    same = next((other for other in told if other.readings == value.readings and other.days == value.days), value)
    bound = same.bound if same.bound is not Bound.EXACT else value.bound
    about, per = same.about or value.about, same.per or value.per
    return replace(value, bound=limit if bound is Bound.EXACT else bound, about=about, per=per, denied=False)
