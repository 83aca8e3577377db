"""Which name a sentence gives where a fact has its object: `The capital of Australia is Melbourne`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby

from seekforge.data.facts.claims import Claim
from seekforge.data.facts.topics import Topic
from seekforge.data.facts.words import Words, content, listed, notions, stems, stop

_ARTICLES = {"the", "a", "an"}
_LONGEST, _LONGEST_CHINESE = 4, 10  # words, characters
_NO_NAME = re.compile(r"[的一了很非常不没]|吗|什么|哪")
_LATIN = re.compile(r"[a-zà-öø-ÿ'-]+")
_END = re.compile(r"[，,。.；;！!？?、()（）]|$")
_NOUN = ("n", "x", "j", "i", "l")  # jieba's classes of names, of what it does not know, and of set phrases

Span = tuple[int, int]


def filler(claim: Claim, topic: Topic, words: Words) -> str:
    """A name in a sentence that otherwise says the subject and the relation and next to nothing else.

    Empty where there is none, or where it shares a word with the object.
    """
    for start, end in (*_beside_copulas(claim, topic), *_left_over(claim, topic, words)):
        name = _name(claim, start, end)
        if name and not _shares(claim, topic, name):
            return claim.cased[name[0] : name[1]]
    return ""


def _beside_copulas(claim: Claim, topic: Topic) -> Iterator[Span]:
    """What stands on the one side of `is` where the other side says subject and relation."""
    for place, (word, at) in enumerate(claim.cut):
        if word not in listed("copulas") and not (word in listed("placing") and _is_place(topic, word)):
            continue
        behind = at + _length(claim, at)
        end = _END.search(claim.text, behind)
        stop_at = end.start() if end else len(claim.text)
        if place and _says(claim, topic, [(0, at)], loose=1):
            yield behind, stop_at
        elif _says(claim, topic, [(behind, stop_at)], loose=0):
            yield 0, at


def _left_over(claim: Claim, topic: Topic, words: Words) -> Iterator[Span]:
    """The only run of words that looks like a name, where all others say subject and relation: `Pasteur found it`."""
    known = topic.subject_words | topic.relation.keys() | topic.matter
    runs = [
        [(word, at) for _, word, at in run]
        for strange, run in groupby(_marked(claim, known, topic), key=lambda one: one[0])
        if strange
    ]
    if len(runs) != 1:
        return
    start, end = runs[0][0][1], runs[0][-1][1] + _length(claim, runs[0][-1][1])
    text = claim.text[start:end]
    if not text.isascii() and not all(flag.startswith(_NOUN) for flag in words.classes(text)):
        return
    if _says(claim, topic, [(0, start), (end, len(claim.text))], loose=0):
        yield start, end


def _marked(claim: Claim, known: frozenset[str], topic: Topic) -> Iterator[tuple[bool, str, int]]:
    """Each word that carries matter, and whether it is strange to the fact."""
    meant = notions(topic.relation)
    for word, at in claim.cut:
        if content([word]):
            yield word not in known and not notions([word]) & meant, word, at


def _length(claim: Claim, at: int) -> int:
    """Of the word that begins there, as it is written."""
    match = _LATIN.match(claim.text, at)
    if match:
        return len(match[0])
    later = [start for _, start in claim.cut if start > at]
    return (later[0] if later else len(claim.text.rstrip(" 。.！!"))) - at


def _is_place(topic: Topic, word: str) -> bool:
    return word in topic.words or bool(notions(topic.relation) & notions(stems(["headquarters", "located"])))


def _says(claim: Claim, topic: Topic, spans: Sequence[Span], loose: int) -> bool:
    """Whether parts of the sentence say subject and relation and at most so many words else."""
    words = content(word for start, end in spans for word in claim.words_in(start, end))
    meant = notions(topic.relation)
    relation = {word for word in words if word in topic.relation or word in topic.matter or notions([word]) & meant}
    whole = any(words.issuperset(name) for name in topic.subjects if name)
    return whole and bool(relation) and len(words - relation - topic.subject_words) <= loose


def _name(claim: Claim, start: int, end: int) -> Span | None:
    """Where it stands, if it looks like a name."""
    raw = claim.cased[start:end]
    text = raw.strip(" '\"“”《》「」\n")
    at = start + raw.find(text) if text else start
    parts = [word for word in re.split(r"[\s-]+", text) if word]
    if parts and parts[0].lower() in _ARTICLES:
        parts = parts[1:]
    if not parts or len(parts) > _LONGEST:
        return None
    if not text.isascii():
        fits = len(text) <= _LONGEST_CHINESE and not _NO_NAME.search(text)
    else:
        fits = all(word[0].isupper() or word.lower() in stop() for word in parts) and parts[0][0].isupper()
    return (at, at + len(text)) if fits else None


def _shares(claim: Claim, topic: Topic, name: Span) -> bool:
    said = content(claim.words_in(*name))
    return not said or any(not said.isdisjoint(known) for known in topic.objects) or bool(said & topic.subject_words)
