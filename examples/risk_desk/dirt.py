"""Planted dirt: what a data cleaner should find, each piece with its true kind."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from random import Random

from entities import PERSONS
from records import Record, Writer, likeness, shingles
from rules import DECISIONS, Rule, answer

COUNTS = {"exact": 90, "near": 110, "contradiction": 20, "abuse": 20, "personal": 25, "form": 15, "leak": 3}

_SYNONYMS = {
    "the": "this",
    "wants": "wishes",
    "asks": "requests",
    "please": "kindly",
    "needs": "requires",
    "need": "require",
    "want": "wish",
    "money": "cash",
    "says": "states",
    "because": "since",
    "but": "yet",
    "today": "now",
    "was": "has been",
    "before": "ahead of",
}
_RUDE = (
    "Hurry up, you idiots.",
    "What a bunch of useless morons you are.",
    "Get it done, you stupid clowns.",
    "You damn fools never answer.",
    "Are you too stupid to read?",
    "Bloody idiots, the lot of you.",
    "Shut up and do it, you dimwits.",
    "Your desk is crap and so are you.",
    "Only a brainless jerk would ask me again.",
    "I am sick of you lazy imbeciles.",
)
# Numbers that card schemes and regulators set aside for tests and fiction; the cards pass the Luhn check.
_CARDS = ("4111 1111 1111 1111", "5555 5555 5555 4444", "4012 8888 8888 1881", "6011 1111 1111 1117")
_PHONES = ("+44 7700 900{:03d}", "020 7946 0{:03d}", "0113 496 0{:03d}")
_FULL_WIDTH = {code: code + 0xFEE0 for code in range(0x21, 0x7F)} | {0x20: 0x3000}
_NEAR_ENOUGH = 0.7
_ZERO_WIDTH = "\u200b"
_BELL = "\u0007"


@dataclass(frozen=True)
class Planted:
    """A dirty record with the truth about it.

    Attributes:
        record: The record as it will be written.
        kind: One of the keys of ``COUNTS``.
        source: The record that it copies, if any.
    """

    record: Record
    kind: str
    source: Record | None = None


def plant(
    clean: list[Record], rules: tuple[Rule, ...], facts: list[dict[str, object]], writer: Writer, rng: Random
) -> list[Planted]:
    """Make all the dirt.

    Args:
        clean: The clean records of all splits.
        rules: The rule book.
        facts: The lines of ``facts.jsonl``.
        writer: Writes the fresh messages that some kinds of dirt start from.
        rng: The seeded source of chance.

    Returns:
        The dirty records, all of the train split.
    """
    train = [record for record in clean if record.split == "train"]
    test = [record for record in clean if record.split == "test"]
    originals = rng.sample(train, COUNTS["exact"] + COUNTS["near"])
    taken = {record.instruction for record in clean}

    def fresh(kind: str, spoil: Callable[[Record, int], Record]) -> Iterator[Planted]:
        for turn in range(COUNTS[kind]):
            record = writer.record(rng.choice(rules), "train", rng.randrange(6))
            yield Planted(spoil(record, turn), kind)

    return [
        *(Planted(replace(record), "exact", record) for record in originals[: COUNTS["exact"]]),
        *(Planted(near_copy(record, taken, rng), "near", record) for record in originals[COUNTS["exact"] :]),
        *(Planted(replace(record, split="train"), "leak", record) for record in rng.sample(test, COUNTS["leak"])),
        *fresh("contradiction", lambda record, turn: contradict(record, facts, turn, rng)),
        *fresh("abuse", lambda record, turn: _add(record, _RUDE[turn % len(_RUDE)], turn)),
        *fresh("personal", lambda record, turn: _add(record, _contact(record, turn, rng), 0)),
        *fresh("form", lambda record, turn: record.with_instruction(disguise(record.instruction, turn, rng))),
    ]


def near_copy(record: Record, taken: set[str], rng: Random) -> Record:
    """Copy a record with one small human edit, or two.

    Args:
        record: The original.
        taken: Messages that may not come out; the new one is added.
        rng: The seeded source of chance.

    Returns:
        The edited copy.
    """
    text = record.instruction
    original = shingles(text)
    while text in taken or likeness(original, shingles(text)) < _NEAR_ENOUGH:
        text = record.instruction
        for edit in rng.sample(_EDITS, rng.choice((1, 1, 2))):
            text = edit(text, rng)
    taken.add(text)
    return record.with_instruction(text)


def contradict(record: Record, facts: list[dict[str, object]], turn: int, rng: Random) -> Record:
    """Give a record an answer that a fact refutes: by turns a wrong decision and a wrong figure.

    Args:
        record: A clean record.
        facts: The lines of ``facts.jsonl``.
        turn: An even turn spoils the decision; an odd turn spoils a figure where the rule has one.
        rng: The seeded source of chance.

    Returns:
        The record with a spoilt answer, and with a spoilt label if the decision is wrong.
    """
    own = [fact for fact in facts if fact["rule"] == record.rule]
    figures = [fact for fact in own if fact["relation"] != "decision"]
    if turn % 2 and figures:
        fact, label = rng.choice(figures), record.label
        wrong = re.sub(r"\d[\d,]*", lambda match: f"{int(match.group().replace(',', '')) * 3:,}", str(fact["object"]))
    else:
        fact = next(fact for fact in own if fact["relation"] == "decision")
        label = wrong = rng.choice([decision for decision in DECISIONS if decision != record.label])
    claim = str(fact["text"]).replace(str(fact["object"]), wrong)
    return replace(record, label=label, output=answer(claim, record.rule, label))


def disguise(text: str, turn: int, rng: Random) -> str:
    """Write a message in an odd form: full-width letters, zero-width spaces, or control characters.

    Args:
        text: The plain message.
        turn: Picks the form, one after the other.
        rng: The seeded source of chance.

    Returns:
        The same message to a reader's eye, but other characters.
    """
    if turn % 3 == 0:
        return text.translate(_FULL_WIDTH)
    words = text.split(" ")
    if turn % 3 == 1:
        return " ".join(_split_word(word) if len(word) > 4 else word for word in words)
    place = rng.randrange(1, len(words))
    return "\t".join(words[:place]) + _BELL + " " + " ".join(words[place:])


def _split_word(word: str) -> str:
    """Hide a zero-width space in the middle of a word."""
    middle = len(word) // 2
    return word[:middle] + _ZERO_WIDTH + word[middle:]


def _add(record: Record, sentence: str, turn: int) -> Record:
    """Add a sentence behind the message, or before it on every third turn."""
    parts = (sentence, record.instruction) if turn % 3 == 2 else (record.instruction, sentence)
    return record.with_instruction(" ".join(parts))


def _contact(record: Record, turn: int, rng: Random) -> str:
    """Write a sentence with invented personal data: a card, a phone number or an e-mail address."""
    if turn % 3 == 0:
        return f"The card number is {_CARDS[turn // 3 % len(_CARDS)]}."
    if turn % 3 == 1:
        return f"My number is {rng.choice(_PHONES).format(rng.randrange(1000))}."
    name = next((entity for entity in record.entities if entity in PERSONS["train"]), "a customer")
    return f"Write to {name.lower().replace(' ', '.')}@example.com."


def _swap_word(text: str, rng: Random) -> str:
    """Replace one common word by a neighbour in meaning."""
    words = text.split(" ")
    places = [index for index, word in enumerate(words) if word in _SYNONYMS]
    if places:
        place = rng.choice(places)
        words[place] = _SYNONYMS[words[place]]
    return " ".join(words)


def _add_please(text: str, rng: Random) -> str:
    """Add a word of courtesy at the end."""
    return text.rstrip(".?!") + rng.choice((", please.", ", thank you.", ", please!", ", many thanks."))


def _change_case(text: str, rng: Random) -> str:
    """Write everything in small letters, or one word in capitals."""
    if rng.random() < 0.5:
        return text.lower()
    words = text.split(" ")
    place = rng.randrange(len(words))
    words[place] = words[place].upper()
    return " ".join(words)


def _change_punctuation(text: str, rng: Random) -> str:
    """Drop the commas, change the full stop, or turn semicolons into full stops."""
    return rng.choice((text.replace(",", ""), text.rstrip(".") + "!", text.rstrip(".?"), text.replace(";", ".")))


def _mistype(text: str, rng: Random) -> str:
    """Swap two neighbouring letters inside one long word."""
    words = text.split(" ")
    place = rng.choice([index for index, word in enumerate(words) if len(word) > 5])
    word = words[place]
    at = rng.randrange(1, len(word) - 2)
    words[place] = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    return " ".join(words)


_EDITS: tuple[Callable[[str, Random], str], ...] = (
    _swap_word,
    _add_please,
    _change_case,
    _change_punctuation,
    _mistype,
)
