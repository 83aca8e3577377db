"""Bodies that are too large, too slow, compressed, or no requests at all."""

import gzip
import json
import time
import zlib
from collections.abc import Callable

import pytest
from tests.patience import LONG, patiently
from tests.serve.gateway.harness import (
    CHAT,
    USER,
    Client,
    completion,
    config,
    nasty,
    read_all,
    running,
    says,
    status_of,
)

from seekforge.serve.gateway.app import create_app

SMALL = {"body_bytes": 4096}
BODY = json.dumps({"messages": USER}).encode()


def test_too_large_is_413_before_it_is_sent() -> None:
    with nasty(says(completion("hi"))) as (up,), running(create_app(config(up.url, limits=SMALL))) as client:
        connection = client.begin(b"", **{"content-length": str(1 << 40)})
        assert status_of(connection) == 413
        connection.close()
        exact = BODY[:-1] + b" " * (4096 - len(BODY)) + b"}"
        assert client.send("POST", CHAT, exact).status == 200
        answer = client.send("POST", CHAT, exact + b" ")
        assert (answer.status, answer.error["code"]) == (413, "too_large")


def test_too_large_in_chunks_is_413_before_it_is_whole() -> None:
    with running(create_app(config("http://127.0.0.1:9", limits=SMALL))) as client:
        connection = client.connect()
        connection.sendall(f"POST {CHAT} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n".encode())
        for _ in range(5):
            connection.sendall(b"400\r\n" + b" " * 1024 + b"\r\n")
        assert status_of(connection) == 413
        connection.close()


@pytest.mark.parametrize(("encoding", "compress"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_compressed_bodies_are_inflated_and_no_further_than_allowed(
    encoding: str, compress: Callable[[bytes], bytes]
) -> None:
    with nasty(says(completion("hi"))) as (up,), running(create_app(config(up.url, limits=SMALL))) as client:
        assert client.send("POST", CHAT, compress(BODY), content_encoding=encoding).status == 200
        assert up.seen[0].body == BODY
        assert "content-encoding" not in up.seen[0].headers
        bomb = compress(b" " * (2 << 20))
        assert len(bomb) < 4096
        assert client.send("POST", CHAT, bomb, content_encoding=encoding).status == 413
        for broken in (compress(BODY)[:-6], b"nonsense"):
            assert client.send("POST", CHAT, broken, content_encoding=encoding).status == 400
        assert client.send("POST", CHAT, BODY, content_encoding="br").status == 415


def test_bodies_that_drip_hold_no_place() -> None:
    limits = {"body_seconds": 2 * LONG, "max_running": 1, "max_waiting": 0}
    with nasty(says(completion("hi"))) as (up,), running(create_app(config(up.url, limits=limits))) as client:
        dripping = client.drip(50)
        assert client.post().status == 200
        for connection in dripping:
            connection.close()


def test_a_body_that_drips_is_408() -> None:
    with running(create_app(config("http://127.0.0.1:9", limits={"body_seconds": 0.5}))) as client:
        for connection in client.drip(5):
            assert status_of(connection) == 408
            connection.close()


def test_a_head_that_drips_is_closed() -> None:
    def closed(soon: float) -> None:
        with running(create_app(config("http://127.0.0.1:9", limits={"header_seconds": 1}))) as client:
            connection = client.connect()
            connection.sendall(b"POST /v1/chat HT")
            started = time.monotonic()
            read_all(connection)
            assert time.monotonic() - started < soon, "other than the server's own time"
            assert client.send("GET", "/healthz").status == 200

    patiently(closed, 5, 9, 9)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"messages":' * 100_000,
        b'{"messages": [{"role": "user", "content": "x"}], "temperature": NaN}',
        b'{"messages": [{"role": "user", "content": "x"}], "temperature": Infinity}',
        b'{"messages": [{"role": "user", "content": "\\ud800"}]}',
        b'{"messages": [{"role": "user", "content": "\\u0000"}]}',
        b'{"messages": [{"role": "user", "content": "x"}], "messages": []}',
        b'{"messages": [{"role": "user", "content": "x"}], "tools": [{"function": {"parameters": {"$ref": "#"}}}]}',
        b'{"messages": [{"role": "user", "content": null}]}',
        b'{"messages": [{"role": "user", "content": [{"type": "text"}]}]}',
        b'{"messages": [{"role": "user", "content": "x"}], "max_tokens": 0}',
        b'{"messages": [{"role": "user", "content": "x"}], "stream": "yes"}',
    ],
    ids=range(15),
)
def test_what_is_no_request_is_400_in_openais_shape_and_stays_here(body: bytes) -> None:
    with nasty(says(completion("hi"))) as (up,), running(create_app(config(up.url))) as client:
        for path in (CHAT, "/v1/chat"):
            answer = client.send("POST", path, body)
            assert (answer.status, answer.error["type"]) == (400, "invalid_request_error")
        assert not up.seen


def test_a_client_that_leaves_while_it_sends() -> None:
    with running(create_app(config("http://127.0.0.1:9"))) as client:
        client.begin(BODY[:5], **{"content-length": str(len(BODY))}).close()
        assert Client(client.port).send("GET", "/healthz").status == 200
