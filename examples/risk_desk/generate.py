"""Generate the raw data of the risk desk: clean records with dirt planted among them.

Every run with the same seed writes the same bytes. Beside the raw records it writes ``planted.jsonl``,
which tells what was planted where, so that a data cleaner can be marked.
"""

import argparse
import json
import re
import sys
from pathlib import Path
from random import Random

import phrases_approve
import phrases_decline
import phrases_escalate
import phrases_hold
import phrases_verify
from dirt import Planted, plant
from records import Record, Writer
from rules import DECISIONS, SPLITS, Rule, Split

HERE = Path(__file__).resolve().parent
CLEAN_COUNTS: dict[Split, int] = {"train": 900, "validation": 110, "test": 210}

_UNFILLED = re.compile(r"[{}\[\]|]")
_MESSAGE_WORDS = (15, 40)
_REASON_WORDS = (6, 12)

Line = dict[str, object]


def rule_book() -> tuple[Rule, ...]:
    """Collect the rules of all five decisions, in order of their numbers."""
    modules = (phrases_approve, phrases_verify, phrases_hold, phrases_decline, phrases_escalate)
    return tuple(sorted((rule for module in modules for rule in module.RULES), key=lambda rule: rule.number))


def generate(seed: int, facts: list[Line]) -> tuple[list[Line], list[Line]]:
    """Generate all records, check them, shuffle them and number them.

    Args:
        seed: The seed of every choice.
        facts: The lines of ``facts.jsonl``.

    Returns:
        The lines of the raw file and the lines of ``planted.jsonl``.

    Raises:
        ValueError: If a check fails.
    """
    rng = Random(seed)
    rules = rule_book()
    check_rules(rules, facts)
    writer = Writer(rng)
    clean = [record for split in SPLITS for record in writer.spread(rules, split, CLEAN_COUNTS[split])]
    check_records(clean)
    planted = plant(clean, rules, facts, writer, rng)
    return number(shuffle(clean, planted, rng), planted)


def shuffle(clean: list[Record], planted: list[Planted], rng: Random) -> list[Record]:
    """Shuffle clean and planted records so that every copy stands behind its original.

    Args:
        clean: The clean records.
        planted: The dirty records.
        rng: The seeded source of chance.

    Returns:
        All the records in their final order.
    """
    order = clean + [dirty.record for dirty in planted]
    rng.shuffle(order)
    place = {id(record): index for index, record in enumerate(order)}
    for dirty in planted:
        if dirty.source is None:
            continue
        copy, source = place[id(dirty.record)], place[id(dirty.source)]
        if copy < source:
            order[copy], order[source] = order[source], order[copy]
    return order


def number(order: list[Record], planted: list[Planted]) -> tuple[list[Line], list[Line]]:
    """Give every record its id, and say which ids are planted.

    Args:
        order: All the records in their final order.
        planted: The dirty records among them.

    Returns:
        The lines of the raw file and the lines of ``planted.jsonl``, both in order of the ids.
    """
    ids = {id(record): f"rd-{index:05d}" for index, record in enumerate(order, start=1)}
    raw = [as_line(ids[id(record)], record) for record in order]
    truth: list[Line] = [
        {"id": ids[id(dirty.record)], "kind": dirty.kind, "of": dirty.source and ids[id(dirty.source)]}
        for dirty in planted
    ]
    return raw, sorted(truth, key=lambda line: str(line["id"]))


def as_line(name: str, record: Record) -> Line:
    """Put a record into the Alpaca shape.

    Args:
        name: The record's id.
        record: The record.

    Returns:
        One line of the raw file.
    """
    return {
        "id": name,
        "instruction": record.instruction,
        "input": "",
        "output": record.output,
        "label": record.label,
        "rule": record.rule,
        "template": record.template,
        "entities": list(record.entities),
        "split": record.split,
    }


