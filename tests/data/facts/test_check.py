"""Verdicts: two labelled sets, and the cases behind them one by one."""

from __future__ import annotations

import json
import pickle
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seekforge.core.records import Message, Record
from seekforge.data.facts import Fact, FactChecker, Verdict, read_knowledge

HERE = Path(__file__).parent
DESK = Path(__file__).parents[3] / "examples" / "risk_desk"


def rows(path: Path) -> Iterator[dict[str, Any]]:
    yield from map(json.loads, path.read_text(encoding="utf-8").splitlines())


@cache
def general() -> FactChecker:
    return FactChecker(read_knowledge(HERE / "knowledge.jsonl"))


@cache
def desk() -> FactChecker:
    return FactChecker(read_knowledge(DESK / "facts.jsonl"))


@cache
def desk_records() -> tuple[Record, ...]:
    return tuple(
        Record(row["id"], (Message("user", row["instruction"]), Message("assistant", row["output"])))
        for row in rows(DESK / "raw.jsonl")
    )


@cache
def checker(*facts: Fact) -> FactChecker:
    return FactChecker(facts)


def verdict(*facts: Fact, text: str, question: str = "") -> str:
    return checker(*facts).check_text(text, question).verdict.value


def test_the_demos_planted_contradictions_are_found_and_nothing_else() -> None:
    planted = {row["id"]: row["kind"] for row in rows(DESK / "planted.jsonl")}
    findings = desk().check(desk_records())
    found = {
        record.id
        for record, finding in zip(desk_records(), findings, strict=True)
        if finding.verdict is Verdict.CONTRADICTED
    }
    assert found == {id for id, kind in planted.items() if kind == "contradiction"}
    assert len(found) == 20


@pytest.mark.parametrize(("part", "least"), [("dev", 0.92), ("held", 0.9)])
def test_medicine_companies_dates_and_places(part: str, least: float) -> None:
    """`held` was never looked at while the rules were written."""
    found = Counter[tuple[str, str]]()
    for row in rows(HERE / "claims.jsonl"):
        if row["part"] == part:
            finding = general().check_text(row["text"], row.get("question", ""))
            found[row["verdict"], finding.verdict.value] += 1
    total = Counter[str]()
    for (truth, _), count in found.items():
        total[truth] += count
    assert found["contradicted", "contradicted"] >= least * total["contradicted"]
    alarms = found["supported", "contradicted"] + found["unknown", "contradicted"]
    assert alarms <= 0.02 * (total["supported"] + total["unknown"])
    assert found["supported", "supported"] >= 0.95 * total["supported"]
    assert found["contradicted", "supported"] == 0


@pytest.mark.parametrize("path", [DESK / "facts.jsonl", HERE / "knowledge.jsonl"], ids=["desk", "general"])
def test_every_fact_supports_its_own_sentence(path: Path) -> None:
    known = desk() if path.parent == DESK else general()
    verdicts = {fact.id: known.check_text(fact.text).verdict for fact in read_knowledge(path) if fact.text}
    assert set(verdicts.values()) == {Verdict.SUPPORTED}, verdicts


def test_neither_the_order_of_facts_nor_of_records_matters() -> None:
    turned = FactChecker(tuple(reversed(read_knowledge(HERE / "knowledge.jsonl"))))
    for row in list(rows(HERE / "claims.jsonl"))[::3]:
        one, other = (c.check_text(row["text"], row.get("question", "")) for c in (general(), turned))
        assert one.verdict is other.verdict, row
    some = desk_records()[:200]
    assert desk().check(some) == list(reversed(desk().check(some[::-1])))


def test_a_finding_travels_between_processes() -> None:
    [finding] = desk().check(desk_records()[22:23])
    assert finding.verdict is Verdict.CONTRADICTED
    assert pickle.loads(pickle.dumps(finding)) == finding


@pytest.mark.parametrize("frame", ["{} The weather is fine.", "The weather is fine. {}", "{}\n今天天气很好。"])
def test_a_sentence_about_nothing_known_changes_no_verdict(frame: str) -> None:
    for row in list(rows(HERE / "claims.jsonl"))[::7]:
        if "question" not in row:
            alone, framed = general().check_text(row["text"]), general().check_text(frame.format(row["text"]))
            assert framed.verdict is alone.verdict, row


_PIECES = [
    "aspirin",
    "4 g",
    "不",
    "长江",
    "全长",
    "约",
    "is",
    "not",
    "6300公里",
    "，",
    "。",
    "?",
    "Acme",
    "1998",
    "的",
    "of the",
    "半",
    "%",
]


@given(st.lists(st.one_of(st.sampled_from(_PIECES), st.text(max_size=4)), max_size=14))
def test_any_text_has_a_verdict(pieces: list[str]) -> None:
    text = " ".join(pieces)
    finding = everything().check_text(text, question=text[::-1])
    assert finding.verdict in Verdict
    assert finding == everything().check_text(text, question=text[::-1])


