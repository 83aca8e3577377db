"""Hard cases with a worker process behind the gateway: what each half does right alone must hold for both."""

import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.patience import LONG, patiently, wait_for
from tests.serve.exposition import answers, at_work
from tests.serve.gateway.harness import CHAT, USER, Client, config, read_all, running
from tests.serve.gateway.test_process import end, start

from seekforge.core.config.guard import GuardConfig, WordListConfig
from seekforge.serve.gateway.app import create_app
from seekforge.serve.gateway.guard import open_guard
from seekforge.serve.gateway.seams import Guard
from seekforge.serve.process import Worker, WorkerSpec

ENDLESS: dict[str, Any] = {"stream": True, "max_tokens": 10**6, "ignore_eos": True}


def worker(tmp_path: Path, model: str = "fake:0.05", **changes: Any) -> Worker:
    settings: dict[str, Any] = {"log": tmp_path / f"{time.monotonic_ns()}.log", "ready_seconds": 300, **changes}
    return Worker(WorkerSpec(model, "demo", **settings))


def body_of(text: str = "hello 你好", **fields: Any) -> bytes:
    return json.dumps({"messages": [{"role": "user", "content": text}], **fields}).encode()


def read_until(connection: socket.socket, text: bytes) -> bytes:
    found = b""
    while text not in found:
        data = connection.recv(65536)
        assert data, found
        found += data
    return found


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    with worker(tmp_path_factory.mktemp("quick"), "fake") as up:
        yield up


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    with worker(tmp_path_factory.mktemp("slow")) as up:
        yield up


@pytest.mark.parametrize("stream", [True, False])
def test_case_7_a_worker_that_is_killed_is_an_error_and_never_an_empty_200(tmp_path: Path, stream: bool) -> None:
    with worker(tmp_path, "fake:0.1") as up, running(create_app(config(up.url))) as client:
        connection = client.begin(body_of("a", **{**ENDLESS, "stream": stream}), connection="close")
        if stream:
            read_until(connection, b'"content":"a"')
        else:
            wait_for(lambda: at_work(up) == 1)
        assert up.pid is not None
        os.kill(up.pid, signal.SIGKILL)
        found = read_all(connection)
        if stream:
            assert b'{"error":{"message":"the upstream broke off' in found
            assert b"[DONE]" not in found
        else:
            assert found.startswith(b"HTTP/1.1 502")


@pytest.mark.parametrize("stream", [True, False])
def test_case_11_a_client_that_leaves_frees_the_worker_within_a_second(slow: Worker, stream: bool) -> None:
    def leaves(soon: float) -> None:
        wait_for(lambda: at_work(slow) == 0)
        with running(create_app(config(slow.url))) as client:
            connection = client.begin(body_of(**{**ENDLESS, "stream": stream}))
            wait_for(lambda: at_work(slow) == 1)
            if stream:
                assert connection.recv(65536)
            connection.close()
            assert wait_for(lambda: at_work(slow) == 0) < soon

    patiently(leaves, 1, 2, 10)


