"""The HTTP face, with the fake engine behind it and no socket between."""

import asyncio
import json
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing

import pytest
from tests.patience import LONG
from tests.serve.client import USER, Client, events, text_of

from seekforge.core.errors import EngineError
from seekforge.engines.fake import FakeEngine
from seekforge.engines.protocol import Delta, Sampling
from seekforge.serve.schema import ChatMessage, ChatRequest
from seekforge.serve.service import ChatService

COMPLETIONS, CHAT = "/v1/chat/completions", "/v1/chat"


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def client(engine: FakeEngine) -> Iterator[Client]:
    yield Client(engine)
    assert engine.stats().running == 0, "every request must give its place back"


def test_a_whole_answer_has_openais_shape(client: Client, engine: FakeEngine) -> None:
    body = client.post(model="demo").json()
    assert (body["object"], body["model"]) == ("chat.completion", "demo")
    [choice] = body["choices"]
    assert choice["message"] == {"role": "assistant", "content": "hello 你好"}
    assert (choice["index"], choice["finish_reason"]) == (0, "stop")
    prompt, answer = len(engine.encode(engine.render(USER))), len("hello 你好".encode())
    assert body["usage"] == {"prompt_tokens": prompt, "completion_tokens": answer, "total_tokens": prompt + answer}