ASPIRIN = Fact("f", "aspirin", "maximum daily dose for adults", "4 g")
FOUNDED = Fact("f", "Acme", "founded", "1998", "Acme was founded in 1998.")
PASSCODE = Fact("f", "passcode", "asked by the desk", "never", "The passcode is never asked for by the desk.")
LENGTH = Fact("f", "长江", "全长", "6300公里")


@cache
def everything() -> FactChecker:
    dogs, odd = Fact("g", text="Dogs are not admitted."), Fact("h", "%", "of", "the", "不。")
    return FactChecker(
        [ASPIRIN, replace(FOUNDED, id="a"), replace(PASSCODE, id="b"), replace(LENGTH, id="c"), dogs, odd]
    )


@pytest.mark.parametrize(
    ("fact", "text", "expected"),
    [
        (ASPIRIN, "The maximum daily dose of aspirin for adults is 8 g.", "contradicted"),
        (ASPIRIN, "The maximum daily dose of aspirin for adults is 4,000 mg.", "supported"),
        (ASPIRIN, "The maximum daily dose of aspirin for children is 1 g.", "unknown"),
        (ASPIRIN, "The minimum daily dose of aspirin for adults is 1 g.", "unknown"),
        (ASPIRIN, "What is the maximum daily dose of aspirin for adults, 8 g?", "unknown"),
        (ASPIRIN, "If the maximum daily dose of aspirin for adults were 8 g, many would suffer.", "unknown"),
        (ASPIRIN, "The maximum daily dose of aspirin for adults is not 4 g.", "contradicted"),
        (ASPIRIN, "The maximum daily dose of aspirin for adults is not 8 g.", "unknown"),
        (ASPIRIN, "Aspirin was sold to 8 adults for £4.", "unknown"),
        (ASPIRIN, "The maximum daily dose of ibuprofen for adults is 8 g.", "unknown"),
        (FOUNDED, "Acme was founded in 2003.", "contradicted"),
        (FOUNDED, "Founded in 1998, Acme moved in 2003.", "supported"),
        (FOUNDED, "Acme moved in 2003.", "unknown"),
        (FOUNDED, "Acme was founded about 1999.", "unknown"),
        (FOUNDED, "Beta was founded in 2003, later than Acme.", "unknown"),
        (FOUNDED, "Acme Towers was founded in 2003.", "unknown"),
        (FOUNDED, "The orchestra of Acme was founded in 2003.", "unknown"),
        (LENGTH, "与长江不同，黄河全长5464公里。", "unknown"),
        (LENGTH, "黄河全长5464公里，比长江短。", "unknown"),
        (PASSCODE, "The passcode is asked for by the desk.", "contradicted"),
        (PASSCODE, "The desk never asks for the passcode.", "supported"),
        (LENGTH, "长江全长三千六百公里。", "contradicted"),
        (LENGTH, "长江全长6,300千米。", "supported"),
        (LENGTH, "长江大桥全长2公里。", "unknown"),
        (LENGTH, "长江流域有6条铁路。", "unknown"),
    ],
)
def test_verdicts(fact: Fact, text: str, expected: str) -> None:
    assert verdict(fact, text=text) == expected


def test_a_name_counts_only_at_the_edges_of_words_and_the_longest_wins() -> None:
    facts = (Fact("a", "Bank", "seat", "Turin"), Fact("b", "Bank of Lisbon", "seat", "Lisbon"))
    assert verdict(*facts, text="The seat of the Bank of Lisbon is Lisbon.") == "supported"
    assert verdict(facts[0], text="The seat of the Databanker is Oslo.") == "unknown"
    assert verdict(Fact("c", "京东", "总部", "北京"), text="东京东部的总部是大阪。") == "unknown"


def test_a_relation_with_several_objects_contradicts_no_other() -> None:
    founders = (Fact("a", "Acme", "founder", "Ann Lee"), Fact("b", "Acme", "founder", "Bo Chen"))
    assert verdict(*founders, text="The founder of Acme is Bo Chen.") == "supported"
    other = Fact("c", "Beta", "founder", "Cy Dean")
    assert verdict(*founders, other, text="The founder of Acme is Cy Dean.") == "unknown"


def test_the_question_gives_the_subject_and_nothing_more() -> None:
    assert verdict(FOUNDED, text="In 2003.", question="When was Acme founded?") == "contradicted"
    assert verdict(FOUNDED, text="It moved in 2003.", question="When was Acme founded?") == "unknown"
    assert verdict(FOUNDED, text="In 2003.", question="Acme was founded long ago.") == "unknown"
    assert verdict(FOUNDED, text="Beta was founded in 2003.", question="When was Acme founded?") == "unknown"


def test_the_evidence_names_what_was_said_and_what_is_known() -> None:
    finding = FactChecker([FOUNDED]).check_text("Acme makes arms. Acme was founded in 2003.")
    assert finding.evidence[0].to_dict() == {
        "verdict": "contradicted",
        "fact": "f",
        "known": "Acme was founded in 1998.",
        "sentence": "Acme was founded in 2003.",
        "said": "2003",
        "why": "2003, but the fact says 1998",
    }
