"""How much of a text repeats itself.

The shares are those of Gopher (Rae et al. 2021, "Scaling Language Models", section A.1.1 and table A1): of lines that
occur again, of the commonest run of 2 to 4 words, and of runs of 5 to 10 words that occur more than once. Shares are of
characters, without white space and punctuation. No dictionary decides what a Chinese word is: two characters count for
one word, its usual length.
Other than Gopher's, the commonest run counts only when it comes three times at least: a short text has a commonest run
however varied it is.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from itertools import accumulate

from seekforge.data.quality.units import is_unspaced, units

TOP, REPEATED = (2, 3, 4), (5, 6, 7, 8, 9, 10)
_LINES = re.compile(r"\n+")
_LEAST_TIMES = 3
_LONGEST_STUTTER = 16  # words


@dataclass(frozen=True, slots=True)
class Repetition:
    """Shares of one text, each 0 to 1.

    Attributes:
        words: How many it has (Chinese: half its characters).
        lines: Of lines that are the same as one before.
        line_characters: Of the characters in those lines.
        top: Of the characters in the commonest run of 2, 3 and 4 words.
        repeated: Of the characters in runs of 5 to 10 words that come more than once.
        stutter: Of the characters in the longest stretch where the same words, 16 at most, come three times in a row or
            more.
    """

    words: int
    lines: float
    line_characters: float
    top: tuple[float, ...]
    repeated: tuple[float, ...]
    stutter: float


def repetition(text: str) -> Repetition:
    """Measures a text.

    >>> repetition("好评" * 20).stutter
    1.0
    """
    found = units(text)
    ends = [0, *accumulate(map(len, found))]
    again, characters = _lines(text)
    word = 2 if 2 * sum(map(is_unspaced, found)) > len(found) else 1
    return Repetition(
        len(found) // word,
        again,
        characters,
        tuple(_top(found, ends, size * word) for size in TOP),
        tuple(_repeated(found, ends, size * word) for size in REPEATED),
        max(_stutter(found, ends, size) for size in range(1, _LONGEST_STUTTER * word + 1)),
    )


def _lines(text: str) -> tuple[float, float]:
    lines = [line for part in _LINES.split(text) if (line := part.strip())]
    seen: set[str] = set()
    again = [line for line in lines if line in seen or seen.add(line)]  # type: ignore[func-returns-value]
    if not lines:
        return 0.0, 0.0
    return len(again) / len(lines), sum(map(len, again)) / sum(map(len, lines))


def _top(found: list[str], ends: list[int], size: int) -> float:
    """Share of the run that covers most, overlapping occurrences counted once."""
    if len(found) < size:
        return 0.0
    runs = [tuple(found[at : at + size]) for at in range(len(found) - size + 1)]
    run, times = max(Counter(runs).items(), key=lambda item: (item[1], sum(map(len, item[0]))))
    if times < _LEAST_TIMES:
        return 0.0
    return _covered([at for at, other in enumerate(runs) if other == run], ends, size)


def _repeated(found: list[str], ends: list[int], size: int) -> float:
    runs = [tuple(found[at : at + size]) for at in range(len(found) - size + 1)]
    counts = Counter(runs)
    return _covered([at for at, run in enumerate(runs) if counts[run] > 1], ends, size)


def _stutter(found: list[str], ends: list[int], size: int) -> float:
    """Share of characters that belong to the longest stretch in which `size` words come again and again."""
    best = start = 0
    longest = (0, 0)
    for at in range(size, len(found) + 1):
        if at == len(found) or found[at] != found[at - size]:
            if at - start >= _LEAST_TIMES * size and at - start > best:
                best, longest = at - start, (start, at)
            start = at - size + 1
    return (ends[longest[1]] - ends[longest[0]]) / ends[-1] if best else 0.0


def _covered(places: list[int], ends: list[int], size: int) -> float:
    """Share of all characters that lie in one of the runs of `size` words, given by their ascending places."""
    done = total = 0
    for place in places:
        first = max(place, done)
        total += ends[place + size] - ends[first]
        done = place + size
    return total / ends[-1] if ends[-1] else 0.0
