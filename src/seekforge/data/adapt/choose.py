"""Which terms are worth a token of their own: tokens saved at each place, times the places."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from seekforge.core.lexicon import Entry
from seekforge.data.adapt.ngrams import is_han

Encode = Callable[[str], list[int]]
Decode = Callable[[Sequence[int]], str]
_BEFORE = "x"  # stands before a term in trials: some tokenizers treat the beginning of a text otherwise


@dataclass(frozen=True, slots=True)
class Candidate:
    """A term as a token.

    Attributes:
        term: As in the lexicon.
        form: The token's text: a word of a script with spaces has one in front, as such tokenizers' own words do.
        pieces: The tokens that it is made of now.
        count: Places in the text where it would stand, longer terms having gone first.
    """

    term: str
    form: str
    pieces: tuple[int, ...]
    count: int = 0

    @property
    def saved(self) -> int:
        """Tokens that it saves in the whole text."""
        return self.count * (len(self.pieces) - 1)


@dataclass(frozen=True, slots=True)
class Choice:
    """What becomes a token, the most saving first, and what does not, with the reason."""

    chosen: tuple[Candidate, ...]
    left_out: tuple[tuple[str, str], ...]


def choose(
    entries: Iterable[Entry],
    texts: Sequence[str],
    encode: Encode,
    *,
    least_saved: int,
    most: int,
    most_cut: float = 0.05,
) -> Choice:
    """Chooses terms by what they save in these texts.

    Args:
        entries: The reviewed lexicon.
        texts: Of the domain.
        encode: The model's tokenizer; nothing added.
        least_saved: Tokens that a term must save in the texts.
        most: Terms in all.
        most_cut: Share of a term's places where it may end inside a word; a token matches wherever its text stands, and
            ` alt` in ` altitude` would cut a word that the model knows. A plural's s is no cut.
    """
    out: dict[str, str] = {}
    candidates: list[Candidate] = []
    for entry in entries:
        form = form_of(entry.term)
        pieces = tuple(encode(_BEFORE + form)[len(encode(_BEFORE)) :])
        if len(pieces) < 2:
            out[entry.term] = "one token already"
        else:
            candidates.append(Candidate(entry.term, form, pieces))
    candidates = _without_cut_words(candidates, texts, most_cut, out)
    while True:
        counts = occurrences([c.form for c in candidates], texts)
        candidates = [replace(c, count=counts[c.form]) for c in candidates]
        poor = [c for c in candidates if c.saved < least_saved]
        for c in poor:
            out[c.term] = f"saves {c.saved} tokens in the text, under {least_saved}"
        if not poor:
            break
        candidates = [c for c in candidates if c.saved >= least_saved]  # their places may be another's now
    candidates.sort(key=lambda c: (-c.saved, c.form))
    for c in candidates[most:]:
        out[c.term] = f"saves {c.saved} tokens and is not among the first {most}"
    return Choice(tuple(candidates[:most]), tuple(out.items()))


def form_of(term: str) -> str:
    """The text of a term's token.

    >>> form_of("margin call"), form_of("保证金")
    (' margin call', '保证金')
    """
    return f" {term}" if term[0].isalnum() and not is_han(term[0]) else term


def occurrences(forms: Sequence[str], texts: Sequence[str]) -> Counter[str]:
    """Places of each form, leftmost and longest first, as tokenizers match added tokens."""
    return Counter(form for _, _, form in _matches(forms, texts))


def _without_cut_words(
    candidates: list[Candidate], texts: Sequence[str], most_cut: float, out: dict[str, str]
) -> list[Candidate]:
    places: Counter[str] = Counter()
    cut: Counter[str] = Counter()
    for text, end, form in _matches([c.form for c in candidates], texts):
        places[form] += 1
        rest = text[end : end + 2]
        tail = rest.removeprefix("s")[:1]
        cut[form] += form[-1].isalpha() and not is_han(form[-1]) and tail.isalpha() and not is_han(tail)
    kept = []
    for c in candidates:
        if cut[c.form] > most_cut * places[c.form]:
            share = cut[c.form] / places[c.form]
            out[c.term] = f"ends inside a word at {share:.0%} of its places, above {most_cut:.0%}"
        else:
            kept.append(c)
    return kept


def _matches(forms: Sequence[str], texts: Sequence[str]) -> Iterator[tuple[str, int, str]]:
    """Text, end and form of each place."""
    import ahocorasick

    if not forms:
        return
    automaton = ahocorasick.Automaton()
    for form in forms:
        automaton.add_word(form, form)
    automaton.make_automaton()
    for text in texts:
        for last, form in automaton.iter_long(text):
            yield text, last + 1, form
