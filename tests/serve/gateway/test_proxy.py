"""Answers through the gateway: granian in front, scripted upstreams behind."""

import json
from typing import Any

import pytest
from tests.serve.gateway.harness import (
    CHAT,
    STREAM_HEAD,
    USER,
    Request,
    Writer,
    chunked,
    completion,
    config,
    delta,
    nasty,
    reply,
    running,
    says,
    streams,
)

from seekforge.serve.gateway.app import create_app

THREE = (delta("", role="assistant"), delta("a"), delta("b"), delta(None, "stop"))


def test_a_whole_answer_passes_as_the_bytes_that_came() -> None:
    body = json.dumps(completion("hi"), indent=3).encode()

    async def script(request: Request, writer: Writer) -> None:
        writer.write(reply(200, body))

    with nasty(script) as (upstream,), running(create_app(config(upstream.url))) as client:
        sent = json.dumps({"messages": USER, "model": "up", "unknown": [1, {"a": None}]}, indent=2).encode()
        answer = client.send("POST", CHAT, sent)
    assert (answer.status, answer.body) == (200, body)
    assert upstream.seen[0].body == sent, "the upstream must see what the client wrote, unknown fields included"


def test_a_stream_passes_event_by_event_and_ends_once() -> None:
    with nasty(streams(*THREE)) as (upstream,), running(create_app(config(upstream.url))) as client:
        answer = client.post(stream=True, model="up")
    assert answer.body == b"".join(THREE) + b"data: [DONE]\n\n"
    assert (answer.text(), answer.reason) == ("ab", "stop")
    assert upstream.seen[0].json()["stream_options"] == {"include_usage": True}


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_bytes_may_be_cut_anywhere(end: bytes) -> None:
    stream = b": hi\n\n" + b"".join(THREE) + b"data: [DONE]\n\n"

    async def script(request: Request, writer: Writer) -> None:
        writer.write(STREAM_HEAD)
        for byte in stream.replace(b"\n", end):
            writer.write(chunked(bytes([byte])))
            await writer.drain()
        writer.write(b"0\r\n\r\n")

    with nasty(script) as (upstream,), running(create_app(config(upstream.url))) as client:
        answer = client.post(stream=True)
    assert (answer.text(), answer.reason) == ("ab", "stop")


def test_a_malformed_event_is_passed_over_and_the_stream_lives() -> None:
    bad = [b"data: {bad\n\n", b"data: \xff\xfe\n\n", b"data: 5\n\n", b'data: {"choices": 1}\n\n', b'data: {"x": 1}\n\n']
    events = [THREE[1], *bad, *THREE[2:]]
    with nasty(streams(*events)) as (upstream,), running(create_app(config(upstream.url))) as client:
        answer = client.post(stream=True)
        assert (answer.text(), answer.reason) == ("ab", "stop")
        assert client.metric("events_skipped_total") == 5


def test_aliases_are_rewritten_both_ways() -> None:
    models = [{"name": "mine", "targets": [{"upstream": "u0", "model": "up"}]}]
    scripts = [says(completion("hi")), streams(*THREE)]
    for script in scripts:
        with nasty(script) as (upstream,), running(create_app(config(upstream.url, models=models))) as client:
            answer = client.post(model="mine", stream=script is scripts[1])
            trees = answer.events if script is scripts[1] else [answer.json()]
            assert {tree["model"] for tree in trees} == {"mine"}
            assert upstream.seen[0].json()["model"] == "up"
            assert client.post(stream=script is scripts[1]).status == 200
            assert upstream.seen[1].json()["model"] == "up", "the default is the first known name"


def test_a_name_that_leads_nowhere_is_404_and_no_upstream_is_asked() -> None:
    with (
        nasty(says(completion("hi"))) as (upstream,),
        running(create_app(config(upstream.url, upstream={"models": ["known"]}))) as client,
    ):
        answer = client.post(model="other")
        assert (answer.status, answer.error["code"], answer.error["param"]) == (404, "model_not_found", "model")
        assert "known" in answer.error["message"]
        assert not upstream.seen
        assert [m["id"] for m in client.send("GET", "/v1/models").json()["data"]] == ["known"]


