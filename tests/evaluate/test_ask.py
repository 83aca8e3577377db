"""A test set asked of an endpoint: many at once, kept as they come, failures told and in no figure."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.engines.chat_server import Server, completion, serving

from seekforge.core.answers import Answers
from seekforge.core.config.chat import RemoteConfig
from seekforge.core.errors import EngineError, ModelError
from seekforge.core.progress import Silent
from seekforge.core.records import Message, Record
from seekforge.engines.chat.fake import FakeChat
from seekforge.engines.chat.remote import RemoteChat
from seekforge.evaluate.compare import score
from seekforge.evaluate.endpoint import ask, failed
from seekforge.evaluate.predict import Kept


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as state:
        yield state


def chat(server: Server, **fields: object) -> RemoteChat:
    options = {"url": f"{server.url}/v1", "model": "m", "backoff": 0.0, "raw": True, "max_tokens": 8, **fields}
    return RemoteChat(RemoteConfig.model_validate(options))


def records(*texts: str) -> list[Record]:
    turns = ((Message("system", "s"), Message("user", text), Message("assistant", text.upper())) for text in texts)
    return [Record(f"r{number}", turn, "A") for number, turn in enumerate(turns)]


def test_answers_are_in_the_records_order(server: Server) -> None:
    asked = records(*(f"t{n}" for n in range(40)))
    found = ask(chat(server, concurrency=16), asked, ("A", "T3"), Silent(), Kept(Answers()))
    assert [p.text for p in found.predictions] == [f"T{n}" for n in range(40)]
    assert [p.id for p in found.predictions] == [r.id for r in asked]
    assert found.predictions[3].decision == "T3"
    assert found.failures == {}
    body = server.seen[-1]
    assert (body["temperature"], body["max_tokens"]) == (0.0, 8)
    assert [turn["role"] for turn in body["messages"]] == ["system", "user"]
    assert server.most <= 16


def test_answers_count_as_the_engine_itself_would_give_them(server: Server) -> None:
    said = {
        "cut": completion("half an", "length"),
        "empty": completion(""),
        "thinks": completion("<think>x</think> y "),
    }
    server.answer = lambda text, turn: (200, said.get(text, completion("ok")))
    found = ask(chat(server), records("cut", "empty", "thinks"), (), Silent(), Kept(Answers()))
    assert [(p.text, p.finish_reason) for p in found.predictions] == [
        ("half an", "length"),
        ("", "stop"),
        ("y ", "stop"),
    ]


def test_a_failure_is_named_and_in_no_figure(server: Server) -> None:
    server.answer = lambda text, turn: (
        (400, {"error": {"message": "too long"}}) if text == "b" else (200, completion("A"))
    )
    found = ask(chat(server), records("a", "b", "a"), (), Silent(), Kept(Answers()))
    assert found.failures == {"r1": "HTTP 400 too long"}
    assert [p.id for p in found.predictions] == ["r0", "r2"]
    assert score("exact_match", found.predictions, 100, 1)[0] == 1.0
    assert str(failed(found.failures, 3)) == (
        "1 of 3 questions got no answer and are in no figure: r1: HTTP 400 too long (1). "
        "Run the same command again with the same --out: it asks those only"
    )


def test_many_failures_are_counted_by_their_reason() -> None:
    line = str(failed({f"r{n}": "HTTP 503" if n % 3 else "no answer in time" for n in range(9)}, 10))
    assert "9 of 10 questions" in line
    assert "r0, r1, r2, r3, r4, ...: HTTP 503 (6), no answer in time (3)" in line


def test_what_was_answered_is_not_asked_again(server: Server, tmp_path: Path) -> None:
    server.answer = lambda text, turn: (400, {}) if text == "b" and turn == 1 else (200, completion(text.upper()))
    asked = records("a", "b", "c")
    first = ask(chat(server), asked, (), Silent(), Kept(Answers(tmp_path)))
    assert list(first.failures) == ["r1"]
    second = ask(chat(server), asked, (), Silent(), Kept(Answers(tmp_path)))
    assert ([p.text for p in second.predictions], second.failures) == (["A", "B", "C"], {})
    assert {text: server.tries[text] for text in "abc"} == {"a": 1, "b": 2, "c": 1}
    # Another model and another length are other answers.
    ask(chat(server, model="n"), asked, (), Silent(), Kept(Answers(tmp_path)))
    ask(chat(server, max_tokens=9), asked, (), Silent(), Kept(Answers(tmp_path)))
    assert server.tries["a"] == 3


def test_an_endpoint_that_goes_away_ends_it_and_leaves_what_was_answered(server: Server, tmp_path: Path) -> None:
    server.answer = lambda text, turn: (200, completion("ok")) if text in {"Hi", "t0", "t1"} else (401, {})
    asked = records(*(f"t{n}" for n in range(200)))
    with pytest.raises(EngineError, match=r"64 questions in a row found nobody \(HTTP 401"):
        ask(chat(server, concurrency=4), asked, (), Silent(), Kept(Answers(tmp_path)))
    assert len(server.seen) < 100
    assert len(Answers(tmp_path)) == 2


def test_nobody_there_is_one_line_before_anything_is_asked() -> None:
    fake = FakeChat(reachable=False)
    with pytest.raises(ModelError, match="not reachable"):
        ask(fake, records("a"), (), Silent(), Kept(Answers()))
    assert fake.asked == []


def test_half_of_a_surrogate_pair_can_be_written(server: Server, tmp_path: Path) -> None:
    from seekforge.evaluate.predict import load, save

    server.answer = lambda text, turn: (200, completion("\ud83d") if text == "a" else completion("好"))
    found = ask(chat(server), records("a", "b"), (), Silent(), Kept(Answers(tmp_path)))
    save(tmp_path / "p.jsonl", found.predictions)
    assert [p.text for p in load(tmp_path / "p.jsonl")] == ["?", "好"]
