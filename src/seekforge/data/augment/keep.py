"""What a new record must keep of its parent: names, numbers, domain terms, label words, as many negations."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from seekforge.core.lexicon import read_lexicon
from seekforge.data.augment.numbers import stated
from seekforge.data.augment.words import CJK, Tagger, Word

# Addresses, handles, codes with digits: whatever the language.
_SOLID = re.compile(
    r"https?://[^\s，。）]+|[\w.+-]+@[\w-]+\.[\w.]+|@\w+|《[^》]+》|[A-Za-z]+[-_]?\d[\w-]*|\d[\w.,:/%-]*"
)
# A Chinese word with such a beginning negates, 不便 and 没有 as well as 不 alone; but for those that do not.
_NEGATES = re.compile(r"[不没未别莫勿]|无(?:$|法|需|须)|毫无|毫不|并非|并不|绝不|从不|从未|决不")
_AFFIRMS = re.compile(
    r"不错|不过|不仅|不但|不管|不论|不同|不断|不久|不少|不时|不禁|不妨|不愧|不止|不惜|不料|不得不|不知不觉|不可思议|不然|不一"
    r"|不客气|没关系|没事|没收|未来|未必不|别人|别墅|别致|别的|别样|别扭|别名"
)
_NOT = frozenset({"no", "not", "never", "none", "neither", "nor", "nothing", "nobody", "cannot", "without", "hardly"})
_CONTRACTED = re.compile(r"n['’]t$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch that must stay as it is: `text[start:end]`."""

    start: int
    end: int
    why: str


@dataclass(frozen=True, slots=True)
class Substance:
    """What a text states, as far as it can be told without understanding it.

    Attributes:
        text: The text itself.
        solid: Protected stretches, case-folded, and how often each stands there; numbers aside.
        numbers: Values and how often.
        labels: Label words and how often.
        negations: How many.
    """

    text: str
    solid: Counter[str]
    numbers: Counter[str]
    labels: Counter[str]
    negations: int


class Keeper:
    """Knows what must stay.

    Args:
        tagger: Cuts texts into words.
        labels: The task's fixed labels.
        terms: Domain terms.
        negation: Whether the number of negations counts.
    """

    def __init__(self, tagger: Tagger, labels: Sequence[str], terms: Sequence[str], negation: bool = True) -> None:
        self._tagger, self._negation = tagger, negation
        self._labels, self._terms = _any_of(labels), _any_of(terms)

    def spans(self, text: str, words: Sequence[Word]) -> list[Span]:
        """Every protected stretch; they may overlap."""
        found = [Span(word.start, word.end, word.kind) for word in words if word.kind in {"entity", "number"}]
        found += [Span(word.start, word.end, "negation") for word in words if is_negation(word)]
        for pattern, why in ((_SOLID, "code"), (self._terms, "term"), (self._labels, "label")):
            found += [Span(*match.span(), why) for match in pattern.finditer(text)]
        return found

    def substance(self, text: str) -> Substance:
        """What it states."""
        words = self._tagger.words(text)
        places = {(one.start, one.end) for one in self.spans(text, words) if one.why in {"term", "entity"}}
        places |= {match.span() for match in _SOLID.finditer(text) if not match[0][0].isdigit()}
        names = [text[start:end] for start, end in places]
        return Substance(
            text,
            Counter(name.casefold() for name in names),
            stated(text, [word.text for word in words if word.kind == "number"]),
            Counter(match[0].casefold() for match in self._labels.finditer(text)),
            sum(map(is_negation, words)),
        )

    def lost(self, parent: Substance, child: Substance) -> str:
        """The first thing in which the child differs from its parent where it must not; empty for none."""
        folded = child.text.casefold()
        for name, count in sorted(parent.solid.items()):
            if folded.count(name) < count:
                return f"'{name}' is gone"
        if parent.numbers != child.numbers:
            more, less = child.numbers - parent.numbers, parent.numbers - child.numbers
            return f"the number {next(iter(sorted(less or more)))} {'is gone' if less else 'is new'}"
        if parent.labels != child.labels:
            word = sorted((parent.labels - child.labels) or (child.labels - parent.labels))[0]
            return f"the label word '{word}' stands there {child.labels[word]} times, not {parent.labels[word]}"
        if self._negation and parent.negations != child.negations:
            return f"{child.negations} negations, not {parent.negations}"
        return ""


def is_negation(word: Word) -> bool:
    """Whether it is a word that negates: 不, 没有, not, n't; 不错, 不过 and 别人 do not."""
    if word.text.lower() in _NOT or _CONTRACTED.search(word.text):
        return True
    return _NEGATES.match(word.text) is not None and _AFFIRMS.match(word.text) is None


def read_terms(path: Path | None) -> tuple[str, ...]:
    """The terms of a lexicon (`core/lexicon.py`); none without a file.

    Raises:
        DataError: The file cannot be read.
    """
    return tuple(entry.term for entry in read_lexicon(path)) if path is not None else ()


def _any_of(words: Sequence[str]) -> re.Pattern[str]:
    """Finds any of the words, the longest first; a Latin one only where no letter goes on."""
    if not words:
        return re.compile(r"(?!)")
    return re.compile("|".join(map(_bounded, sorted(words, key=lambda word: (-len(word), word)))), re.IGNORECASE)


def _bounded(word: str) -> str:
    before = "" if re.match(f"[{CJK}\\W]", word[0]) else r"(?<![A-Za-z0-9_])"
    after = "" if re.match(f"[{CJK}\\W]", word[-1]) else r"(?![A-Za-z0-9_])"
    return f"{before}{re.escape(word)}{after}"