def test_usage_in_a_stream_is_for_who_asks_and_for_the_books() -> None:
    usage = {
        "prompt_tokens": 9,
        "completion_tokens": 2,
        "total_tokens": 11,
        "prompt_tokens_details": {"cached_tokens": 8},
    }
    last = b"data: " + json.dumps({"id": "c-1", "model": "up", "choices": [], "usage": usage}).encode() + b"\n\n"
    with nasty(streams(*THREE, last)) as (upstream,), running(create_app(config(upstream.url))) as client:
        silent = client.post(stream=True, model="up")
        assert not any(event.get("usage") for event in silent.events)
        asked = client.post(stream=True, model="up", stream_options={"include_usage": True}).events[-1]["usage"]
        assert (asked["prompt_cache_hit_tokens"], asked["prompt_cache_miss_tokens"]) == (8, 1)
        assert asked["prompt_tokens_details"] == {"cached_tokens": 8}
        assert client.metric("tokens_total", model="up", kind="prompt") == 18
        assert client.metric("tokens_total", model="up", kind="cached") == 16
        assert client.metric("tokens_total", model="up", kind="completion") == 4
        assert client.metric("ttft_seconds_count", model="up") == 2


def test_usage_of_whole_answers_says_cache_hits_in_both_forms() -> None:
    tree = completion("hi")
    tree["usage"]["prompt_tokens_details"] = {"cached_tokens": 1}
    with nasty(says(tree)) as (upstream,), running(create_app(config(upstream.url))) as client:
        usage = client.post().json()["usage"]
    assert (usage["prompt_cache_hit_tokens"], usage["prompt_cache_miss_tokens"]) == (1, 2)


def test_tool_calls_pass_untouched() -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"a": "\\u5bc6"}'}}
    pieces = [
        delta(tool_calls=[{"index": 0, **call, "function": {"name": "f", "arguments": ""}}]),
        delta(tool_calls=[{"index": 0, "function": {"arguments": '{"a": "\\u5bc6"}'}}]),
        delta(None, "tool_calls"),
    ]
    with nasty(streams(*pieces)) as (upstream,), running(create_app(config(upstream.url))) as client:
        tools = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]
        assert client.post(stream=True, tools=tools).body.startswith(b"".join(pieces))
        assert upstream.seen[0].json()["tools"] == tools
    with (
        nasty(says(completion("", tool_calls=[call]))) as (upstream,),
        running(create_app(config(upstream.url))) as client,
    ):
        assert client.post().json()["choices"][0]["message"]["tool_calls"] == [call]


def reasoning_models(mode: str) -> list[dict[str, Any]]:
    return [{"name": "r1", "targets": [{"upstream": "u0"}], "reasoning": mode}]


@pytest.mark.parametrize(
    ("mode", "text", "reasoning", "content"),
    [
        ("auto", "<think>\nwhy</think>\n\nbecause", "why", "because"),
        ("auto", "because", "", "because"),
        ("deepseek", "why</think>because", "why", "because"),
        ("off", "<think>why</think>because", "", "<think>why</think>because"),
    ],
)
def test_thoughts_are_set_apart_whole_and_streamed(mode: str, text: str, reasoning: str, content: str) -> None:
    events = [delta("", role="assistant"), *(delta(character) for character in text), delta(None, "stop")]
    with nasty(streams(*events)) as (up,), running(create_app(config(up.url, models=reasoning_models(mode)))) as client:
        answer = client.post(stream=True)
        assert (answer.text("reasoning_content"), answer.text(), answer.reason) == (reasoning, content, "stop")
        assert answer.events[0]["choices"][0]["delta"]["role"] == "assistant"
    with (
        nasty(says(completion(text))) as (up,),
        running(create_app(config(up.url, models=reasoning_models(mode)))) as client,
    ):
        message = client.post().json()["choices"][0]["message"]
        assert (message.get("reasoning_content", ""), message["content"]) == (reasoning, content)
        assert client.post("/v1/chat").json()["content"] == content


def test_an_upstream_that_sets_thoughts_apart_itself_is_left_alone() -> None:
    events = [delta(reasoning_content="why"), delta("because <think>"), delta(None, "stop")]
    with (
        nasty(streams(*events)) as (up,),
        running(create_app(config(up.url, models=reasoning_models("deepseek")))) as client,
    ):
        answer = client.post(stream=True)
    assert (answer.text("reasoning_content"), answer.text()) == ("why", "because <think>")


def test_the_short_shape() -> None:
    with nasty(says(completion("hi"))) as (upstream,), running(create_app(config(upstream.url))) as client:
        answer = client.post("/v1/chat").json()
        assert set(answer) == {"id", "model", "content", "finish_reason", "usage"}
        assert (answer["content"], answer["finish_reason"]) == ("hi", "stop")
        sent = upstream.seen[0].json()
        assert (sent["temperature"], sent["max_tokens"]) == (0.7, 512)
        assert client.post("/v1/chat", stream=True).status == 400


