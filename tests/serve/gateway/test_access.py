"""Keys, scopes, limits, feedback, and the state routes."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.patience import LONG
from tests.serve.gateway.harness import (
    USER,
    Answer,
    Client,
    Request,
    Writer,
    completion,
    config,
    delta,
    nasty,
    reply,
    running,
    says,
    streams,
)

from seekforge.core.config import FeedbackConfig
from seekforge.serve.gateway.app import create_app
from seekforge.serve.gateway.fakes import FakeKeys, FakeLimiter
from seekforge.serve.gateway.feedback import FeedbackStore
from seekforge.serve.gateway.seams import Caller

KEYS = FakeKeys(
    {"sk-a": Caller("a"), "sk-b": Caller("b", frozenset({"chat"})), "sk-m": Caller("m", frozenset({"metrics"}))}
)
ROUTES = [
    ("POST", "/v1/chat/completions"),
    ("POST", "/v1/chat"),
    ("POST", "/v1/completions"),
    ("POST", "/v1/embeddings"),
    ("POST", "/v1/feedback"),
    ("GET", "/v1/models"),
    ("GET", "/metrics"),
    ("GET", "/nowhere"),
]


def ask(client: Client, method: str, path: str, key: str | None, body: dict[str, Any] | None = None) -> Answer:
    headers = {} if key is None else {"authorization": f"Bearer {key}"}
    data = json.dumps(body or {"messages": USER}).encode() if method == "POST" else None
    return client.send(method, path, data, **headers)


def test_nobody_without_a_key_gets_anywhere() -> None:
    with nasty(says(completion("hi"))) as (up,), running(create_app(config(up.url), keys=KEYS)) as client:
        for method, path in ROUTES:
            for key in (None, "sk-wrong"):
                answer = ask(client, method, path, key)
                assert (answer.status, answer.error["code"]) == (401, "invalid_api_key"), path
                assert answer.headers["www-authenticate"] == "Bearer"
        assert not up.seen
        for path in ("/healthz", "/readyz", "/docs", "/openapi.json"):
            assert client.send("GET", path).status == 200
        assert ask(client, "POST", "/v1/chat", "sk-a").status == 200
        assert ask(client, "GET", "/nowhere", "sk-a").status == 404


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("/v1/embeddings", "sk-b"),
        ("/v1/feedback", "sk-b"),
        ("/v1/chat", "sk-m"),
        ("/v1/completions", "sk-m"),
        ("/metrics", "sk-a"),
    ],
)
def test_a_key_allows_what_it_says(path: str, key: str) -> None:
    with nasty(says(completion("hi"))) as (up,), running(create_app(config(up.url), keys=KEYS)) as client:
        answer = ask(client, "GET" if path == "/metrics" else "POST", path, key)
        assert (answer.status, answer.error["code"]) == (403, "insufficient_scope")
        assert not up.seen
        assert ask(client, "GET", "/metrics", "sk-m").status == 200


def test_a_stranger_is_refused_before_the_body_is_read() -> None:
    with running(create_app(config("http://127.0.0.1:9"), keys=KEYS)) as client:
        connection = client.begin(b"", **{"content-length": "1000"})
        assert connection.recv(12) == b"HTTP/1.1 401"
        connection.close()


def test_limits_and_what_is_spent() -> None:
    usage = {"prompt_tokens": 7, "completion_tokens": 3}
    last = b"data: " + json.dumps({"choices": [], "usage": usage}).encode() + b"\n\n"

    async def script(request: Request, writer: Writer) -> None:
        stream = streams(delta("a"), delta(None, "stop"), last)
        await (stream if request.json().get("stream") else says(completion("hi")))(request, writer)

    limiter = FakeLimiter(2)
    with nasty(script) as (up,), running(create_app(config(up.url), keys=KEYS, limiter=limiter)) as client:
        first = ask(client, "POST", "/v1/chat", "sk-a")
        assert first.headers["x-ratelimit-remaining-requests"] == "1"
        assert limiter.spent == {"a": 5}
        ask(client, "POST", "/v1/chat/completions", "sk-b", {"messages": USER, "stream": True})
        assert limiter.spent == {"a": 5, "b": 10}
        third = ask(client, "POST", "/v1/chat", "sk-a")
        assert (third.status, third.headers["retry-after"]) == (429, "7")
        assert third.headers["x-ratelimit-remaining-requests"] == "0"
        assert "requests per minute" in third.error["message"]
        assert len(up.seen) == 2
        assert ask(client, "GET", "/v1/models", "sk-a").status == 200


def test_feedback_is_kept_once_and_the_last_word_counts(tmp_path: Path) -> None:
    file = tmp_path / "feedback.jsonl"
    app = config("http://127.0.0.1:9")
    rating = {"id": "chatcmpl-1", "rating": "up", "comment": "谢谢"}

    def store() -> FeedbackStore:
        return FeedbackStore(FeedbackConfig(path=file, max_comment_chars=10), report=print)

    def say(client: Client, **fields: Any) -> Answer:
        return ask(client, "POST", "/v1/feedback", "sk-a", {**rating, **fields})

    with running(create_app(app, keys=KEYS, feedback=store())) as client:
        assert say(client).json() == {"id": "chatcmpl-1", "outcome": "stored"}
        assert say(client).json()["outcome"] == "unchanged"
        assert say(client, rating="down").json()["outcome"] == "replaced"
        for wrong in (
            {"rating": 6}, {"rating": "meh"}, {"rating": True}, {"id": ""}, {"id": "a b"}, {"comment": 5},
            {"comment": "x" * 11}, {"user": "a\nb"}, {"model": ""},
        ):  # fmt: skip
            answer = say(client, **wrong)
            assert (answer.status, answer.error["param"]) == (400, next(iter(wrong)))
        assert say(client, id="chatcmpl-2", rating=4, model="desk").json()["outcome"] == "stored"
    with running(create_app(app, keys=KEYS, feedback=store())) as client:
        assert say(client, rating="down").json()["outcome"] == "unchanged", "also after a restart"
        assert say(client, user="u1").json()["outcome"] == "stored"
    entries = [json.loads(line) for line in file.read_text().splitlines()]
    assert [(e["answer"], e["rating"], e["caller"], e["user"], e["model"]) for e in entries] == [
        ("chatcmpl-1", 5, "a", "", ""),
        ("chatcmpl-1", 1, "a", "", ""),
        ("chatcmpl-2", 4, "a", "", "desk"),
        ("chatcmpl-1", 5, "a", "u1", ""),
    ]
    with running(create_app(config("http://127.0.0.1:9"))) as client:
        assert client.send("POST", "/v1/feedback", json.dumps(rating).encode()).status == 404


def test_feedback_that_cannot_be_written_is_the_servers_fault(tmp_path: Path) -> None:
    store = FeedbackStore(FeedbackConfig(path=tmp_path / "feedback.jsonl"), report=print)
    with running(create_app(config("http://127.0.0.1:9"), feedback=store)) as client:
        store.close()
        answer = client.send("POST", "/v1/feedback", b'{"id": "chatcmpl-1", "rating": 3}')
        assert (answer.status, answer.error["code"]) == (503, "feedback_unavailable")


def test_ready_means_that_an_upstream_decodes_whatever_routes_it_has() -> None:
    async def no_readyz(request: Request, writer: Writer) -> None:
        if request.path == "/v1/chat/completions":
            writer.write(reply(200, completion("x")))
        elif request.path == "/v1/models":
            writer.write(reply(200, {"data": [{"id": "big"}]}))
        else:
            writer.write(reply(404, {}))
        await writer.drain()

    with nasty(no_readyz) as (up,), running(create_app(config(up.url, ready_seconds=0.01))) as client:
        assert client.send("GET", "/readyz").status == 200
        assert [request.path for request in up.seen] == ["/readyz", "/v1/models", "/v1/chat/completions"]
        probe = up.seen[-1].json()
        assert (probe["max_tokens"], probe["model"]) == (1, "big")
        client.send("GET", "/readyz")
        assert [request.path for request in up.seen[3:]].count("/readyz") == 0, "it knows by now"
    with nasty(no_readyz) as (up,), running(create_app(config(up.url, ready_seconds=LONG))) as client:
        client.post()
        assert client.send("GET", "/readyz").status == 200
        assert len(up.seen) == 1, "a fresh answer needs no probe"


def test_an_upstream_that_is_not_ready_says_why() -> None:
    async def script(request: Request, writer: Writer) -> None:
        writer.write(reply(503, {"status": "not ready"}))
        await writer.drain()

    with nasty(script) as (up,), running(create_app(config(up.url))) as client:
        answer = client.send("GET", "/readyz")
        assert (answer.status, answer.json()["reason"]) == (503, "u0: /readyz answers 503")


def test_models_of_upstreams_that_say_nothing_in_the_config_are_asked_for() -> None:
    models = [{"name": "mine", "targets": [{"upstream": "u0", "model": "big"}]}]
    with (
        nasty(says({"data": [{"id": "big"}, {"id": "small"}]})) as (up,),
        running(create_app(config(up.url, models=models))) as client,
    ):
        for _ in range(2):
            data = client.send("GET", "/v1/models").json()
            assert [model["id"] for model in data["data"]] == ["mine", "big", "small"]
        assert len(up.seen) == 1


def test_wrong_methods_and_routes() -> None:
    with running(create_app(config("http://127.0.0.1:9"))) as client:
        answer = client.send("GET", "/v1/chat")
        assert (answer.status, answer.headers["allow"]) == (405, "POST")
        assert client.send("DELETE", "/v1/models").status == 405
        assert client.send("GET", "/v1/nothing").error["code"] == "not_found"
        assert client.metric("requests_total", route="other") == 3


def test_the_page_fetches_nothing_from_elsewhere() -> None:
    with running(create_app(config("http://127.0.0.1:9"))) as client:
        page = client.send("GET", "/docs")
        assert page.headers["content-type"].startswith("text/html")
        for outside in (b"http://", b"https://", b"<script", b"@import"):
            assert outside not in page.body
        paths = client.send("GET", "/openapi.json").json()["paths"]
        for path in paths:
            assert path.encode() in page.body
