"""Answers to a test set: in order, decided, and the same after a trip to the disk."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seekforge.core.progress import Silent
from seekforge.core.records import Message, Record
from seekforge.engines.fake import FakeEngine
from seekforge.engines.protocol import Messages, Tools
from seekforge.evaluate.predict import Prediction, load, predict, save

TEXT = st.text(st.characters(codec="utf-8"), max_size=20)


def record(number: int, text: str, label: str | None = "HOLD") -> Record:
    turns = (Message("system", "s"), Message("user", text), Message("assistant", f"answer {number}"))
    return Record(f"r{number}", turns, label)


def test_answers_are_in_the_records_order_and_decided() -> None:
    texts = [f"{'HOLD' if n % 2 else 'approve'} {n}" for n in range(100)]  # more than one piece
    records = [record(n, text) for n, text in enumerate(texts)]
    found = predict(FakeEngine(), records, ("HOLD", "APPROVE"), 64, Silent(), "t")
    assert [p.text for p in found] == [p.prompt for p in found] == texts
    assert [p.id for p in found] == [r.id for r in records]
    assert [p.decision for p in found] == ["HOLD" if n % 2 else "APPROVE" for n in range(100)]
    assert {(p.label, p.finish_reason) for p in found} == {("HOLD", "stop")}
    assert found[7].reference == "answer 7"


def test_it_is_greedy_and_bounded() -> None:
    engine = FakeEngine()
    found = predict(engine, [record(1, "a long question")], (), 6, Silent(), "t")
    assert [(s.max_new_tokens, s.temperature) for s in engine.seen] == [(6, 0.0)]
    assert (found[0].text, found[0].finish_reason, found[0].decision) == ("a long", "length", "")


class Thinks(FakeEngine):
    """Its template opens the thoughts, as that of the R1 distillations does."""

    def render(self, messages: Messages, tools: Tools = ()) -> str:
        return super().render(messages, tools) + "<think>\n"


THOUGHTS = "HOLD? No, rule 2.\n</think>\n\n"


@pytest.mark.parametrize("engine", [Thinks(reply=THOUGHTS + "APPROVE"), FakeEngine(reply=f"<think>{THOUGHTS}APPROVE")])
def test_a_decision_is_read_off_the_answer_and_not_off_the_thoughts(engine: FakeEngine) -> None:
    question = Record("r", (Message("user", "q"), Message("assistant", f"<think>{THOUGHTS}APPROVE")), "APPROVE")
    found = predict(engine, [question], ("HOLD", "APPROVE"), 99, Silent(), "t")[0]
    assert (found.decision, found.text, found.reference) == ("APPROVE", "APPROVE", "APPROVE")
    assert found.thoughts + found.text == engine.reply


def test_thoughts_that_were_cut_off_are_no_answer() -> None:
    """Whoever ends by itself without a closing tag has answered at once, as the gateway takes it too."""
    asked = [record(1, "q")]
    cut = predict(Thinks(reply="HOLD or not, let me see"), asked, ("HOLD",), 9, Silent(), "t")[0]
    assert (cut.text, cut.decision, cut.thoughts) == ("", "", "HOLD or n")
    at_once = predict(Thinks(reply="HOLD"), asked, ("HOLD",), 9, Silent(), "t")[0]
    assert (at_once.text, at_once.decision, at_once.thoughts) == ("HOLD", "HOLD", "")


def test_thoughts_in_answers_that_others_saved_are_no_part_of_them(tmp_path: Path) -> None:
    old = {**asdict(Prediction("r", "q", "a", "HOLD", "<think>x</think>HOLD", "HOLD", "stop"))}
    del old["thoughts"]
    (tmp_path / "p.jsonl").write_text(json.dumps(old), encoding="utf-8")
    found = load(tmp_path / "p.jsonl")[0]
    assert (found.thoughts, found.text) == ("<think>x</think>", "HOLD")


def test_without_labels_there_is_nothing_to_decide() -> None:
    found = predict(FakeEngine(), [record(1, "HOLD", label=None)], (), 64, Silent(), "t")
    assert (found[0].label, found[0].decision) == ("", "")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.tuples(TEXT, TEXT, TEXT), max_size=4))
def test_what_is_saved_comes_back(tmp_path: Path, rows: list[tuple[str, str, str]]) -> None:
    wanted = [Prediction(f"r{n}", a, b, "HOLD", c, "", "length") for n, (a, b, c) in enumerate(rows)]
    save(tmp_path / "p.jsonl", wanted)
    assert load(tmp_path / "p.jsonl") == wanted


def test_separators_within_a_text_do_not_cut_the_file(tmp_path: Path) -> None:
    rest = ("a\nb\r\nc", "\u2028x\u2029", "", "\x85\x0b\x0c\x1c 😀", "", "stop")
    wanted = [Prediction("r", *rest), Prediction("s", *rest)]
    save(tmp_path / "p.jsonl", wanted)
    assert load(tmp_path / "p.jsonl") == wanted


def test_half_a_surrogate_pair_in_saved_answers_can_be_written_again(tmp_path: Path) -> None:
    save(tmp_path / "p.jsonl", [Prediction("r", "p", "", "", "half!", "", "stop")])
    (tmp_path / "p.jsonl").write_text((tmp_path / "p.jsonl").read_text().replace("half", r"\ud83d"))
    found = load(tmp_path / "p.jsonl")
    assert found[0].text == "?!"
    save(tmp_path / "q.jsonl", found)
    assert load(tmp_path / "q.jsonl") == found
