"""Puts synonyms in the place of some words; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

from seekforge.data.augment.keep import Span
from seekforge.data.augment.thesaurus.protocol import Choice
from seekforge.data.augment.words import Word


@dataclass(frozen=True, slots=True)
class Replacement:
    """A text after it, and what was put in the place of what, from left to right."""

    text: str
    pairs: tuple[tuple[str, str], ...] = ()


def free_words(words: Sequence[Word], protected: Sequence[Span]) -> list[Word]:
    """The words that no protected stretch touches."""
    return [word for word in words if not any(word.start < span.end and span.start < word.end for span in protected)]


def replaced(text: str, choices: Mapping[Word, Sequence[Choice]], rate: float, words: int, rng: Random) -> Replacement:
    """The text with some of its words replaced.

    Args:
        text: The text.
        choices: Replaceable words and what may stand there.
        rate: Share of the words that are replaced; at least one is, where one can be.
        words: How many words the text has.
        rng: Draws which, and by what.
    """
    able = sorted((word for word, options in choices.items() if options), key=lambda word: word.start)
    if not able:
        return Replacement(text)
    count = min(len(able), max(1, round(rate * words)))
    parts, pairs, place = [], [], 0
    for word in sorted(rng.sample(able, count), key=lambda word: word.start):
        options = choices[word]
        other = rng.choices([option.text for option in options], [option.weight for option in options])[0]
        parts += [text[place : word.start], other]
        pairs.append((word.text, other))
        place = word.end
    return Replacement("".join([*parts, text[place:]]), tuple(pairs))
