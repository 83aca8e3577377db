"""`POST /v1/embeddings`: the face without a socket, the batches, and the worker as a process."""

import asyncio
import base64
import json
import os
import signal
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families
from tests.engines.test_embed import minilm
from tests.patience import LONG, patiently
from tests.serve.processes import check_until_it_has_ended, gone

from seekforge.core.errors import EngineError, InputError
from seekforge.engines.embed.fake import FakeEmbedder
from seekforge.serve.embed import MODULE
from seekforge.serve.embed.app import EMBEDDINGS, create_app
from seekforge.serve.embed.batch import Batcher, BatchLimits, Job, next_batch
from seekforge.serve.intake import Limits
from seekforge.serve.process import Worker, WorkerSpec

TEXTS = ["a man eats", "你好 世界", "the market fell"]


def ask(embedder: FakeEmbedder, *bodies: Any, path: str = EMBEDDINGS, **settings: Any) -> list[httpx.Response]:
    """Sends all bodies at once; None is GET."""

    async def run() -> list[httpx.Response]:
        transport = httpx.ASGITransport(create_app(embedder, "vec", **settings))
        async with httpx.AsyncClient(transport=transport, base_url="http://worker", timeout=LONG) as client:
            sent = [
                client.get(path)
                if body is None
                else client.post(path, content=body if isinstance(body, bytes) else json.dumps(body))
                for body in bodies
            ]
            return await asyncio.gather(*sent)

    return asyncio.run(run())


def one(body: Any, **settings: Any) -> httpx.Response:
    [answer] = ask(FakeEmbedder(), body, **settings)
    return answer


def test_an_answer_has_openais_shape() -> None:
    fake = FakeEmbedder()
    body = one({"model": "vec", "input": TEXTS}).json()
    assert (body["object"], body["model"]) == ("list", "vec")
    assert [(d["object"], d["index"]) for d in body["data"]] == [("embedding", 0), ("embedding", 1), ("embedding", 2)]
    assert np.allclose([d["embedding"] for d in body["data"]], fake.embed(TEXTS))
    tokens = sum(fake.count(TEXTS))
    assert body["usage"] == {"prompt_tokens": tokens, "total_tokens": tokens}


def test_one_text_is_a_list_of_one() -> None:
    assert one({"input": TEXTS[0]}).json()["data"] == one({"input": TEXTS[:1]}).json()["data"]


def test_base64_is_little_endian_float32() -> None:
    packed, plain = (one({"input": TEXTS, "encoding_format": f}).json()["data"] for f in ("base64", "float"))
    for left, right in zip(packed, plain, strict=True):
        assert np.array_equal(np.frombuffer(base64.b64decode(left["embedding"]), "<f4"), np.float32(right["embedding"]))


def test_queries_are_not_passages() -> None:
    plain, passage, query = (
        one({"input": "a cat", **more}).json()["data"][0]["embedding"]
        for more in ({}, {"input_type": "passage"}, {"input_type": "query"})
    )
    assert plain == passage != query


@pytest.mark.parametrize(
    ("body", "param", "said"),
    [
        ({}, "input", "is missing"),
        ({"input": []}, "input", "at least 1 item"),
        ({"input": ""}, "input", "the text is empty"),
        ({"input": ["good", "  "]}, "input.1", "the text is empty"),
        ({"input": "a\x00b"}, None, "NUL"),
        ({"input": ["good", "word " * 600]}, "input.1", "601 tokens and the embedder reads 512"),
        ({"input": [1, 2, 3]}, "input", "token ids are not taken"),
        ({"input": [[1, 2], [3]]}, "input", "check_embedding_ctx_length=False"),
        ({"input": 7}, "input", "must be a text or a list of texts"),
        ({"input": ["a", None]}, "input.1", "must be a text"),
        ({"input": ["a"] * 2049}, "input", "at most 2048 items"),
        ({"input": "a", "dimensions": 32}, "dimensions", "only 64"),
        ({"input": "a", "dimensions": 0}, "dimensions", "must be at least 1"),
        ({"input": "a", "encoding_format": "int8"}, "encoding_format", "'float' or 'base64'"),
        ({"input": "a", "input_type": "clustering"}, "input_type", "'query' or 'passage'"),
        (b"{", None, "not JSON"),
        (b'{"input": "\\ud800"}', None, "surrogate"),
        (b"[" * 100_000, None, "nested too deep"),
    ],
)
def test_what_is_wrong_is_one_clear_400(body: Any, param: str | None, said: str) -> None:
    answer = one(body)
    error = answer.json()["error"]
    assert (answer.status_code, error["type"], error["param"]) == (400, "invalid_request_error", param)
    assert said in error["message"]


