"""Every question is asked once, whoever is asked; what was answered is never asked again."""

from __future__ import annotations

import json
import math
import multiprocessing
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from tests.engines.chat_server import completion, serving
from tests.evaluate.side_by_side.conftest import ASKING, fake, record

from seekforge.core.config import RemoteConfig
from seekforge.core.errors import EngineError, ModelError
from seekforge.core.progress import Silent
from seekforge.engines.chat.remote import RemoteChat, models_of
from seekforge.engines.fake import FakeEngine
from seekforge.engines.openvino import OpenVinoEngine
from seekforge.engines.protocol import Messages, Tools
from seekforge.engines.transformers import TransformersEngine
from seekforge.evaluate import predict
from seekforge.evaluate.side_by_side.answers import Asking, answer, speed_of
from seekforge.evaluate.side_by_side.asking import Answer, BatchAnswerer, EndpointAnswerer, StreamAnswerer
from seekforge.evaluate.side_by_side.journal import Journal, Kept

RECORDS = [record(n) for n in range(30)]


def test_answers_are_in_the_tests_order_decided_timed_and_saved(tmp_path: Path) -> None:
    found = answer(fake("a b/c"), RECORDS, ASKING, tmp_path, Silent())
    assert [p.text for p in found.predictions] == [f"HOLD case {n}" for n in range(30)]
    assert {p.decision for p in found.predictions} == {"HOLD"}
    assert (found.engine, found.failure, found.unanswered) == ("fake", "", {})
    assert found.speed is not None
    assert found.speed.answers == 30
    assert 0 < found.speed.p50 <= found.speed.p95 <= found.speed.seconds
    written = sum(len(p.text) for p in found.predictions)
    assert found.speed.tokens_per_second * found.speed.seconds == pytest.approx(written)
    assert tuple(predict.load(tmp_path / "predictions-a_b_c-539138d5.jsonl")) == found.predictions


class _Thinks(FakeEngine):
    def render(self, messages: Messages, tools: Tools = ()) -> str:
        return super().render(messages, tools) + "<think>"


@pytest.mark.parametrize("way", [StreamAnswerer, BatchAnswerer])
def test_thoughts_that_the_prompt_opened_are_apart(way: type[StreamAnswerer | BatchAnswerer], tmp_path: Path) -> None:
    engine = _Thinks(reply="HOLD? Or not?")
    candidate = replace(fake("x"), start=lambda: way(engine, 8, 2))  # cut off within the thoughts
    found = answer(candidate, RECORDS[:3], ASKING, tmp_path, Silent())
    assert [(p.text, p.decision, p.thoughts) for p in found.predictions] == [("", "", "HOLD? Or")] * 3


def test_what_is_answered_is_not_asked_again(tmp_path: Path) -> None:
    engine = FakeEngine()
    first = answer(fake("x", engine), RECORDS, ASKING, tmp_path, Silent())
    asked = len(engine.seen)
    assert asked == 31  # one to warm up
    again = answer(fake("x", engine), RECORDS, ASKING, tmp_path, Silent())
    assert len(engine.seen) == asked
    assert again.predictions == first.predictions
    assert again.engine == "fake"
    assert first.speed is not None
    assert again.speed is not None
    assert asdict(again.speed) == pytest.approx(asdict(first.speed), rel=1e-3)


@pytest.mark.parametrize("change", ["model", "questions", "length"])
def test_answers_that_depend_on_something_else_are_asked_for_anew(tmp_path: Path, change: str) -> None:
    answer(fake("x"), RECORDS, ASKING, tmp_path, Silent())
    engine, progress = FakeEngine(), Silent()
    records = [record(n, f"HOLD it {n}") for n in range(30)] if change == "questions" else RECORDS
    asking = Asking(ASKING.labels, 100, ASKING.concurrency) if change == "length" else ASKING
    candidate = fake("x", engine, "two" if change == "model" else "one")
    answer(candidate, records, asking, tmp_path, progress)
    assert len(engine.seen) == 31
    assert "asked again" in progress.lines[0]