def test_case_12_a_client_that_stops_reading_frees_the_worker(quick: Worker) -> None:
    with running(create_app(config(quick.url, limits={"send_seconds": 0.3}))) as client, socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
        connection.connect(("127.0.0.1", client.port))
        before = answers(quick, "cancelled")
        body = body_of("x" * 4000, **ENDLESS)
        connection.sendall(f"POST {CHAT} HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body)
        wait_for(lambda: client.metric("requests_total", outcome="cancelled") == 1)
        wait_for(lambda: at_work(quick) == 0)
        assert answers(quick, "cancelled") == before + 1, "it did not come to its end by itself"


def test_case_14_a_full_worker_is_429_with_the_time_to_come_again(tmp_path: Path) -> None:
    full = ("--max-running", "1", "--max-waiting", "0")
    patient = {"longest_wait": 0.5}
    with worker(tmp_path, options=full) as up, running(create_app(config(up.url, retry=patient))) as client:
        first = client.begin(body_of(**ENDLESS))
        wait_for(lambda: at_work(up) == 1)
        answer = client.post()
        assert (answer.status, answer.error["type"]) == (429, "rate_limit_error")
        assert int(answer.headers["retry-after"]) >= 1
        first.close()
        wait_for(lambda: at_work(up) == 0)
        time.sleep(float(answer.headers["retry-after"]))
        assert client.post().status == 200, "it came again when it was told to"


@pytest.mark.parametrize("stream", [True, False])
def test_case_19_a_stop_text_over_many_tokens_is_neither_leaked_nor_missed(quick: Worker, stream: bool) -> None:
    """The fake writes a byte a token, so `停止` comes in six pieces."""
    with running(create_app(config(quick.url))) as client:
        asked: dict[str, Any] = {
            "messages": [{"role": "user", "content": "say 停顿停止 more"}],
            "stop": ["停止", "nothing"],
        }
        answer = client.post(stream=stream, **asked)
        text = answer.text() if stream else answer.json()["choices"][0]["message"]["content"]
        assert text == "say 停顿"
        assert b"stop" in answer.body


@pytest.fixture
def guarded(tmp_path: Path) -> Guard:
    words = tmp_path / "words.txt"
    words.write_text("枪支\nfake id\n", encoding="utf-8")
    lists = (WordListConfig(path=words, action="stop"),)
    guard = open_guard(GuardConfig(output=lists, audit=tmp_path / "audit"))
    assert guard is not None
    return guard


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("written", ["枪支", "槍\u200b支", "ｆａｋｅ　Ｉ\u200dＤ", "fake\n id", "F\u0301ake id"])
def test_case_20_a_listed_word_is_blocked_before_a_byte_of_it_is_sent(
    quick: Worker, tmp_path: Path, guarded: Guard, stream: bool, written: str
) -> None:
    with running(create_app(config(quick.url), guard=guarded)) as client:
        said = f"we sell {written} here"
        answer = client.post(stream=stream, messages=[{"role": "user", "content": said}])
        text = answer.text() if stream else answer.json()["choices"][0]["message"]["content"]
        reason = answer.reason if stream else answer.json()["choices"][0]["finish_reason"]
        assert (text, reason) == ("we sell ", "content_filter")
        wait_for(lambda: at_work(quick) == 0)
    records = [json.loads(line) for line in (tmp_path / "audit" / "guard.jsonl").read_text("utf-8").splitlines()]
    assert [(record["direction"], record["action"]) for record in records] == [("output", "stop")]
    assert records[0]["request"] == answer.headers["x-request-id"]
    assert not {"枪支", "fake id", "anonymous"} & set(records[0].values())


@pytest.fixture
def loaded(tmp_path: Path) -> Iterator[tuple[Worker, Any, list[socket.socket]]]:
    """Sixteen streams of two seconds each through a gateway process, all of them begun."""
    with worker(tmp_path, "fake:0.1", stop_seconds=LONG) as up:
        process, client = start(tmp_path, up.url, drain_seconds=LONG)
        streams = [client.begin(body_of("abcdefghijklmnopqrst", stream=True), connection="close") for _ in range(16)]
        try:
            for stream in streams:
                assert stream.recv(12, socket.MSG_PEEK) == b"HTTP/1.1 200"
            yield up, process, streams
        finally:
            process.kill()
            process.communicate()


@pytest.mark.parametrize("who", ["gateway", "worker"])
def test_sigterm_under_load_ends_no_answer(loaded: tuple[Worker, Any, list[socket.socket]], who: str) -> None:
    up, process, streams = loaded
    assert up.pid is not None
    os.kill(up.pid if who == "worker" else process.pid, signal.SIGTERM)
    found = [read_all(connection) for connection in streams]
    assert all(answer.startswith(b"HTTP/1.1 200") for answer in found)
    assert all(b'"content":"t"' in answer and b"data: [DONE]\n\n" in answer for answer in found)
    if who == "gateway":
        assert end(process) == (0, "stopped\n")
    else:
        port = int(process.args[-1])
        assert Client(port).post().status in {502, 503}, "nobody is left to ask"


def test_what_stands_behind_the_gateway_names_the_field_that_is_wrong(quick: Worker) -> None:
    with running(create_app(config(quick.url))) as client:
        answer = client.post(messages=USER, n=2)
        assert (answer.status, answer.error["param"]) == (400, "n")
