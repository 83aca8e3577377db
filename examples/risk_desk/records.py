"""Clean records: a template, the values for its slots, and the desk's answer."""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from random import Random

from entities import LEADS, TAILS, draw
from rules import Rule, Split

_SLOT = re.compile(r"\{(\w+)\}")
_CHOICE = re.compile(r"\[([^\[\]]*)\]")
_FRAME_SHARE = 0.6
_CANDIDATES = 24
_LONGEST = 40

Shingles = frozenset[tuple[str, ...]]


@dataclass(frozen=True)
class Record:
    """One line of ``raw.jsonl``, still without its id."""

    instruction: str
    output: str
    label: str
    rule: int
    template: str
    entities: tuple[str, ...]
    split: Split

    def with_instruction(self, text: str) -> "Record":
        """Return a copy with another message."""
        return replace(self, instruction=text)


def fill(template: str, split: Split, rng: Random) -> tuple[str, tuple[str, ...]]:
    """Fill a template's choices and slots.

    Args:
        template: Text with ``{slots}`` and ``[choices|like this]``.
        split: The split whose entities are used.
        rng: The seeded source of chance.

    Returns:
        The message and the values of its slots, in order of first use.
    """
    values: dict[str, str] = {}

    def value(match: re.Match[str]) -> str:
        slot = match.group(1)
        while slot not in values:
            drawn = draw(slot, split, rng)
            if drawn not in values.values():
                values[slot] = drawn
        return values[slot]

    lead = rng.choice(LEADS) if rng.random() < _FRAME_SHARE else ""
    tail = rng.choice(TAILS) if rng.random() < _FRAME_SHARE else ""
    text = _CHOICE.sub(lambda match: rng.choice(match.group(1).split("|")), template)
    return _SLOT.sub(value, lead + text + tail), tuple(values.values())


def shingles(text: str) -> Shingles:
    """Cut a message into overlapping groups of three words, for comparison."""
    words = re.findall(r"\w+", text.lower())
    return frozenset(tuple(words[at : at + 3]) for at in range(len(words) - 2))


def likeness(one: Shingles, other: Shingles) -> float:
    """Tell how alike two messages are, from 0 to 1 (Jaccard)."""
    return len(one & other) / len(one | other)


class Writer:
    """Writes records whose messages keep well apart, even where they share a template."""

    def __init__(self, rng: Random) -> None:
        """Start with no message written yet.

        Args:
            rng: The seeded source of chance.
        """
        self._rng = rng
        self._written: defaultdict[str, list[Shingles]] = defaultdict(list)

    def record(self, rule: Rule, split: Split, turn: int) -> Record:
        """Write one record; successive turns walk through the rule's templates of the split.

        Args:
            rule: The rule that the message falls under.
            split: Train, validation or test.
            turn: Which template, counted round and round.

        Returns:
            A record with a message unlike the earlier ones from its template.
        """
        templates = rule.templates(split)
        name, template = templates[turn % len(templates)]
        text, entities = self._most_distinct(name, template, split)
        self._written[name].append(shingles(text))
        return Record(text, rule.answer, rule.decision, rule.number, name, entities, split)

    def spread(self, rules: tuple[Rule, ...], split: Split, total: int) -> Iterator[Record]:
        """Write a number of records spread evenly over the rules.

        Args:
            rules: The rule book.
            split: Train, validation or test.
            total: How many records in all.

        Yields:
            The records, rule by rule in turn.
        """
        for index in range(total):
            yield self.record(rules[index % len(rules)], split, index // len(rules))

    def _most_distinct(self, name: str, template: str, split: Split) -> tuple[str, tuple[str, ...]]:
        """Fill a template several times and keep the message least like those already written from it."""
        drawn = [fill(template, split, self._rng) for _ in range(_CANDIDATES)]
        short = [candidate for candidate in drawn if len(candidate[0].split()) <= _LONGEST]

        def nearest(candidate: tuple[str, tuple[str, ...]]) -> float:
            own = shingles(candidate[0])
            return max((likeness(own, earlier) for earlier in self._written[name]), default=0.0)

        return min(short, key=nearest)