def _killed_midway(folder: Path) -> None:
    class Last(FakeEngine):
        def encode(self, text: str) -> list[int]:
            if "case 17" in text:
                os.kill(os.getpid(), signal.SIGKILL)
            return super().encode(text)

    answer(fake("x", Last()), RECORDS, ASKING, folder, Silent())


def test_kill_9_loses_no_answer(tmp_path: Path) -> None:
    child = multiprocessing.get_context("fork").Process(target=_killed_midway, args=(tmp_path,))
    child.start()
    child.join(60)
    assert child.exitcode == -signal.SIGKILL
    journal = tmp_path / "answers-x.jsonl"
    kept = journal.read_text().count('"sitting": 0')
    assert 10 <= kept < 30
    journal.write_text(journal.read_text() + '{"id": "r29", "text": "cut in ha')
    engine = FakeEngine()
    found = answer(fake("x", engine), RECORDS, ASKING, tmp_path, Silent())
    assert [p.text for p in found.predictions] == [f"HOLD case {n}" for n in range(30)]
    assert len(engine.seen) == 1 + 30 - kept
    assert '"sitting": 1' in journal.read_text()


def test_an_attempts_time_is_that_of_its_last_answer() -> None:
    kept = [Kept(Answer("x", "stop", 10, seconds), sitting, at) for sitting, at, seconds in
            [(0, 1.0, 1.0), (0, 4.0, 3.0), (1, 2.0, 2.0), (1, 1.5, 1.5)]]  # fmt: skip
    found = speed_of(kept)
    assert (found.seconds, found.p50, found.p95) == (6.0, 1.5, 3.0)
    assert found.tokens_per_second == pytest.approx(40 / 6)
    assert found.per_1000 == 1500
    assert math.isnan(speed_of([Kept(Answer("x", "stop", 0, 1.0), 0, 1.0)]).tokens_per_second)


def test_a_question_that_is_too_long_is_one_that_is_not_answered(tmp_path: Path) -> None:
    records = [*RECORDS[:5], record(5, "long " * 200)]
    found = answer(fake("x", FakeEngine(context_length=300)), records, ASKING, tmp_path, Silent())
    assert [p.id for p in found.predictions] == [f"r{n}" for n in range(5)]
    assert list(found.unanswered) == ["r5"]
    assert found.failure == ""
    none = answer(fake("y", FakeEngine(context_length=300)), records[5:], ASKING, tmp_path, Silent())
    assert none.failure.startswith("not one question was answered: ")


def test_a_model_that_fails_is_told_and_what_it_said_is_kept(tmp_path: Path) -> None:
    class Dies(FakeEngine):
        def encode(self, text: str) -> list[int]:
            if "case 9" in text:
                raise EngineError("the device is gone")
            return super().encode(text)

    found = answer(fake("x", Dies()), RECORDS, ASKING, tmp_path, Silent())
    assert (found.failure, found.predictions) == ("the device is gone", ())
    engine = FakeEngine()
    assert len(answer(fake("x", engine), RECORDS, ASKING, tmp_path, Silent()).predictions) == 30
    assert len(engine.seen) < 25


def test_a_journal_of_something_else_is_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    path.write_text('[1]\n{"id": "r1"}\n\x00\xff\n')
    journal = Journal(path, "key")
    assert journal.known == {}
    journal.put("r1", Answer("好\u2028", "stop", 2, 0.5), 1.0)
    journal.close()
    assert Journal(path, "key").known == {"r1": Kept(Answer("好\u2028", "stop", 2, 0.5), 0, 1.0)}
    assert Journal(path, "other").outdated


