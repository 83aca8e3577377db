"""Hard cases 13, 15, 17 and 18 at the worker itself, over a socket: one that serves alone has no gateway before it."""

import contextlib
import json
import select
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.patience import LONG, wait_for
from tests.serve.exposition import total
from tests.serve.gateway.harness import CHAT, USER, Client, status_of

from seekforge.serve.process import Worker, WorkerSpec

BODY = json.dumps({"messages": USER}).encode()
DRIPS = 200  # more than granian takes connections by default (128), and than the worker has places
CHUNKED = f"POST {CHAT} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n".encode()


@contextlib.contextmanager
def started(folder: Path, body_seconds: float) -> Iterator[Client]:
    options = ("--body-seconds", str(body_seconds), "--max-running", "4", "--max-waiting", "0")
    with Worker(WorkerSpec("fake", "demo", folder / "log", ready_seconds=300, options=options)) as worker:
        yield Client(int(worker.url.rpartition(":")[2]))


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with started(tmp_path_factory.mktemp("worker"), 2 * LONG) as client:
        yield client


def test_case_13_bodies_that_drip_hold_no_place(worker: Client) -> None:
    dripping = worker.drip(DRIPS)
    assert worker.post().status == 200
    assert worker.send("GET", "/healthz").status == 200
    assert not select.select(dripping, [], [], 0)[0], "others must not wait for them"
    for connection in dripping:
        connection.close()
    assert worker.post().status == 200


def test_case_13_bodies_that_drip_are_closed_at_the_deadline(tmp_path: Path) -> None:
    with started(tmp_path, body_seconds=1) as worker:
        dripping = worker.drip(DRIPS)
        assert {status_of(connection) for connection in dripping} == {408}
        for connection in dripping:
            connection.close()


def test_case_15_too_large_is_413_before_it_is_sent(worker: Client) -> None:
    connection = worker.begin(b"", **{"content-length": str(1 << 40)})
    assert status_of(connection) == 413
    connection.close()


def test_case_15_too_large_in_chunks_is_413_before_it_is_whole(worker: Client) -> None:
    connection = worker.connect()
    connection.sendall(CHUNKED)
    for _ in range(9):
        connection.sendall(b"100000\r\n" + b" " * (1 << 20) + b"\r\n")
    assert status_of(connection) == 413
    connection.close()


def test_a_body_that_is_malformed_in_transit_is_400(worker: Client) -> None:
    for chunk in (b"zz\r\n", b"4\r\n{}\r\n0\r\n\r\n"):
        connection = worker.connect()
        connection.sendall(CHUNKED + chunk)
        assert status_of(connection) == 400
        connection.close()
    worker.begin(BODY[:5], **{"content-length": str(len(BODY))}).close()
    assert worker.post().status == 200


@pytest.mark.parametrize(
    "body",
    [
        b'{"messages":' * 100_000,
        b'{"messages": [{"role": "user", "content": "x"}], "x": ' + b"[" * 100_000,
        b'{"messages": [{"role": "user", "content": "x"}], "response_format": {"type": "json_schema", '
        b'"json_schema": {"schema": {"$ref": "#"}}}}',
    ],
    ids=["objects", "arrays", "recursive-schema"],
)
def test_case_17_json_too_deep_is_400(worker: Client, body: bytes) -> None:
    answer = worker.send("POST", CHAT, body)
    assert (answer.status, answer.error["type"]) == (400, "invalid_request_error")


@pytest.mark.parametrize(
    "content",
    [b'"\xff"', b'"\\ud800"', b'"a\\u0000"', b'"x", "content": "y"', b'"x", "name": {"a": 1, "a": 2}'],
    ids=["utf-8", "surrogate", "nul", "key-twice", "key-twice-within"],
)
def test_case_18_what_two_parsers_could_read_differently_is_400(worker: Client, content: bytes) -> None:
    answer = worker.send("POST", CHAT, b'{"messages": [{"role": "user", "content": ' + content + b"}]}")
    assert (answer.status, answer.error["code"]) == (400, "invalid_json")


def test_a_conversation_of_too_many_messages_is_400(worker: Client) -> None:
    answer = worker.send("POST", CHAT, json.dumps({"messages": USER * 90_000}).encode())
    assert (answer.status, answer.error["param"]) == (400, "messages")


def test_pipelined_requests_are_each_answered_in_their_order(worker: Client) -> None:
    connection = worker.connect()
    bodies = [json.dumps({"messages": [{"role": "user", "content": f"n{number}."}]}).encode() for number in range(20)]
    head = f"POST {CHAT} HTTP/1.1\r\nhost: x\r\ncontent-length: "
    connection.sendall(b"".join(f"{head}{len(body)}\r\n\r\n".encode() + body for body in bodies))
    found = b""
    while found.count(b'"finish_reason":"stop"') < len(bodies):
        found += connection.recv(65536)
    places = [found.index(f'"content":"n{number}."'.encode()) for number in range(20)]
    assert places == sorted(places)
    connection.close()


def test_streams_are_whole_however_the_body_came(worker: Client) -> None:
    """The end of a request's body may come late; it must not be taken for the client's end."""
    body = json.dumps({"messages": USER, "stream": True}).encode()
    for number in range(60):
        connection = worker.connect()
        head = f"POST {CHAT} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {len(body)}\r\n\r\n".encode()
        connection.sendall(head)
        if number % 2:
            time.sleep(0.005)
        connection.sendall(body)
        found = b""
        while data := connection.recv(65536):
            found += data
        assert b"data: [DONE]" in found
        assert found.endswith(b"0\r\n\r\n")


def test_after_all_of_them_nothing_runs_and_nothing_has_failed(worker: Client) -> None:
    def figure(name: str, **labels: str) -> float:
        return total(worker.send("GET", "/metrics").body.decode(), f"seekforge_{name}", **labels)

    assert worker.post().status == 200
    wait_for(lambda: figure("requests_running") == 0)
    assert (figure("requests_running"), figure("requests_total", outcome="error")) == (0, 0)
    assert figure("requests_total", outcome="ok") >= 1
