"""The load generator of `benchmarks/serve_llama.py`: what it counts is what a server sent."""

import asyncio
import math
from pathlib import Path

import pytest
from benchmarks.sse_load import load, request_bytes, unchunk, understand

from seekforge.serve.process import Worker, WorkerSpec

HEAD = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
TEXT = b'data: {"choices":[{"delta":{"content":"a"}}]}\n\n'
USAGE = b'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}\n\n'
DONE = b"data: [DONE]\n\n"


def chunked(body: bytes, size: int) -> bytes:
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


@pytest.mark.parametrize("size", [1, 7, 100, 10_000])
def test_chunks_may_end_anywhere(size: int) -> None:
    body = TEXT + USAGE + DONE
    assert unchunk(chunked(body, size)) == body
    answer = understand(HEAD + chunked(body, size), 0.1, 0.2)
    assert (answer.tokens, answer.prompt_tokens, answer.error) == (2, 3, None)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        HEAD,
        HEAD + chunked(TEXT + DONE, 50),  # nobody counted
        HEAD + chunked(TEXT + USAGE, 50),  # no end
        HEAD.replace(b"200", b"503") + chunked(TEXT + USAGE + DONE, 50),
    ],
)
def test_what_is_not_whole_is_an_error(raw: bytes) -> None:
    answer = understand(raw, 0.1, 0.2)
    assert answer.error is not None
    assert answer.tokens == 0


def test_an_answer_without_text_is_an_error() -> None:
    assert understand(HEAD + chunked(TEXT + USAGE + DONE, 50), math.nan, 0.2).error is not None


def test_load_on_a_real_worker(tmp_path: Path) -> None:
    body = {
        "messages": [{"role": "user", "content": "one two three"}],
        "max_tokens": 8,
        "ignore_eos": True,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    with Worker(WorkerSpec("fake:0.01", "demo", tmp_path / "log", ready_seconds=60)) as worker:
        port = int(worker.url.rpartition(":")[2])
        requests = [request_bytes(port, None, {"model": "demo", **body})] * 12
        answers, seconds = asyncio.run(load(port, requests, 4))
        wrong, _ = asyncio.run(load(port, [request_bytes(port, None, {"model": "other", **body})], 1))
    assert [answer.error for answer in answers] == [None] * 12
    assert {answer.tokens for answer in answers} == {8}
    assert all(0 < answer.ttft < answer.latency <= seconds for answer in answers)
    assert seconds >= 3 * 7 * 0.01  # three turns of four, each of eight tokens
    assert wrong[0].error is not None
    assert "404" in wrong[0].error