def check_rules(rules: tuple[Rule, ...], facts: list[Line]) -> None:
    """Check the rule book, and that the facts agree with it.

    Args:
        rules: The rule book.
        facts: The lines of ``facts.jsonl``.

    Raises:
        ValueError: If a rule is numbered, decided or phrased wrongly, or a fact disagrees.
    """
    _require([rule.number for rule in rules] == list(range(1, len(rules) + 1)), "the rule numbers have gaps")
    decided = [(fact["rule"], fact["object"]) for fact in facts if fact["relation"] == "decision"]
    _require(decided == [(rule.number, rule.decision) for rule in rules], "facts.jsonl decides a rule otherwise")
    for rule in rules:
        _require(rule.decision in DECISIONS, f"rule {rule.number}: unknown decision")
        _require(_has_words(rule.reason, _REASON_WORDS), f"rule {rule.number}: length of the reason")
        phrasings = (len(rule.train), len(rule.validation), len(rule.test))
        _require(phrasings == (6, 1, 2), f"rule {rule.number}: number of phrasings")
    for fact in facts:
        _require(str(fact["object"]) in str(fact["text"]), f"{fact['id']}: the text lacks the object")


def check_records(clean: list[Record]) -> None:
    """Check the clean records: filled, short, told apart, and with nothing shared between splits.

    Args:
        clean: The clean records of all splits.

    Raises:
        ValueError: If a message is malformed, or splits share a message, a template or an entity.
    """
    for record in clean:
        _require(not _UNFILLED.search(record.instruction), f"unfilled slot: {record.instruction}")
        _require(_has_words(record.instruction, _MESSAGE_WORDS), f"length: {record.instruction}")
        _require(all(entity in record.instruction for entity in record.entities), f"entity: {record.instruction}")
    _require(len({record.instruction for record in clean}) == len(clean), "a clean message appears twice")
    _require_disjoint("template", [(record.template, record.split) for record in clean])
    _require_disjoint("entity", [(entity, record.split) for record in clean for entity in record.entities])


def _require_disjoint(what: str, owners: list[tuple[str, Split]]) -> None:
    """Raise if one name belongs to two splits."""
    home: dict[str, Split] = {}
    for name, split in owners:
        _require(home.setdefault(name, split) == split, f"{what} in two splits: {name}")


def _has_words(text: str, bounds: tuple[int, int]) -> bool:
    """Tell whether a text has a number of words within bounds."""
    return bounds[0] <= len(text.split()) <= bounds[1]


def _require(holds: bool, message: str) -> None:
    """Raise a ``ValueError`` with the message unless the condition holds."""
    if not holds:
        raise ValueError(message)


def read_lines(path: Path) -> list[Line]:
    """Read a file of JSON objects, one a line."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def write_lines(path: Path, lines: list[Line]) -> None:
    """Write a file of JSON objects, one a line, with the same bytes on every system."""
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    path.write_bytes(text.encode("utf-8"))


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line.

    Args:
        arguments: The arguments, or none to take those of the process.

    Returns:
        The options ``seed``, ``out``, ``planted`` and ``facts``.
    """
    parser = argparse.ArgumentParser(
        description="Generate the raw records of the risk desk, with dirt planted among them.",
        epilog="Example: python generate.py --seed 7 --out raw.jsonl",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--seed", type=int, default=7, help="the same seed writes the same bytes")
    parser.add_argument("--out", type=Path, default=HERE / "raw.jsonl", help="where the raw records go")
    parser.add_argument("--planted", type=Path, help="where the truth goes; without it planted.jsonl beside --out")
    parser.add_argument("--facts", type=Path, default=HERE / "facts.jsonl", help="the knowledge base to read")
    return parser.parse_args(arguments)


def main() -> None:
    """Generate, write both files and report the counts."""
    options = parse_arguments()
    raw, truth = generate(options.seed, read_lines(options.facts))
    write_lines(options.out, raw)
    planted_path = options.planted or options.out.with_name("planted.jsonl")
    write_lines(planted_path, truth)
    sys.stdout.write(f"{len(raw)} records in {options.out}, {len(truth)} of them planted, listed in {planted_path}\n")


if __name__ == "__main__":
    main()
