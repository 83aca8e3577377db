"""The guard's hooks: what goes in, what comes out, whole and streamed, and that every error in it refuses."""

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.serve.gateway.harness import (
    STREAM_HEAD,
    Answer,
    Request,
    Script,
    Writer,
    chunked,
    completion,
    config,
    delta,
    nasty,
    running,
    says,
    streams,
    wait_for,
)
from tests.serve.gateway.test_pure import PLACES, cut

from seekforge.serve.gateway.app import create_app
from seekforge.serve.gateway.audit import Auditor, unescaped
from seekforge.serve.gateway.fakes import FakeGuard, FakeTemplates
from seekforge.serve.gateway.outgoing import OutgoingStream, View, finish_whole
from seekforge.serve.gateway.seams import Guard
from seekforge.serve.gateway.stream import Event

WORD = "密码"
ESCAPED = WORD.encode("unicode_escape").decode()
REASONING = [{"name": "m", "targets": [{"upstream": "u0"}], "reasoning": "auto"}]


def endless(*events: bytes) -> Script:
    """Events, and then nothing: only a cut ends it."""

    async def script(request: Request, writer: Writer) -> None:
        writer.write(STREAM_HEAD + chunked(b"".join(events)))
        await writer.drain()
        await asyncio.sleep(60)

    return script


def stream_of(script: Script, guard: Guard, *, leaves: bool = False, models: Any = (), **body: Any) -> Answer:
    """A stream through the guard; the upstream must be cut where it does not end by itself."""
    with nasty(script) as (up,), running(create_app(config(up.url, models=models), guard=guard)) as client:
        answer = client.post(stream=True, **body)
        if leaves:
            wait_for(lambda: up.left == 1)
            wait_for(lambda: client.metric("guard_hits_total", place="output") == 1)
            assert client.metric("requests_total", outcome="filtered") == 1
        return answer


def whole_of(tree: dict[str, Any], guard: Guard, *, models: Any = (), **body: Any) -> dict[str, Any]:
    with nasty(says(tree)) as (up,), running(create_app(config(up.url, models=models), guard=guard)) as client:
        answer: dict[str, Any] = client.post(**body).json()["choices"][0]
        return answer


def test_a_refused_conversation_never_reaches_an_upstream() -> None:
    with (
        nasty(says(completion("hi"))) as (up,),
        running(create_app(config(up.url), guard=FakeGuard(["hello"]))) as client,
    ):
        for path in ("/v1/chat/completions", "/v1/chat"):
            answer = client.post(path)
            assert (answer.status, answer.error["code"]) == (400, "content_refused")
            assert answer.error["param"] == "messages.0.content"
        answer = client.send("POST", "/v1/completions", b'{"prompt": ["good", "hello"]}')
        assert (answer.status, answer.error["code"]) == (400, "content_refused")
        assert not up.seen
        assert client.metric("guard_hits_total", place="input", rule="words") == 3


def test_what_the_guard_escapes_is_what_the_engine_sees() -> None:
    whole = {"id": "t", "model": "up", "choices": [{"index": 0, "text": "hi", "finish_reason": "stop"}]}
    guard = FakeGuard(escape="hello")
    with nasty(says(completion("hi"))) as (up,), running(create_app(config(up.url), guard=guard)) as client:
        client.post(seed=5)
        assert up.seen[0].json() == {"messages": [{"role": "user", "content": "[x] 你好"}], "seed": 5}
    with nasty(says(whole)) as (up,), running(create_app(config(up.url), guard=guard)) as client:
        client.send("POST", "/v1/completions", b'{"prompt": "say hello"}')
        assert up.seen[0].json() == {"prompt": "say [x]"}


def test_token_ids_cannot_be_judged_and_are_refused_where_a_guard_is() -> None:
    with running(create_app(config("http://127.0.0.1:9"), guard=FakeGuard())) as client:
        for prompt in (b"[1, 2]", b"[[1], [2]]"):
            answer = client.send("POST", "/v1/completions", b'{"prompt": ' + prompt + b"}")
            assert (answer.status, answer.error["param"]) == (400, "prompt")


def test_the_template_is_filled_before_the_guard_looks() -> None:
    guard = FakeGuard(["Mallory"])
    app = create_app(config("http://127.0.0.1:9"), guard=guard, templates=FakeTemplates())
    with running(app) as client:
        answer = client.post(template="polite", values={"name": "Mallory"})
        assert (answer.status, answer.error["param"]) == (400, "messages.0.content")


