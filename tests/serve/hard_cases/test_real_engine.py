"""Hard cases 1, 9, 11, 12, 19 and 20 with a real model: OpenVINO in a worker process, the gateway before it."""

import http.client
import json
import os
import random
import select
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.patience import patiently, wait_for
from tests.serve.exposition import answers, at_work
from tests.serve.gateway.harness import CHAT, Client, config, running
from tests.serve.processes import computed

from seekforge.core.config.guard import GuardConfig, WordListConfig
from seekforge.serve.gateway.app import create_app
from seekforge.serve.gateway.guard import open_guard
from seekforge.serve.process import Worker, WorkerSpec

ASK = [{"role": "user", "content": "What is the capital of France?"}]
GREEDY = {"messages": ASK, "temperature": 0, "max_tokens": 24}
ENDLESS = {"messages": ASK, "max_tokens": 4000, "ignore_eos": True}
CHINESE = "你好，世界😀！" * 12


def served(model: Path, folder: Path) -> Worker:
    return Worker(WorkerSpec(str(model), "demo", folder / f"{time.monotonic_ns()}.log", ready_seconds=600))


@pytest.fixture(scope="module")
def worker(demo_gguf_q8: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    with served(demo_gguf_q8, tmp_path_factory.mktemp("real")) as worker:
        yield worker


@pytest.fixture
def client(worker: Worker) -> Iterator[Client]:
    with running(create_app(config(worker.url, limits={"first_seconds": 600}))) as client:
        yield client


def text_of(client: Client, **body: Any) -> tuple[str, str | None]:
    """The answer's text and reason, whole and streamed, which must be the same."""
    choice = client.post(**body).json()["choices"][0]
    streamed = client.post(**body, stream=True)
    whole = (choice["message"]["content"], choice["finish_reason"])
    assert (streamed.text(), streamed.reason) == whole
    return whole


@pytest.mark.parametrize("where", ["prefill", "stream", "whole"])
def test_case_11_a_client_that_leaves_frees_the_engine(client: Client, worker: Worker, where: str) -> None:
    draw = random.Random(where)

    def leaves(soon: float) -> None:
        path, body = CHAT, {**ENDLESS, "stream": where == "stream"}
        if where == "prefill":  # 7,000 tokens take many seconds to read, and are in no cache
            ids = [draw.randrange(300, 40_000) for _ in range(7000)]
            path, body = "/v1/completions", {"prompt": ids, "max_tokens": 50, "stream": True}
        connection = client.begin(json.dumps(body).encode(), path)
        wait_for(lambda: at_work(worker) == 1)
        if where == "stream":
            assert connection.recv(65536)
        elif where == "prefill":
            assert not select.select([connection], [], [], 0.05)[0], "it has been read already"
        before = computed(worker)
        connection.close()
        wait_for(lambda: at_work(worker) == 0, seconds=600)
        # A second of all cores is a second on a quiet machine, and the same work where others compute as well.
        assert computed(worker) - before < soon * (psutil.cpu_count() or 1)

    patiently(leaves, 1, 1, 2, 4)


def test_case_12_a_client_that_stops_reading_frees_the_engine(worker: Worker) -> None:
    """The model's name stands in every event, so a long one fills the kernel's buffers with few tokens."""
    long = [{"name": "m" * 50_000, "targets": [{"upstream": "u0", "model": "demo"}]}]
    body = json.dumps({**ENDLESS, "stream": True}).encode()
    limits = {"send_seconds": 0.5, "first_seconds": 600}
    before, started = answers(worker, "cancelled"), time.monotonic()
    with (
        running(create_app(config(worker.url, models=long, limits=limits))) as client,
        socket.socket() as connection,
    ):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
        connection.connect(("127.0.0.1", client.port))
        connection.sendall(f"POST {CHAT} HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body)
        wait_for(lambda: client.metric("requests_total", outcome="cancelled") == 1)
        assert time.monotonic() - started > 0.5
        wait_for(lambda: at_work(worker) == 0)
        assert answers(worker, "cancelled") == before + 1, "it did not come to its end by itself"


def test_case_19_a_stop_text_that_begins_and_ends_within_tokens(client: Client) -> None:
    whole, _ = text_of(client, **GREEDY)
    place = whole.index("Paris")
    stop = whole[place - 3 : place + 3]  # neither end is a token's
    assert text_of(client, **GREEDY, stop=[stop, "never said"]) == (whole[: place - 3], "stop")


def test_case_20_a_listed_word_over_several_tokens(worker: Worker, client: Client, tmp_path: Path) -> None:
    whole, _ = text_of(client, **GREEDY)
    word = "capital of France"
    assert word in whole
    (tmp_path / "words.txt").write_text(word, encoding="utf-8")
    words = (WordListConfig(path=tmp_path / "words.txt", action="stop"),)
    guard = open_guard(GuardConfig(output=words, audit=tmp_path))
    with running(create_app(config(worker.url), guard=guard)) as guarded:
        assert text_of(guarded, **GREEDY) == (whole[: whole.index(word)], "content_filter")
        wait_for(lambda: at_work(worker) == 0)
    records = [json.loads(line) for line in (tmp_path / "guard.jsonl").read_text("utf-8").splitlines()]
    assert [record["action"] for record in records] == ["stop", "stop"]


def test_cases_1_and_9_a_killed_stream_is_taken_up_by_its_token_ids(
    worker: Worker, demo_gguf_q8: Path, tmp_path: Path
) -> None:
    """kill -9 in the middle; the second worker is given the ids of what came. Characters here have several tokens."""
    asked = {"prompt": CHINESE, "temperature": 0, "max_tokens": 120, "ignore_eos": True, "return_token_ids": True}
    second = Client(int(worker.url.rpartition(":")[2]))
    whole = json.loads(second.send("POST", "/v1/completions", json.dumps(asked).encode()).body)
    with served(demo_gguf_q8, tmp_path) as first:
        text, ids = _until_killed(first, {**asked, "stream": True}, tokens=20)
    assert 0 < len(ids) < 120
    again = json.dumps({**asked, "continue_token_ids": ids}).encode()
    rest = json.loads(second.send("POST", "/v1/completions", again).body)
    assert text + rest["choices"][0]["text"] == whole["choices"][0]["text"]
    assert ids + rest["choices"][0]["token_ids"] == whole["choices"][0]["token_ids"]
    assert rest["usage"] == whole["usage"], "counted once"
    assert "\ufffd" not in text


def _until_killed(worker: Worker, body: dict[str, Any], tokens: int) -> tuple[str, list[int]]:
    connection = http.client.HTTPConnection(worker.url.removeprefix("http://"), timeout=600)
    connection.request("POST", "/v1/completions", json.dumps(body))
    response = connection.getresponse()
    text, ids = "", list[int]()
    try:
        while line := response.readline():
            if line.startswith(b"data: {"):
                choice = json.loads(line.removeprefix(b"data: "))["choices"][0]
                text, ids = text + choice["text"], ids + choice["token_ids"]
            if len(ids) >= tokens and worker.pid is not None:
                os.kill(worker.pid, signal.SIGKILL)
                break  # what is on its way already could be all of it
    except (http.client.HTTPException, OSError):
        pass
    return text, ids
