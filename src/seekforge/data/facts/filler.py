"""Which name a sentence gives where a fact has its object: `The capital of Australia is Melbourne`."""

from __future__ import annotations

import re

from seekforge.data.facts.claims import Claim
from seekforge.data.facts.topics import Topic
from seekforge.data.facts.words import content, listed, notions, stop

_ARTICLES = {"the", "a", "an"}
_LONGEST, _LONGEST_CHINESE = 4, 10  # words, characters
_NO_NAME = re.compile(r"[的一了很非常不没]|吗|什么|哪")
_END = re.compile(r"[，,。.；;！!？?、()（）]|$")


def filler(claim: Claim, topic: Topic) -> str:
    """The name on the one side of `is` where the other side says the subject and the relation and next to nothing else.

    Empty where there is none, or where it shares a word with the object.
    """
    for place, (word, at) in enumerate(claim.cut):
        if word not in listed("copulas") and not (word in listed("placing") and _is_place(topic, word)):
            continue
        behind = at + len(word)
        end = _END.search(claim.text, behind)
        stop_at = end.start() if end else len(claim.text)
        if place and _says(claim, topic, 0, at, loose=1):
            name = _name(claim, behind, stop_at)
        elif _says(claim, topic, behind, stop_at, loose=0):
            name = _name(claim, 0, at)
        else:
            continue
        if name and not _shares(claim, topic, name):
            return name[0]
    return ""


def _is_place(topic: Topic, word: str) -> bool:
    return word in topic.words or bool(notions(topic.relation) & notions(["headquart", "locat"]))


def _says(claim: Claim, topic: Topic, start: int, end: int, loose: int) -> bool:
    """Whether a part of the sentence says subject and relation and at most so many words else."""
    words = content(claim.words_in(start, end))
    meant = notions(topic.relation)
    relation = {word for word in words if word in topic.relation or notions([word]) & meant}
    subject = words & topic.subject_words
    whole = any(words.issuperset(name) for name in topic.subjects if name)
    return whole and bool(relation) and len(words - relation - subject - topic.matter) <= loose


def _name(claim: Claim, start: int, end: int) -> tuple[str, int, int] | None:
    """What stands there, if it looks like a name."""
    raw = claim.cased[start:end]
    text = raw.strip(" '\"“”《》「」\n")
    at = start + raw.find(text) if text else start
    words = [word for word in re.split(r"[\s-]+", text) if word]
    if words and words[0].lower() in _ARTICLES:
        words = words[1:]
    if not words or len(words) > _LONGEST:
        return None
    if not text.isascii():
        fits = len(text) <= _LONGEST_CHINESE and not _NO_NAME.search(text)
    else:
        fits = all(word[0].isupper() or word.lower() in stop() for word in words) and words[0][0].isupper()
    return (text, at, at + len(text)) if fits else None


def _shares(claim: Claim, topic: Topic, name: tuple[str, int, int]) -> bool:
    said = content(claim.words_in(name[1], name[2]))
    return not said or any(not said.isdisjoint(known) for known in topic.objects) or bool(said & topic.subject_words)