def test_a_stream_has_the_same_text_one_id_and_one_reason(client: Client) -> None:
    chunks = events(client.post(stream=True))
    assert text_of(chunks) == "hello 你好"
    assert len({chunk["id"] for chunk in chunks}) == 1
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert chunks[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    reasons = [choice["finish_reason"] for chunk in chunks for choice in chunk["choices"]]
    assert reasons[-1] == "stop"
    assert set(reasons[:-1]) == {None}
    assert not any("usage" in chunk for chunk in chunks)


def test_usage_comes_last_in_a_stream_that_asks_for_it(client: Client) -> None:
    whole = client.post().json()["usage"]
    chunks = events(client.post(stream=True, stream_options={"include_usage": True}))
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"] == whole


def test_settings_reach_the_engine(client: Client, engine: FakeEngine) -> None:
    answer = client.post(temperature=0.3, top_p=0.9, seed=11, max_tokens=3, stop=["zz"], ignore_eos=True)
    sampling = engine.seen[-1]
    assert (sampling.temperature, sampling.top_p, sampling.seed) == (0.3, 0.9, 11)
    assert (sampling.max_new_tokens, sampling.stop, sampling.ignore_eos) == (3, ("zz",), True)
    assert answer.json()["choices"][0]["finish_reason"] == "length"


@pytest.mark.parametrize("stream", [True, False])
def test_a_stop_text_is_not_part_of_the_answer(client: Client, stream: bool) -> None:
    response = client.post(stream=stream, stop="o 你")
    text = text_of(events(response)) if stream else response.json()["choices"][0]["message"]["content"]
    assert text == "hell"


def test_the_short_shape(client: Client, engine: FakeEngine) -> None:
    body = client.post(CHAT).json()
    assert set(body) == {"id", "model", "content", "finish_reason", "usage"}
    assert body["content"] == "hello 你好"
    assert (engine.seen[-1].temperature, engine.seen[-1].max_new_tokens) == (0.7, 512)
    assert client.post(CHAT, stream=True).status_code == 400


def test_models_and_health(client: Client) -> None:
    assert [model["id"] for model in client.send("GET", "/v1/models").json()["data"]] == ["demo"]
    assert client.send("GET", "/healthz").json() == {"status": "alive", "engine": "fake"}


@pytest.mark.parametrize(
    ("content", "param"),
    [
        (b"{", None),
        (b'{"messages": [{"role": "user", "content": "x"}], "temperature": NaN}', None),
        (b'{"messages": []}', "messages"),
        (b"{}", "messages"),
        (b'{"messages": [{"role": "user", "content": "x"}], "n": 2}', "n"),
        (b'\xff\xfe{"messages": 1}', None),
        (b"[" * 100_000, None),
        (b'{"messages": [{"role": "user", "content": "' + b"x" * 5000 + b'"}]}', "messages"),
        (b'{"messages": [{"role": "user", "content": "' + b"x" * 5000 + b'"}], "stream": true}', "messages"),
    ],
)
@pytest.mark.parametrize("path", [COMPLETIONS, CHAT])
def test_wrong_input_is_400_in_openais_shape(client: Client, path: str, content: bytes, param: str | None) -> None:
    if path == CHAT and b"stream" in content:
        param = "stream"
    response = client.send("POST", path, content)
    assert response.status_code == 400
    error = response.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert (error["type"], error["param"]) == ("invalid_request_error", param)
    assert client.metric("seekforge_requests_total", route=path, outcome="refused") + client.metric(
        "seekforge_requests_total", route=path, outcome="error"
    )


def test_other_refusals_have_the_same_shape(client: Client) -> None:
    wrong_model = client.post(model="gpt-9")
    assert (wrong_model.status_code, wrong_model.json()["error"]["code"]) == (404, "model_not_found")
    assert client.send("GET", "/nowhere").json()["error"]["type"] == "invalid_request_error"
    assert client.send("GET", COMPLETIONS).status_code == 405
    large = client.send("POST", COMPLETIONS, b" " * (9 << 20))
    assert (large.status_code, large.json()["error"]["code"]) == (413, "too_large")


@pytest.mark.parametrize("stream", [True, False])
def test_a_dead_engine_is_503_before_the_first_piece(stream: bool) -> None:
    client = Client(FakeEngine(fail_after=0))
    response = client.post(stream=stream)
    assert response.status_code == 503
    assert response.json()["error"]["type"] == "server_error"
    assert client.metric("seekforge_requests_total", outcome="error") == 1


def test_an_engine_that_dies_in_a_stream_is_an_event_and_no_done() -> None:
    response = Client(FakeEngine(fail_after=3)).post(stream=True)
    assert response.status_code == 200
    assert "[DONE]" not in response.text
    last = json.loads(response.text.strip().split("\n\n")[-1].removeprefix("data: "))
    assert last["error"]["type"] == "server_error"
    assert '"content":"h"' in response.text


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("pieces", [0, 2])
def test_an_engine_that_ends_without_a_reason_is_503_or_an_event(stream: bool, pieces: int) -> None:
    class Short(FakeEngine):
        async def stream(
            self,
            prompt: Sequence[int],
            sampling: Sampling,
            answered: Sequence[int] = (),
            *,
            seconds: float | None = None,
        ) -> AsyncGenerator[Delta, None]:
            for _ in range(pieces):
                yield Delta((97,), "a")

    response = Client(Short()).post(stream=stream)
    if stream and pieces:
        assert response.status_code == 200
        assert "[DONE]" not in response.text
        last = json.loads(response.text.strip().split("\n\n")[-1].removeprefix("data: "))
        assert last["error"]["code"] == "engine_unavailable"
    else:
        assert (response.status_code, response.json()["error"]["code"]) == (503, "engine_unavailable")


def test_leaving_an_answer_frees_the_place_at_once(engine: FakeEngine) -> None:
    service = ChatService(engine, "demo")
    ticket = service.accept(ChatRequest(messages=[ChatMessage(role="user", content="hi")]), Sampling(), CHAT)

    async def leave() -> int:
        async with aclosing(service.deltas(ticket)) as deltas:
            await anext(deltas)
            assert engine.stats().running == 1
        return engine.stats().running  # no turn of the loop in between in which the collector could have helped

    assert asyncio.run(leave()) == 0
    assert engine.cancelled == 1
    assert b'outcome="cancelled"' in service.metrics.text()


def test_metrics_count_what_happened(client: Client) -> None:
    used = client.post().json()["usage"]
    events(client.post(stream=True))
    assert client.metric("seekforge_requests_total", route=COMPLETIONS, outcome="ok") == 2
    assert client.metric("seekforge_tokens_total", kind="prompt") == 2 * used["prompt_tokens"]
    assert client.metric("seekforge_tokens_total", kind="completion") == 2 * used["completion_tokens"]
    assert client.metric("seekforge_ttft_seconds_count") == client.metric("seekforge_tpot_seconds_count") == 2
    assert client.metric("seekforge_requests_running") == client.metric("seekforge_requests_waiting") == 0


def test_ready_means_that_a_token_was_decoded(
    client: Client, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client.app.state.service.readiness, "_fresh", LONG)
    assert client.send("GET", "/readyz").status_code == 200
    assert len(engine.seen) == 1
    assert client.send("GET", "/readyz").status_code == 200
    assert len(engine.seen) == 1, "a fresh sign of life needs no second probe"


def test_a_closed_engine_is_alive_and_not_ready(engine: FakeEngine) -> None:
    client = Client(engine)
    engine.close()
    response = client.send("GET", "/readyz")
    assert response.status_code == 503
    assert "closed" in response.json()["reason"]
    assert client.send("GET", "/healthz").status_code == 200


def test_readiness_fails_when_nothing_decodes_and_recovers() -> None:
    from seekforge.serve.readiness import Readiness, one_token

    now = 0.0
    engine = FakeEngine(first_seconds=LONG)
    readiness = Readiness(lambda: one_token(engine), fresh_seconds=2, probe_seconds=0.05, clock=lambda: now)

    async def ask() -> list[str | None]:
        answers = [await readiness.problem()]
        readiness.sign_of_life()
        answers.append(await readiness.problem())
        return answers

    stuck, busy = asyncio.run(ask())
    assert stuck is not None
    assert "no token within" in stuck
    assert busy is None
    assert (engine.cancelled, engine.stats().running) == (1, 0)
    now = 2.5
    engine.first_seconds = 0
    assert asyncio.run(readiness.problem()) is None
    now = 9
    engine.close()
    assert "closed" in str(asyncio.run(readiness.problem()))


def test_an_engine_error_never_looks_like_the_clients_fault() -> None:
    from seekforge.serve.errors import from_ours

    assert from_ours(EngineError("x")).status == 503
