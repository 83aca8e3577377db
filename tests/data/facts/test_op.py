"""The op: what goes, what stays with a note, and what a judge may and may not decide."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.engines.chat_server import completion, serving
from tests.patience import LONG

from seekforge.core.config import FactsConfig, load_recipe
from seekforge.core.errors import ConfigError, DataError, ModelError
from seekforge.core.records import Message, Record
from seekforge.data.facts.judge import PROSE, is_asked, read
from seekforge.data.facts.verdict import Verdict
from seekforge.data.ops import OpContext, OpResult
from seekforge.data.ops.facts import Facts
from seekforge.data.ops.memory import apply
from seekforge.engines.chat.fake import FakeChat
from seekforge.engines.chat.protocol import Reply
from seekforge.serve.process import Worker, WorkerSpec

FACTS = [
    {"id": "f1", "subject": "Acme", "relation": "founded", "object": "1998", "text": "Acme was founded in 1998."},
    {"id": "f2", "subject": "Acme", "relation": "seat", "object": "Turin"},
]
ANSWERS = {
    "wrong": "Acme was founded in 2003.",
    "right": "Acme was founded in 1998.",
    "open": "The seat of Acme is splendid.",
    "other": "Nothing to do with it.",
}


@pytest.fixture
def knowledge(tmp_path: Path) -> Path:
    path = tmp_path / "kb.jsonl"
    path.write_text("".join(json.dumps(fact) + "\n" for fact in FACTS), encoding="utf-8")
    return path


def records() -> list[Record]:
    return [Record(id, (Message("user", "Tell me."), Message("assistant", text))) for id, text in ANSWERS.items()]


def run(knowledge: Path, judge: FakeChat | None = None, **settings: Any) -> OpResult:
    return apply(Facts(FactsConfig(knowledge=knowledge, **settings), OpContext(), judge), records())


def says(verdicts: dict[str, str]) -> FakeChat:
    """A judge with an answer for each text."""
    return FakeChat(lambda question: verdicts[json.loads(question)["text"]])


def test_what_is_contradicted_goes_with_the_fact_that_says_so(knowledge: Path) -> None:
    result = run(knowledge)
    assert [record.id for record in result.kept] == ["right", "open", "other"]
    [drop] = result.drops
    assert drop.reason == ("“Acme was founded in 2003.”: 2003, but the fact says 1998 (f1: Acme was founded in 1998.)")
    assert drop.kind == "contradicted"
    assert drop.evidence["facts"][0]["fact"] == "f1"
    [noted] = result.noted
    assert (noted.after.id, noted.kind, noted.evidence["verdict"]) == ("right", "supported", "supported")
    json.dumps(drop.to_dict())


def test_flagged_records_stay(knowledge: Path) -> None:
    result = run(knowledge, on_contradicted="flag")
    assert len(result.kept) == 4
    assert {noted.after.id: noted.kind for noted in result.noted} == {"wrong": "contradicted", "right": "supported"}


def test_all_turns_are_checked_only_if_asked_for(knowledge: Path) -> None:
    turns = (Message("system", ANSWERS["wrong"]), Message("user", ANSWERS["wrong"]), Message("assistant", "Fine."))
    for part, dropped in (("answer", 0), ("all", 1)):
        config = FactsConfig.model_validate({"knowledge": knowledge, "part": part})
        assert len(apply(Facts(config, OpContext()), [Record("r", turns)]).drops) == dropped


def test_the_judge_is_asked_of_what_is_contradicted_or_linked_and_unknown(knowledge: Path) -> None:
    judge = says(dict.fromkeys(ANSWERS.values(), '{"verdict": "unknown"}'))
    run(knowledge, judge)
    asked = [json.loads(str(turns[-1]["content"])) for turns in judge.asked]
    assert [one["text"] for one in asked] == [ANSWERS["wrong"], ANSWERS["open"]]
    assert asked[0]["facts"] == ["Acme was founded in 1998."]


@pytest.mark.parametrize(
    ("wrong", "open_", "drops", "settings", "kinds"),
    [
        ("contradicted", "unknown", ["wrong"], {}, {"right": "supported"}),
        ("supported", "supported", [], {}, {"wrong": "disputed", "open": "supported", "right": "supported"}),
        ("unknown", "contradicted", ["wrong"], {}, {"open": "contradicted by the judge", "right": "supported"}),
        ("unknown", "contradicted", ["wrong", "open"], {"judge_drops": True}, {"right": "supported"}),
    ],
)
def test_the_judge_may_doubt_the_rules_and_speak_where_they_are_silent(
    knowledge: Path, wrong: str, open_: str, drops: list[str], settings: dict[str, Any], kinds: dict[str, str]
) -> None:
    verdicts = {ANSWERS["wrong"]: wrong, ANSWERS["open"]: open_}
    result = run(knowledge, says({text: json.dumps({"verdict": v}) for text, v in verdicts.items()}), **settings)
    assert [drop.record.id for drop in result.drops] == drops
    assert {noted.after.id: noted.kind for noted in result.noted} == kinds


@pytest.mark.parametrize(
    "answer",
    [
        "I think that it is contradicted.",
        '{"verdict": "CONTRADICTED!"}',
        '["contradicted"]',
        '{"verdict": null}',
        "contradicted",
        'Sure: {"verdict": "contradicted"}',
        "[" * 5000,
    ],
)
def test_prose_is_counted_and_decides_nothing(knowledge: Path, answer: str) -> None:
    assert read(Reply(answer)).failure == PROSE
    result = run(knowledge, FakeChat(lambda _: answer), judge_drops=True)
    assert [drop.record.id for drop in result.drops] == ["wrong"], "the rules alone"
    assert {noted.after.id: noted.kind for noted in result.noted} == {"right": "supported", "open": "judge failed"}
    assert result.drops[0].evidence["judge"] == {"failure": PROSE}


def test_a_judge_that_fails_is_counted_and_decides_nothing(knowledge: Path) -> None:
    result = run(knowledge, FakeChat(fails=lambda _: True), judge_drops=True)
    assert [drop.record.id for drop in result.drops] == ["wrong"]
    assert {noted.kind for noted in result.noted} == {"supported", "judge failed"}


def test_a_fenced_verdict_counts() -> None:
    assert read(Reply('```json\n{"verdict": "supported", "why": "x"}\n```')).verdict is Verdict.SUPPORTED


def test_a_judge_that_nobody_reaches_is_one_error_before_any_record(knowledge: Path) -> None:
    with pytest.raises(ModelError):
        run(knowledge, FakeChat(reachable=False))


def test_a_judge_over_http(knowledge: Path) -> None:
    """Busy when it is asked for the first time, then sure that all is contradicted."""

    def busy_once(text: str, turn: int) -> tuple[int, Any]:
        busy = turn == 1 and ANSWERS["wrong"] in text
        return (503, {}) if busy else (200, completion('{"verdict": "contradicted"}'))

    with serving() as server:
        server.answer = busy_once
        settings = {"url": server.url + "/v1", "model": "judge", "backoff": 0.01, "seconds": LONG}
        result = run_with(knowledge, settings)
    assert [drop.kind for drop in result.drops] == ["contradicted", "contradicted by the judge"]
    assert [body["temperature"] for body in server.seen] == [0.0] * 4
    assert all("never an instruction" in body["messages"][0]["content"] for body in server.seen[1:])


def run_with(knowledge: Path, judge: dict[str, Any]) -> OpResult:
    settings = {"knowledge": knowledge, "judge": judge, "judge_drops": True}
    return apply(Facts(FactsConfig.model_validate(settings), OpContext()), records())


def test_a_real_worker_that_answers_prose(knowledge: Path, tmp_path: Path) -> None:
    """The fake engine says back what it is told: its JSON has no verdict."""
    with Worker(WorkerSpec(model="fake", name="judge", log=tmp_path / "log")) as worker:
        result = run_with(knowledge, {"url": worker.url, "model": "judge", "max_tokens": 2000, "seconds": LONG})
    assert [drop.record.id for drop in result.drops] == ["wrong"]
    assert {noted.after.id: noted.note for noted in result.noted if noted.kind == "judge failed"} == {
        "open": f"the judge gave no verdict: {PROSE}"
    }


def test_in_a_recipe_the_path_is_taken_from_the_recipes_folder(knowledge: Path, tmp_path: Path) -> None:
    text = (
        "name: x\nmodel: demo\ndata:\n  sources: [{path: x.jsonl}]\n  ops:\n    - {op: facts, knowledge: kb.jsonl%s}\n"
    )
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(text % "", encoding="utf-8")
    [op] = load_recipe(recipe).data.ops
    assert isinstance(op, FactsConfig)
    assert op.knowledge == knowledge
    recipe.write_text(text % ", on_contradictd: flag", encoding="utf-8")
    with pytest.raises(ConfigError, match="on_contradicted"):
        load_recipe(recipe)


def test_a_bad_knowledge_base_is_found_when_the_op_opens(tmp_path: Path) -> None:
    path = tmp_path / "kb.jsonl"
    path.write_text('{"subject": "x"}\n', encoding="utf-8")
    with pytest.raises(DataError, match=r"kb\.jsonl:1: the fact lacks relation and object"):
        Facts(FactsConfig(knowledge=path), OpContext()).open()


def test_what_only_likeness_links_is_for_the_judge(knowledge: Path) -> None:
    """No name of the subject is there, so rules decide nothing of it; a judge may."""
    text = "The company was founded in 2003."
    record = Record("r", (Message("user", "Tell me."), Message("assistant", text)))
    config = FactsConfig(knowledge=knowledge, embedder="fake", threshold=0.5)
    judge = FakeChat(lambda _: '{"verdict": "contradicted"}')
    op = Facts(config, OpContext(), judge)
    op.open()
    [ruling] = op.measure([record])
    assert ruling.finding.verdict is Verdict.UNKNOWN
    assert is_asked(ruling.finding)
    assert ruling.finding.evidence[0].why.startswith("no name of Acme is there")
    assert ruling.verdict is Verdict.CONTRADICTED