def test_another_model_is_404_and_a_large_body_413() -> None:
    answer = one({"input": "a", "model": "other"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "model_not_found")
    assert one(b'{"input": "' + b"x" * (9 << 20) + b'"}').status_code == 413


def test_dimensions_only_where_the_model_was_trained_for_them() -> None:
    whole = one({"input": TEXTS, "dimensions": 64}).json()["data"]
    [short] = ask(FakeEmbedder(matryoshka=(16, 32)), {"input": TEXTS, "dimensions": 16})
    [refused] = ask(FakeEmbedder(matryoshka=(16, 32)), {"input": TEXTS, "dimensions": 17})
    for left, right in zip(short.json()["data"], whole, strict=True):
        first = np.array(right["embedding"][:16])
        assert np.allclose(left["embedding"], first / np.linalg.norm(first), atol=1e-6)
    assert "16, 32, 64" in refused.json()["error"]["message"]


def test_concurrent_requests_share_batches() -> None:
    def share(seconds: float) -> None:
        embedder = FakeEmbedder(seconds=seconds)
        answers = ask(embedder, *({"input": f"text {n}"} for n in range(40)))
        assert {answer.status_code for answer in answers} == {200}
        for n, answer in enumerate(answers):
            assert np.allclose(answer.json()["data"][0]["embedding"], FakeEmbedder().embed([f"text {n}"])[0])
        assert sum(embedder.batches) == 40
        assert len(embedder.batches) <= 4

    patiently(share, 0.05, 0.5, 3)


def test_a_small_request_does_not_wait_for_a_large_one() -> None:
    embedder = FakeEmbedder(seconds=0.02)

    async def run() -> list[str]:
        with ThreadPoolExecutor(1) as executor:
            batcher = Batcher(embedder, executor, BatchLimits(texts=8), lambda texts, seconds: None)
            ended = []

            async def job(name: str, texts: list[str]) -> None:
                await batcher.embed(texts, embedder.count(texts), "passage")
                ended.append(name)

            large = asyncio.create_task(job("large", ["text"] * 200))
            while not embedder.batches:
                await asyncio.sleep(0.001)
            await asyncio.gather(job("small", ["one"]), large)
            return ended

    assert asyncio.run(run()) == ["small", "large"]


@given(
    st.lists(st.tuples(st.lists(st.integers(1, 40), min_size=1, max_size=12), st.booleans()), min_size=1, max_size=8),
    st.integers(1, 6),
    st.integers(1, 60),
)
def test_every_text_is_taken_once_and_batches_hold(
    given_jobs: list[tuple[list[int], bool]], texts: int, tokens: int
) -> None:
    async def run() -> None:
        limits = BatchLimits(texts, tokens)
        made = [
            Job(["x"] * len(n), n, "query" if q else "passage", np.zeros((len(n), 2), np.float32), asyncio.Future())
            for n, q in given_jobs
        ]
        jobs, seen = deque(made), []
        first_waits = {id(job): 0 for job in made}
        while jobs:
            waiting = list(jobs)
            batch = next_batch(jobs, limits)
            assert 1 <= len(batch) <= texts
            assert len({job.purpose for job, _ in batch}) == 1
            lengths = [job.tokens[index] for job, index in batch]
            assert len(batch) == 1 or max(lengths) * len(batch) <= tokens
            taken = {id(job) for job, _ in batch}
            for job in waiting:
                first_waits[id(job)] = 0 if id(job) in taken else first_waits[id(job)] + 1
                assert first_waits[id(job)] <= 2 * len(made), "a request starves"
            seen += [(id(job), index) for job, index in batch]
        assert sorted(seen) == sorted((id(job), index) for job in made for index in range(len(job.texts)))

    asyncio.run(run())


def test_a_client_that_goes_takes_its_texts_along() -> None:
    embedder = FakeEmbedder(seconds=0.05)

    async def run() -> None:
        with ThreadPoolExecutor(1) as executor:
            batcher = Batcher(embedder, executor, BatchLimits(texts=4), lambda texts, seconds: None)
            texts = ["text"] * 400
            work = asyncio.create_task(batcher.embed(texts, embedder.count(texts), "passage"))
            while len(embedder.batches) < 2:
                await asyncio.sleep(0.001)
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
            assert batcher.waiting == 0
            await batcher.embed(["next"], [2], "passage")

    asyncio.run(run())
    assert sum(embedder.batches) < 20


def test_a_failed_embedder_is_503_and_not_ready() -> None:
    embedder = FakeEmbedder()
    assert ask(embedder, None, path="/readyz")[0].json() == {"status": "ready"}
    assert embedder.batches == [1]  # it was asked, not believed
    embedder.fails = True
    [answer] = ask(embedder, {"input": "a"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "engine_unavailable")
    [ready] = ask(embedder, None, path="/readyz")
    assert ready.status_code == 503
    assert "as the script says" in ready.json()["reason"]


def test_what_is_too_much_and_too_slow() -> None:
    def much(seconds: float) -> None:
        answers = ask(
            FakeEmbedder(seconds=seconds), *({"input": "a"} for _ in range(4)), limits=Limits(running=1, waiting=1)
        )
        assert sorted(answer.status_code for answer in answers) == [200, 200, 429, 429]
        assert all(int(answer.headers["Retry-After"]) >= 1 for answer in answers if answer.status_code == 429)

    def slow(seconds: float) -> None:
        [late] = ask(FakeEmbedder(seconds=seconds), {"input": "a"}, limits=Limits(answer_seconds=seconds / 10))
        assert late.status_code == 504

    patiently(much, 0.2, 1, 5)
    patiently(slow, 1, 5, 20)


def test_state_and_metrics() -> None:
    async def run() -> None:
        transport = httpx.ASGITransport(create_app(FakeEmbedder(), "vec"))
        async with httpx.AsyncClient(transport=transport, base_url="http://worker") as client:
            await client.post(EMBEDDINGS, json={"input": TEXTS})
            await client.post(EMBEDDINGS, json={"input": ""})
            assert (await client.get("/v1/models")).json()["data"][0]["id"] == "vec"
            assert (await client.get("/healthz")).json() == {"status": "alive", "engine": "fake"}
            assert (await client.post("/v1/chat/completions")).status_code == 404
            text = (await client.get("/metrics")).text
        samples = {
            (sample.name, *sorted(sample.labels.values())): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }
        assert samples["seekforge_embed_requests_total", EMBEDDINGS, "ok"] == 1
        assert samples["seekforge_embed_requests_total", EMBEDDINGS, "refused"] == 1
        assert samples["seekforge_embed_tokens_total",] == sum(FakeEmbedder().count(TEXTS))
        assert samples["seekforge_embed_texts_total",] == 3
        assert samples["seekforge_embed_batch_texts_count",] == 1

    asyncio.run(run())


def spec(tmp_path: Path, model: str, *options: str) -> WorkerSpec:
    return WorkerSpec(model, "vec", tmp_path / "log", ready_seconds=600, module=MODULE, options=options)


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    with Worker(spec(tmp_path_factory.mktemp("embed"), str(minilm()))) as worker:
        yield worker


def test_openais_own_client_with_real_weights(worker: Worker) -> None:
    with openai.OpenAI(base_url=f"{worker.url}/v1", api_key="none", max_retries=0) as client:
        answer = client.embeddings.create(model="vec", input=["A man is eating food.", "A man eats a meal.", "Stocks"])
        first, second, other = (np.array(d.embedding) for d in answer.data)
        assert len(first) == 384
        assert first @ second > first @ other + 0.3
        plain = client.embeddings.create(model="vec", input="A man is eating food.", encoding_format="float")
        assert np.allclose(plain.data[0].embedding, first, atol=1e-5)
        assert plain.usage.prompt_tokens == 8
        with pytest.raises(openai.BadRequestError, match="reads 256"):
            client.embeddings.create(model="vec", input="word " * 300)
        query = client.embeddings.create(model="vec", input="food", extra_body={"input_type": "query"})
        assert len(query.data) == 1


def test_langchains_own_client(worker: Worker) -> None:
    from langchain_openai import OpenAIEmbeddings

    settings: dict[str, Any] = {"model": "vec", "base_url": f"{worker.url}/v1", "api_key": "none"}
    embeddings = OpenAIEmbeddings(**settings, check_embedding_ctx_length=False)
    assert np.isclose(np.linalg.norm(embeddings.embed_query("A man is eating food.")), 1)


def test_the_worker_stops_when_told_and_shows_why_it_cannot_start(tmp_path: Path) -> None:
    with Worker(spec(tmp_path, "fake", "--matryoshka", "8,16")) as worker:
        pid = worker.pid
        assert pid is not None
        answer = httpx.post(f"{worker.url}{EMBEDDINGS}", json={"input": "a", "dimensions": 8}, timeout=LONG)
        assert len(answer.json()["data"][0]["embedding"]) == 8
        os.kill(pid, signal.SIGTERM)
        assert gone(pid)
        with pytest.raises(EngineError, match="status 0"):
            check_until_it_has_ended(worker)
    with pytest.raises(InputError, match=r"^none: no such model"), Worker(spec(tmp_path, "none")):
        pass
