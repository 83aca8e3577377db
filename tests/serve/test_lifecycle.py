"""A worker process that is told to stop, and one that warms up first."""

import http.client
import json
import os
import signal
import socket
import threading
from pathlib import Path
from typing import Any

import pytest
from tests.patience import LONG, patiently, wait_for
from tests.serve.exposition import answers, at_work

from seekforge.core.errors import InputError
from seekforge.serve.process import Worker, WorkerSpec

TALK = [{"role": "user", "content": "abcdefghijklmnopqrst"}]
ENDLESS: dict[str, Any] = {"messages": TALK, "stream": True, "max_tokens": 10**6, "ignore_eos": True}


def spec(tmp_path: Path, **changes: Any) -> WorkerSpec:
    settings = {"model": "fake:0.1", "name": "demo", "log": tmp_path / "log", "ready_seconds": 300}
    settings["stop_seconds"] = 2 * LONG  # all but a second of it is for answers that run
    return WorkerSpec(**{**settings, **changes})


class Stream:
    """One streamed answer, read by a thread of its own."""

    def __init__(self, worker: Worker, body: dict[str, Any] | None = None) -> None:
        self._address = worker.url.removeprefix("http://")
        self._body = {"messages": TALK, "stream": True} if body is None else body
        self.text, self.begun = "", threading.Event()
        self._thread = threading.Thread(target=self._read)
        self._thread.start()
        assert self.begun.wait(LONG)

    def _read(self) -> None:
        connection = http.client.HTTPConnection(self._address, timeout=LONG)
        connection.request("POST", "/v1/chat/completions", json.dumps(self._body), {"Content-Type": "application/json"})
        try:
            response = connection.getresponse()
            while line := response.readline():
                self.text += line.decode()
                self.begun.set()
        except (http.client.HTTPException, OSError):
            self.text += "cut"

    def end(self) -> str:
        self._thread.join(LONG)
        return self.text


def get(worker: Worker, path: str) -> int:
    connection = http.client.HTTPConnection(worker.url.removeprefix("http://"), timeout=LONG)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()


def wait_for_exit(worker: Worker) -> int:
    """The status of a worker that ends soon: what it is told to wait for takes longer than this."""
    process = worker._process
    assert process is not None
    return process.wait(LONG)


def test_a_stopping_worker_is_not_ready_at_once_and_ends_what_it_began(tmp_path: Path) -> None:
    def stops(token_seconds: float) -> None:
        """Within half of the answer that it still writes."""
        with Worker(spec(tmp_path, model=f"fake:{token_seconds}")) as worker:
            stream = Stream(worker)
            assert worker.pid is not None
            os.kill(worker.pid, signal.SIGTERM)
            assert wait_for(lambda: get(worker, "/readyz") == 503) < token_seconds * len(TALK[0]["content"]) / 2
            assert get(worker, "/healthz") == 200
            text = stream.end()
            assert text.rstrip().endswith("data: [DONE]")
            assert '"content":"t"' in text
            assert wait_for_exit(worker) == 0

    patiently(stops, 0.1, 0.5, 1.5)


def test_answers_that_take_too_long_are_cut_and_the_worker_ends_with_status_0(tmp_path: Path) -> None:
    with Worker(spec(tmp_path, model="fake:0.5", options=("--drain-seconds", "0.3"))) as worker:
        stream = Stream(worker, ENDLESS)
        assert worker.pid is not None
        os.kill(worker.pid, signal.SIGTERM)
        assert wait_for_exit(worker) == 0
        assert "[DONE]" not in stream.end()


def test_the_second_signal_ends_it_at_once(tmp_path: Path) -> None:
    with Worker(spec(tmp_path, model="fake:0.5")) as worker:
        stream = Stream(worker, ENDLESS)
        assert worker.pid is not None
        os.kill(worker.pid, signal.SIGTERM)
        wait_for(lambda: get(worker, "/readyz") == 503)  # or both would be one
        os.kill(worker.pid, signal.SIGTERM)
        wait_for_exit(worker)
        assert "[DONE]" not in stream.end()


def test_an_idle_worker_ends_at_once(tmp_path: Path) -> None:
    with Worker(spec(tmp_path)) as worker:
        assert worker.pid is not None
        os.kill(worker.pid, signal.SIGTERM)
        assert wait_for_exit(worker) == 0


def test_it_is_ready_only_when_it_is_warm(tmp_path: Path) -> None:
    warm = tmp_path / "warm.jsonl"
    warm.write_text(json.dumps(TALK) + '\n"Be brief."\n' * 3, "utf-8")
    with Worker(spec(tmp_path, model="fake:0.2", warm=warm)) as worker:
        assert worker.start_seconds > 0.8, "four conversations of 0.2 s each come first"
        assert get(worker, "/readyz") == 200


@pytest.mark.parametrize(("line", "message"), [("{", "warm.jsonl:1"), (json.dumps("x" * (1 << 20)), "context")])
def test_what_it_cannot_warm_up_with_ends_it(tmp_path: Path, line: str, message: str) -> None:
    warm = tmp_path / "warm.jsonl"
    warm.write_text(line, "utf-8")
    with pytest.raises(InputError, match=message), Worker(spec(tmp_path, model="fake", warm=warm)):
        pass


def test_a_client_that_stops_reading_loses_its_place(tmp_path: Path) -> None:
    """It reads nothing of an endless answer: the kernel's buffers fill up, then one send takes too long."""
    options = ("--send-seconds", "0.3")
    with Worker(spec(tmp_path, model="fake:0", options=options)) as worker:
        body = json.dumps(ENDLESS)
        head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
            client.connect(("127.0.0.1", int(worker.url.rpartition(":")[2])))
            client.sendall((head + body).encode())
            wait_for(lambda: answers(worker, "cancelled"))
            assert (answers(worker, "cancelled"), at_work(worker)) == (1, 0)
