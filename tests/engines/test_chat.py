"""Asking for whole answers: over HTTP, patiently and many at once; in this process; from a fake."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from tests.engines.chat_server import Server, completion, serving

from seekforge.core.config import RemoteConfig
from seekforge.core.errors import ConfigError, ModelError
from seekforge.engines.chat.fake import FakeChat
from seekforge.engines.chat.local import LocalChat
from seekforge.engines.chat.protocol import Chat, Reply, json_object
from seekforge.engines.chat.remote import RemoteChat
from seekforge.engines.fake import FakeEngine
from seekforge.engines.protocol import Sampling


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as state:
        yield state


def chat(server: Server, **fields: object) -> RemoteChat:
    return RemoteChat(RemoteConfig.model_validate({"url": server.url, "model": "m", "backoff": 0.0, **fields}))


def talk(*texts: str) -> list[list[dict[str, str]]]:
    return [[{"role": "user", "content": text}] for text in texts]


def test_answers_come_in_order_and_are_heard_as_they_come(server: Server) -> None:
    heard: dict[int, Reply] = {}
    replies = chat(server).ask(talk(*"abcdef"), heard.__setitem__)
    assert [reply.text for reply in replies] == list("ABCDEF")
    assert [heard[index] for index in range(6)] == replies
    assert server.seen[0]["model"] == "m" and server.seen[0]["temperature"] == 0.0
    assert server.keys[0] is None


def test_no_more_requests_at_once_than_wanted(server: Server) -> None:
    chat(server, concurrency=2).ask(talk(*map(str, range(12))))
    assert server.most <= 2


@pytest.mark.parametrize("status", [429, 500, 503])
def test_what_passes_is_tried_again(server: Server, status: int) -> None:
    server.answer = lambda text, turn: (
        (200, completion("ok")) if turn == 3 else (status, {"error": {"message": "busy"}})
    )
    assert chat(server).ask(talk("a")) == [Reply("ok")]
    assert server.tries["a"] == 3


def test_after_the_last_try_it_is_a_failure_and_the_others_go_on(server: Server) -> None:
    server.answer = lambda text, turn: (503, {"error": "full"}) if text == "b" else (200, completion(text))
    replies = chat(server, attempts=3).ask(talk("a", "b", "c"))
    assert [reply.text for reply in replies] == ["a", "", "c"]
    assert replies[1].failure == "HTTP 503 full, in 3 tries"
    assert server.tries == {"a": 1, "b": 3, "c": 1}


def test_a_refusal_is_not_tried_again(server: Server) -> None:
    server.answer = lambda text, turn: (404, {"error": {"message": "no model m"}})
    (reply,) = chat(server).ask(talk("a"))
    assert reply.failure == "HTTP 404 no model m"
    assert reply.gone
    server.answer = lambda text, turn: (400, {"error": {"message": "too long"}})
    (reply,) = chat(server).ask(talk("a"))
    assert reply.failure and not reply.gone
    assert server.tries["a"] == 2


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (completion("half a", "length"), "the answer was cut off at max_tokens"),
        (completion("", "content_filter"), "the endpoint's content filter stopped the answer"),
        (completion("  "), "an empty answer"),
        (completion("<think>so</think>"), "an empty answer"),
        ({"choices": []}, "no chat completion: {'choices': []}"),
        (b"<html>hello</html>", "no chat completion: <html>hello</html>"),
    ],
)
def test_answers_that_are_none(server: Server, answer: object, failure: str) -> None:
    server.answer = lambda text, turn: (200, answer)
    assert chat(server).ask(talk("a")) == [Reply(failure=failure)]


def test_an_answer_in_parts_is_one_text(server: Server) -> None:
    parts = [{"type": "text", "text": "HO"}, {"type": "refusal", "refusal": "no"}, {"type": "text", "text": "LD"}]
    spoken = completion("")
    spoken["choices"][0]["message"]["content"] = parts
    server.answer = lambda text, turn: (200, spoken)
    assert chat(server).ask(talk("a"))[0].text == "HOLD"
    spoken["choices"][0]["message"]["content"] = {"text": "HOLD"}
    assert chat(server).ask(talk("a"))[0].failure.startswith("no chat completion")


def test_what_was_said_before_the_cut_is_kept(server: Server) -> None:
    server.answer = lambda text, turn: (200, completion("half a", "length"))
    assert chat(server).ask(talk("a"))[0].partial == "half a"
    local = LocalChat(FakeEngine(), Sampling(max_new_tokens=8), "fake")
    assert local.ask(talk("far too long an answer"))[0].partial == "far too "


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"a": 1}', {"a": 1}),
        (' ```json\n{"a": 1}\n``` ', {"a": 1}),
        ('```\n{"a": 1}```', {"a": 1}),
        ('Here: {"a": 1}', None),
        ('{"a": 1} {"b": 2}', None),
        ("[1]", None),
        ("1", None),
        ("", None),
        ("[" * 100_000, None),
    ],
)
def test_an_answer_that_is_one_json_object(text: str, found: object) -> None:
    assert json_object(text) == found


def test_thoughts_are_left_out(server: Server) -> None:
    server.answer = lambda text, turn: (200, completion("<think>hm\nso</think>\n\nyes"))
    assert chat(server).ask(talk("a")) == [Reply("yes")]


def test_the_key_is_sent(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("sk-1\n", encoding="ascii")
    chat(server, api_key_file=path).ask(talk("a"))
    assert server.keys == ["Bearer sk-1"]
    path.write_text("two words", encoding="ascii")
    with pytest.raises(ConfigError, match="no single word"):
        chat(server, api_key_file=path)
    with pytest.raises(ConfigError, match="cannot be read"):
        chat(server, api_key_file=tmp_path / "none")


def test_check_passes_or_says_why_not(server: Server) -> None:
    chat(server).check()
    assert server.seen[0]["max_tokens"] == 1
    server.answer = lambda text, turn: (401, {"error": {"message": "bad key"}})
    with pytest.raises(ModelError, match="HTTP 401 bad key") as caught:
        chat(server).check()
    assert caught.value.exit_code == 2


def test_an_endpoint_that_is_not_there_is_named() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as closed:
        port = closed.server_port
    config = RemoteConfig(url=f"http://127.0.0.1:{port}/v1", model="m", backoff=0.0, attempts=2)
    with pytest.raises(ModelError, match=rf"http://127.0.0.1:{port}: the endpoint does not answer .*in 2 tries"):
        RemoteChat(config).check()


def test_inside_a_running_loop_as_in_a_notebook(server: Server) -> None:
    async def cell() -> list[Reply]:
        return chat(server).ask(talk("a", "b"))

    assert [reply.text for reply in asyncio.run(cell())] == ["A", "B"]


def test_retry_after_is_waited_out_in_vain_no_longer_than_it_says(server: Server) -> None:
    server.headers = {"Retry-After": "0"}
    server.answer = lambda text, turn: (200, completion("ok")) if turn == 2 else (429, {})
    assert chat(server).ask(talk("a")) == [Reply("ok")]


def test_an_engine_in_this_process_answers_too() -> None:
    local = LocalChat(FakeEngine(), Sampling(max_new_tokens=8), "fake")
    heard: dict[int, Reply] = {}
    replies = local.ask(talk("hello", "far too long an answer"), heard.__setitem__)
    assert replies[0] == Reply("hello")
    assert replies[1].failure == "no end within 8 tokens"
    assert list(heard.values()) == replies
    local.check()
    assert "fake" in local.name and "n=8" in local.name


def test_the_fake_keeps_what_it_was_asked() -> None:
    fake: Chat = FakeChat(str.upper, fails=lambda text: text == "b")
    assert fake.ask(talk("a", "b")) == [Reply("A"), Reply(failure="as the script says")]
    with pytest.raises(ModelError, match="not reachable"):
        FakeChat(reachable=False).check()