def test_templates() -> None:
    models = [{"name": "kind", "targets": [{"upstream": "u0"}]}]
    with nasty(says(completion("hi"))) as (up,):
        with running(create_app(config(up.url, models=models), templates=FakeTemplates({"kind": "polite"}))) as client:
            assert client.post(values={"name": "Li"}).status == 200
            sent = up.seen[0].json()
            assert sent["messages"][0] == {"role": "system", "content": "Be polite to Li."}
            assert sent.keys() == {"messages", "model"}
            for wrong in ({"template": "rude"}, {}):
                answer = client.post(**wrong)
                assert (answer.status, answer.error["param"]) == (400, "template")
        with running(create_app(config(up.url))) as client:
            assert client.post(template="polite").status == 400
            assert len(up.seen) == 1


@pytest.mark.parametrize("field", ["content", "reasoning_content"])
def test_a_word_across_events_stops_the_stream_and_cuts_the_upstream(field: str) -> None:
    events = [delta(**{field: text}) for text in ("so ", "密", "码 is", " 123")]
    answer = stream_of(endless(*events), FakeGuard([WORD]), leaves=True)
    assert (answer.text(field), answer.reason) == ("so ", "content_filter")
    assert "123" not in answer.body.decode()


def test_thoughts_within_the_content_are_judged_as_well() -> None:
    events = [delta(character) for character in f"<think>{WORD}</think>fine"]
    answer = stream_of(endless(*events), FakeGuard([WORD]), leaves=True, models=REASONING)
    assert answer.reason == "content_filter"
    assert answer.text() == answer.text("reasoning_content") == ""


def test_what_is_held_back_goes_out_before_the_finish() -> None:
    events = [delta("", role="assistant"), delta("a long"), delta(" end"), delta(None, "stop")]
    answer = stream_of(streams(*events), FakeGuard(["endless"]))
    assert (answer.text(), answer.reason) == ("a long end", "stop")
    assert answer.events[-1]["choices"][0]["finish_reason"] == "stop"
    without_reason = stream_of(streams(*events[:-1]), FakeGuard(["endless"]))
    assert without_reason.text() == "a long end"


def test_held_thoughts_come_before_the_answer() -> None:
    events = [delta("<think>why"), delta("</think>because"), delta(None, "stop")]
    answer = stream_of(streams(*events), FakeGuard(["x" * 30]), models=REASONING)
    order = [name for event in answer.events for name in event["choices"][0]["delta"]]
    assert order == ["reasoning_content", "content"]
    assert (answer.text("reasoning_content"), answer.text()) == ("why", "because")


def test_whole_answers_are_judged() -> None:
    choice = whole_of(completion(f"the {WORD} is 123"), FakeGuard([WORD]))
    assert (choice["message"]["content"], choice["finish_reason"]) == ("the ", "content_filter")
    choice = whole_of(completion("fine", reasoning_content=f"the {WORD}"), FakeGuard([WORD]))
    assert WORD not in json.dumps(choice, ensure_ascii=False)
    assert choice["finish_reason"] == "content_filter"
    fine = whole_of(completion("fine"), FakeGuard([WORD]))
    assert (fine["message"], fine["finish_reason"]) == ({"role": "assistant", "content": "fine"}, "stop")


def test_plain_completions_are_judged() -> None:
    def choice(text: str, reason: str | None) -> dict[str, Any]:
        return {"id": "t", "model": "up", "choices": [{"index": 0, "text": text, "finish_reason": reason}]}

    guard = FakeGuard([WORD])
    body = json.dumps({"prompt": "x"}).encode()
    with (
        nasty(says(choice(f"the {WORD}", "stop"))) as (up,),
        running(create_app(config(up.url), guard=guard)) as client,
    ):
        found = client.send("POST", "/v1/completions", body).json()["choices"][0]
        assert (found["text"], found["finish_reason"]) == ("the ", "content_filter")
    events = [b"data: " + json.dumps(choice(text, None)).encode() + b"\n\n" for text in ("the 密", "码")]
    with nasty(endless(*events)) as (up,), running(create_app(config(up.url), guard=guard)) as client:
        answer = client.send("POST", "/v1/completions", b'{"prompt": "x", "stream": true}')
        texts = [c["text"] for event in answer.events for c in event["choices"]]
        assert ("".join(texts), answer.reason) == ("the ", "content_filter")
        wait_for(lambda: up.left == 1)


