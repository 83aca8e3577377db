"""Clients as they come from their makers, before the gateway and a real worker."""

import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from tests.serve.exposition import answers, at_work
from tests.serve.gateway.harness import Client, config, running, wait_for

from seekforge.core.config.gateway import GatewayConfig
from seekforge.serve.gateway.app import create_app
from seekforge.serve.gateway.fakes import FakeGuard, FakeKeys
from seekforge.serve.gateway.seams import Caller
from seekforge.serve.process import Worker, WorkerSpec

ASK: list[Any] = [{"role": "user", "content": "hello 你好 world"}]


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    log = tmp_path_factory.mktemp("worker") / "log"
    with Worker(WorkerSpec("fake", "echo", log, ready_seconds=60)) as worker:
        yield worker


@pytest.fixture
def settings(worker: Worker) -> GatewayConfig:
    models = [{"name": "demo", "targets": [{"upstream": "u0", "model": "echo"}]}]
    return config(worker.url, upstream={"models": []}, models=models)


@pytest.fixture
def gateway(settings: GatewayConfig) -> Iterator[Client]:
    keys = FakeKeys({"sk-demo": Caller("demo")})
    with running(create_app(settings, keys=keys, guard=FakeGuard(["forbidden"]))) as client:
        yield client


def official(gateway: Client, key: str = "sk-demo") -> openai.OpenAI:
    return openai.OpenAI(base_url=f"http://127.0.0.1:{gateway.port}/v1", api_key=key, max_retries=0)


def test_openais_own_client(gateway: Client) -> None:
    with official(gateway) as client:
        whole = client.chat.completions.create(model="demo", messages=ASK, temperature=0)
        assert (whole.choices[0].message.content, whole.choices[0].finish_reason) == ("hello 你好 world", "stop")
        assert whole.model == "demo"
        assert whole.usage is not None
        assert whole.usage.completion_tokens > 0
        stream = client.chat.completions.create(
            model="demo", messages=ASK, stream=True, stream_options={"include_usage": True}
        )
        chunks = list(stream)
        assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == "hello 你好 world"
        assert chunks[-1].usage == whole.usage
        assert list(client.models.list()) == [client.models.retrieve("demo")]


def test_openais_own_client_knows_our_errors(gateway: Client) -> None:
    with official(gateway) as client:
        with pytest.raises(openai.NotFoundError) as missing:
            client.chat.completions.create(model="other", messages=ASK)
        assert missing.value.code == "model_not_found"
        with pytest.raises(openai.NotFoundError, match="'other' is not served here; 'demo' is") as missing:
            client.models.retrieve("other")
        assert (missing.value.code, missing.value.param) == ("model_not_found", "model")
        with pytest.raises(openai.BadRequestError) as wrong:
            client.chat.completions.create(model="demo", messages=ASK, temperature=9)
        assert wrong.value.param == "temperature"
        with pytest.raises(openai.BadRequestError) as refused:
            client.chat.completions.create(model="demo", messages=[{"role": "user", "content": "forbidden"}])
        assert refused.value.code == "content_refused"
        assert refused.value.request_id
    with official(gateway, "sk-wrong") as stranger, pytest.raises(openai.AuthenticationError):
        stranger.models.list()


def test_a_stream_that_openais_client_closes_ends_in_the_worker(gateway: Client, worker: Worker) -> None:
    before = answers(worker, "cancelled")
    with official(gateway) as client:
        stream = client.chat.completions.create(
            model="demo", messages=ASK, stream=True, max_tokens=10**6, extra_body={"ignore_eos": True}
        )
        assert next(iter(stream)).model == "demo"
        stream.close()
    wait_for(lambda: at_work(worker) == 0)
    assert answers(worker, "cancelled") == before + 1, "it came to its end by itself"


def test_langchain(gateway: Client) -> None:
    chat_models = pytest.importorskip("langchain_openai")
    model = chat_models.ChatOpenAI(
        model="demo", base_url=f"http://127.0.0.1:{gateway.port}/v1", api_key="sk-demo", max_retries=0
    )
    assert model.invoke("hello 你好").content == "hello 你好"
    assert "".join(piece.content for piece in model.stream("hello 你好")) == "hello 你好"


def test_the_real_worker_behind_it(settings: GatewayConfig) -> None:
    with running(create_app(settings)) as client:
        assert client.send("GET", "/readyz").json() == {"status": "ready"}
        short = client.post("/v1/chat").json()
        assert (short["content"], short["model"]) == ("hello 你好", "demo")
        streamed = client.post(stream=True)
        assert (streamed.text(), streamed.reason) == ("hello 你好", "stop")
        long = client.send(
            "POST", "/v1/chat", json.dumps({"messages": [{"role": "user", "content": "x" * (2 << 20)}]}).encode()
        )
        assert (long.status, long.error["param"]) == (400, "messages"), "the engine's own refusals come through"
