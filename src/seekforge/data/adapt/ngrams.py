"""Frequent n-grams of words (English) or characters (Chinese), with the statistics of a term."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

Gram = tuple[str, ...]
HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_HAN_RUN = re.compile(f"[{HAN}]+")
_WORD = rf"[^\W\d_{HAN}]+(?:[-'’][^\W\d_{HAN}]+)*"
_WORD_RUN = re.compile(rf"{_WORD}(?: {_WORD})*")
LONGEST_HAN, LONGEST_WORDS = 6, 4


@dataclass(frozen=True, slots=True)
class Run:
    """Units that stand side by side, no punctuation between them.

    Attributes:
        text: Which text it is of.
        start: Where in it the run begins.
        units: Characters of Chinese, or words in lower case.
        surface: The units as written.
        han: Whether it is Chinese.
    """

    text: int
    start: int
    units: Gram
    surface: Gram
    han: bool


def runs(texts: Sequence[str]) -> Iterator[Run]:
    """All runs of Chinese and of words, text by text."""
    for index, text in enumerate(texts):
        for match in _HAN_RUN.finditer(text):
            yield Run(index, match.start(), tuple(match[0]), tuple(match[0]), True)
        for match in _WORD_RUN.finditer(text):
            surface = tuple(match[0].split(" "))
            yield Run(index, match.start(), tuple(word.casefold() for word in surface), surface, False)


def count(all_runs: Sequence[Run], least: int, longest: int) -> Counter[Gram]:
    """Counts of the n-grams up to `longest` that stand at least `least` times.

    Level by level: an n-gram cannot be more frequent than the two that it is made of (Apriori, Agrawal and Srikant
    1994), so most of the long ones are never held in memory.
    """
    found: Counter[Gram] = Counter()
    for n in range(1, longest + 1):
        level: Counter[Gram] = Counter()
        for run in all_runs:
            units = run.units
            for i in range(len(units) - n + 1):
                gram = units[i : i + n]
                if n == 1 or (gram[1:] in found and gram[:-1] in found):
                    level[gram] += 1
        kept = {gram: times for gram, times in level.items() if times >= least}
        if not kept:
            break
        found.update(kept)
    return found


def npmi(gram: Gram, counts: Counter[Gram], total: int) -> float:
    """Normalised pointwise mutual information (Bouma 2009) of an n-gram's parts, at the split where it is least.

    1 where the parts never stand apart, 0 where they meet by chance. Plain PMI (Church and Hanks 1990) is at most
    -log p of the whole, so that a threshold in bits would be another one in every size of text.

    Args:
        gram: Two units or more.
        counts: Of the n-gram and of all its parts.
        total: Units in the text.
    """
    whole = counts[gram] / total
    if whole == 1:
        return 1.0
    splits = ((counts[gram[:i]] / total, counts[gram[i:]] / total) for i in range(1, len(gram)))
    return min(math.log(whole / (left * right)) for left, right in splits) / -math.log(whole)


def freedom(all_runs: Sequence[Run], grams: frozenset[Gram]) -> dict[Gram, float]:
    """Entropy in bits of what stands beside each n-gram, the smaller of left and right.

    A piece of a longer term always has the same neighbour. The edge of a run counts as a new neighbour each time, for a
    term may always stand alone.
    """
    sides: dict[Gram, tuple[Counter[str], Counter[str]]] = defaultdict(lambda: (Counter(), Counter()))
    for number, run in enumerate(all_runs):
        for i, j in places(run, grams):
            gram = run.units[i:j]
            sides[gram][0][run.units[i - 1] if i else f"<{number}"] += 1
            sides[gram][1][run.units[j] if j < len(run.units) else f">{number}"] += 1
    return {gram: min(_entropy(left), _entropy(right)) for gram, (left, right) in sides.items()}


def places(run: Run, grams: frozenset[Gram]) -> Iterator[tuple[int, int]]:
    """Where in the run the n-grams stand, overlapping ones included."""
    for i in range(len(run.units)):
        for j in range(i + 1, min(len(run.units), i + (LONGEST_HAN if run.han else LONGEST_WORDS)) + 1):
            if run.units[i:j] in grams:
                yield i, j


def _entropy(counts: Counter[str]) -> float:
    total = counts.total()
    return -sum(n / total * math.log2(n / total) for n in counts.values())


def is_han(character: str) -> bool:
    """Whether it is a Chinese character."""
    return bool(_HAN_RUN.match(character))