@pytest.mark.parametrize("word", [WORD, ESCAPED])
def test_tool_calls_go_out_whole_and_clean_or_not_at_all(word: str) -> None:
    def call(text: str) -> list[dict[str, Any]]:
        return [{"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": text}}]

    half = '{"a": "' + word
    more = [{"index": 0, "function": {"arguments": '"}'}}]
    events = [delta(tool_calls=call(half)), delta(tool_calls=more), delta(None, "tool_calls")]
    bad = stream_of(streams(*events), FakeGuard([WORD]))
    assert bad.reason == "content_filter"
    assert b"arguments" not in bad.body
    good = stream_of(streams(*events), FakeGuard(["other"]))
    calls = [c for event in good.events for c in event["choices"][0]["delta"].get("tool_calls", [])]
    assert (calls[0]["function"], calls[0]["id"]) == ({"name": "f", "arguments": half + '"}'}, "c")
    assert (len(calls), good.reason) == (1, "tool_calls")
    whole = whole_of(completion("", tool_calls=call(half + '"}')), FakeGuard([WORD]))
    assert whole["finish_reason"] == "content_filter"
    assert "tool_calls" not in whole["message"]


def test_json_answers_are_read_with_their_escapes() -> None:
    events = [delta(character) for character in '{"a": "' + ESCAPED + '"}'] + [delta(None, "stop")]
    form: dict[str, Any] = {"response_format": {"type": "json_object"}}
    bad = stream_of(streams(*events), FakeGuard([WORD]), **form)
    assert (bad.text(), bad.reason) == ("", "content_filter")
    good = stream_of(streams(*events), FakeGuard(["other"]), **form)
    assert json.loads(good.text()) == {"a": WORD}
    whole = whole_of(completion('{"a": "' + ESCAPED + '"}'), FakeGuard([WORD]), **form)
    assert (whole["message"]["content"], whole["finish_reason"]) == ("", "content_filter")


def test_what_the_guard_has_not_seen_does_not_go_out() -> None:
    tree = completion("fine", audio={"transcript": WORD})
    tree["choices"][0] |= {"logprobs": {"content": [{"token": WORD}]}, "token_ids": [1]}
    choice = whole_of(tree, FakeGuard([WORD]))
    assert choice == {
        "index": 0,
        "logprobs": None,
        "finish_reason": "stop",
        "message": {"role": "assistant", "content": "fine"},
    }


@pytest.mark.parametrize("where", ["open", "push"])
def test_an_output_filter_that_fails_stops_the_answer(where: str) -> None:
    answer = stream_of(endless(delta("secret")), FakeGuard(fails=where), leaves=True)
    assert (answer.text(), answer.reason) == ("", "content_filter")
    choice = whole_of(completion("secret"), FakeGuard(fails=where))
    assert (choice["message"]["content"], choice["finish_reason"]) == ("", "content_filter")


def test_an_input_guard_that_fails_lets_nothing_in() -> None:
    with (
        nasty(says(completion("hi"))) as (up,),
        running(create_app(config(up.url), guard=FakeGuard(fails="input"))) as client,
    ):
        answer = client.post()
        assert (answer.status, answer.error["code"]) == (503, "guard_unavailable")
        assert not up.seen


def view(words: list[str]) -> View:
    return View("chat", "m", "auto", Auditor(FakeGuard(words), user="u", request_id="r", hit=lambda rule: None))


TEXT = st.lists(st.sampled_from(["a", "密", "码", "密码", "<think>", "</think>", " "]), max_size=10).map("".join)


@given(TEXT, PLACES)
def test_a_listed_word_never_goes_out_and_streams_say_what_whole_answers_say(text: str, places: list[int]) -> None:
    whole = completion(text)
    finish_whole(whole, view([WORD]))
    message = whole["choices"][0]["message"]
    outgoing, sent = OutgoingStream(view([WORD])), b""
    for piece in [*cut(text, places), None]:
        tree = json.loads(delta(piece, "stop" if piece is None else None).removeprefix(b"data: "))
        sent += outgoing.feed([Event(b"", tree)])
    sent += outgoing.end() if not outgoing.stopped else b""
    trees = [json.loads(block.removeprefix("data: ")) for block in sent.decode().split("\n\n") if block]
    deltas = [tree["choices"][0]["delta"] for tree in trees]
    content = "".join(d.get("content", "") for d in deltas)
    reasoning = "".join(d.get("reasoning_content", "") for d in deltas)
    assert WORD not in content
    assert WORD not in reasoning
    assert (content, reasoning) == (message["content"], message.get("reasoning_content", ""))
    assert outgoing.finish_reason == whole["choices"][0]["finish_reason"]


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_escapes_are_read_as_json_reads_them(text: str) -> None:
    assert unescaped(json.dumps(text)) == f'"{text}"'