def test_completions_and_embeddings() -> None:
    text = {"id": "t-1", "object": "text_completion", "model": "up"}
    whole = {**text, "choices": [{"index": 0, "text": "hi", "finish_reason": "stop", "logprobs": None}]}
    with nasty(says(whole)) as (upstream,), running(create_app(config(upstream.url))) as client:
        answer = client.send("POST", "/v1/completions", b'{"prompt": "x", "model": "up"}')
        assert (answer.json(), upstream.seen[0].path) == (whole, "/v1/completions")
        assert client.send("POST", "/v1/completions", b'{"model": "up"}').error["param"] == "prompt"
    vectors = {
        "object": "list",
        "data": [{"index": 0, "embedding": [0.5]}],
        "model": "up",
        "usage": {"prompt_tokens": 1},
    }
    models = [{"name": "e", "targets": [{"upstream": "u0", "model": "up"}]}]
    with nasty(says(vectors)) as (upstream,), running(create_app(config(upstream.url, models=models))) as client:
        answer = client.send("POST", "/v1/embeddings", b'{"input": ["x"], "model": "e"}')
        assert answer.json() == {**vectors, "model": "e"}
        assert upstream.seen[0].json() == {"input": ["x"], "model": "up"}


@pytest.mark.parametrize(
    "body", [{"error": {"message": "Not Found", "param": None, "code": None}}, {"detail": "Not Found"}, b"404"]
)
def test_embeddings_of_a_model_that_gives_none_name_the_mend_and_are_no_failure(body: Any) -> None:
    async def script(request: Request, writer: Writer) -> None:
        writer.write(reply(404, body))

    with nasty(script) as (up,), running(create_app(config(up.url, upstream={"models": ["chat"]}))) as client:
        answer = client.send("POST", "/v1/embeddings", b'{"input": "x"}')
        assert (answer.status, answer.error["param"], answer.error["code"]) == (404, "model", "no_embedder")
        assert answer.error["message"] == "'chat' gives no embeddings; start with --embed e5"
        assert client.metric("upstream_failures_total") == 0
        assert client.metric("requests_total", outcome="refused") == 1


def test_embeddings_of_a_model_that_the_upstream_does_not_know_are_its_own_answer() -> None:
    async def script(request: Request, writer: Writer) -> None:
        writer.write(reply(404, {"error": {"message": "The model `x` does not exist.", "code": 404}}))

    with nasty(script) as (up,), running(create_app(config(up.url))) as client:
        answer = client.send("POST", "/v1/embeddings", b'{"input": "x", "model": "x"}')
        assert (answer.status, answer.error["message"]) == (404, "The model `x` does not exist.")
        assert client.metric("upstream_failures_total") == 0


def test_ids_go_in_and_out() -> None:
    with nasty(says(completion("hi"))) as (upstream,), running(create_app(config(upstream.url))) as client:
        given = client.send("POST", CHAT, json.dumps({"messages": USER}).encode(), x_request_id="trace-7")
        assert given.headers["x-request-id"] == upstream.seen[0].headers["x-request-id"] == "trace-7"
        made = client.send("GET", "/nowhere", x_request_id="evil id")
        assert (made.status, len(made.headers["x-request-id"])) == (404, 32)


def test_the_upstreams_key_comes_from_a_file_and_the_clients_stays_here(tmp_path: Any) -> None:
    (tmp_path / "key").write_text("sk-up\n")
    with (
        nasty(says(completion("hi"))) as (upstream,),
        running(create_app(config(upstream.url, upstream={"api_key_file": tmp_path / "key"}))) as client,
    ):
        client.send("POST", CHAT, json.dumps({"messages": USER}).encode(), authorization="Bearer sk-mine")
    assert upstream.seen[0].headers["authorization"] == "Bearer sk-up"


def test_the_access_log_has_the_facts_and_none_of_the_text(tmp_path: Any) -> None:
    log = tmp_path / "access.jsonl"
    with (
        nasty(says(completion("my answer"))) as (upstream,),
        running(create_app(config(upstream.url, access_log=log))) as client,
    ):
        client.post(model="up")
        client.post(temperature=9)
    good, bad = map(json.loads, log.read_text().splitlines())
    assert (good["status"], good["outcome"], good["model"], good["caller"]) == (200, "ok", "up", "anonymous")
    assert (good["prompt_tokens"], good["completion_tokens"], good["upstream"]) == (3, 2, "u0")
    assert good["latency"] > 0
    assert (bad["status"], bad["outcome"]) == (400, "refused")
    assert "hello" not in log.read_text()
    assert "my answer" not in log.read_text()


def test_cost_is_device_time_times_price() -> None:
    with nasty(says(completion("hi"))) as (upstream,):
        priced = {"price": {"per_device_hour": 3600.0}, "devices": 2}
        with running(create_app(config(upstream.url, upstream=priced))) as client:
            for _ in range(4):
                client.post(model="up")
            seconds = client.metric("device_seconds_total", model="up")
            assert seconds > 0
            cost = client.metric("cost_per_1000_requests", model="up")
            assert cost == pytest.approx(1000 * seconds / 4, rel=1e-6)