class _Endpoint(BaseHTTPRequestHandler):
    """Echoes; `too long` is refused, `down` breaks for good."""

    def do_GET(self) -> None:
        self._say(200, {"data": [{"id": "echo"}]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        text = body["messages"][-1]["content"]
        if "too long" in text:
            return self._say(400, {"error": {"message": "the prompt is too long"}})
        if "down" in text:
            return self._say(401, {"error": {"message": "the key is no longer good"}})
        reason = "length" if "HOLD" in text else "stop"
        choice = {"message": {"content": text}, "finish_reason": reason}
        return self._say(200, {"choices": [choice], "usage": {"completion_tokens": 7}})

    def _say(self, status: int, body: Any) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def endpoint() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Endpoint)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def test_an_endpoint_is_asked_as_it_is_and_a_refused_question_is_no_failure_of_the_model(tmp_path: Path) -> None:
    with endpoint() as url:
        config = RemoteConfig(url=url, model="echo", attempts=1, raw=True)
        assert models_of(config) == ["echo"]
        candidate = replace(fake("e"), start=lambda: EndpointAnswerer(RemoteChat(config)))
        records = [*RECORDS[:4], record(4, "much too long")]
        found = answer(candidate, records, ASKING, tmp_path, Silent())
        assert [(p.text, p.finish_reason) for p in found.predictions] == [
            (f"HOLD case {n}", "length") for n in range(4)
        ]
        assert "the prompt is too long" in found.unanswered["r4"]
        assert found.speed is not None
        assert found.speed.tokens_per_second * found.speed.seconds == pytest.approx(28)
        alone = answer(replace(candidate, name="g"), [record(0, "down")], ASKING, tmp_path, Silent())
        assert alone.failure == "not one question was answered: HTTP 401 the key is no longer good"
    with pytest.raises(ModelError, match="does not say which models"):
        models_of(config)


def test_one_question_that_an_endpoint_breaks_on_is_no_end_and_an_endpoint_that_is_gone_is(tmp_path: Path) -> None:
    with serving() as server:
        config = RemoteConfig(url=server.url, model="m", attempts=1, raw=True, concurrency=1)
        candidate = replace(fake("e"), start=lambda: EndpointAnswerer(RemoteChat(config)))
        server.answer = lambda text, turn: (500, {}) if text == "HOLD case 3" else (200, completion(text))
        found = answer(candidate, RECORDS[:6], ASKING, tmp_path, Silent())
        assert (found.failure, [p.id for p in found.predictions]) == ("", ["r0", "r1", "r2", "r4", "r5"])
        assert found.unanswered["r3"].startswith("HTTP 500")
        gone = replace(candidate, name="g")
        server.answer = lambda text, turn: (200 if len(server.seen) < 4 else 500, completion(text))
        server.seen.clear()
        found = answer(gone, RECORDS[:6], ASKING, tmp_path, Silent())
        assert "the endpoint does not answer for model 'm' (HTTP 500" in found.failure
        server.answer = lambda text, turn: (200, completion(text))
        server.seen.clear()
        found = answer(gone, RECORDS[:6], ASKING, tmp_path, Silent())
        assert (found.failure, len(found.predictions)) == ("", 6)
        asked = [body["messages"][-1]["content"] for body in server.seen]
        assert "HOLD case 0" not in asked, "what it had said was kept"
        assert "HOLD case 5" in asked


@pytest.mark.slow
def test_the_real_model_says_the_same_in_streams_and_batches(demo_folder: Path, demo_gguf_f16: Path) -> None:
    questions = [[{"role": "user", "content": text}] for text in ("Say hello.", "请用中文说你好。", "2 + 2 is")]
    heard: dict[str, dict[int, Answer]] = {"stream": {}, "batch": {}}
    stream = StreamAnswerer(OpenVinoEngine(demo_gguf_f16), 6, 2)
    stream.ask(questions, heard["stream"].__setitem__)
    stream.close()
    batch = BatchAnswerer(TransformersEngine(demo_folder, "float32"), 6, 2)
    batch.ask(questions, heard["batch"].__setitem__)
    batch.close()
    texts = {name: [found[place].text for place in range(3)] for name, found in heard.items()}
    assert texts["stream"] == texts["batch"]
    assert all(one.tokens and one.seconds > 0 for found in heard.values() for one in found.values())
