"""Upstreams that break, hang, refuse or lie, and clients that leave or stop reading."""

import asyncio
import json
import socket
import struct
import time
from collections.abc import Iterator
from typing import Any

import pytest
from tests.patience import LONG, patiently
from tests.serve.gateway.harness import (
    CHAT,
    STREAM_HEAD,
    USER,
    Answer,
    Client,
    Request,
    Script,
    Writer,
    chunked,
    completion,
    config,
    delta,
    nasty,
    reply,
    running,
    says,
    streams,
    wait_for,
)

from seekforge.serve.gateway.app import GatewayApp, create_app
from seekforge.serve.process import free_port

GOOD = streams(delta("fine"), delta(None, "stop"))
SIXTEEN_MIB = 16 << 20
HANGS = 2 * LONG


def reset(writer: Writer) -> None:
    """RST in place of FIN."""
    raw = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def breaks(*events: bytes, how: str) -> Script:
    """A stream that breaks after some events: `fin` within chunks, `close` of an unframed body, `rst`, `hang`."""

    async def script(request: Request, writer: Writer) -> None:
        head = (
            STREAM_HEAD if how != "close" else STREAM_HEAD.replace(b"Transfer-Encoding: chunked", b"Connection: close")
        )
        body = b"".join(events)
        if how != "nothing":
            writer.write(head + (body if how == "close" else chunked(body) if body else b""))
            await writer.drain()
        await asyncio.sleep(0.05)
        if how == "hang":
            await asyncio.sleep(HANGS)
        reset(writer) if how == "rst" else writer.close()

    return script


def refuses(status: int, message: str = "no", **headers: str) -> Script:
    async def script(request: Request, writer: Writer) -> None:
        writer.write(reply(status, {"error": {"message": message, "code": "c"}}, **headers))
        await writer.drain()

    return script


def in_band_error(answer: Answer) -> dict[str, Any]:
    """The last event is an error and nothing says that the stream ended well."""
    assert "[DONE]" not in answer.blocks
    error: dict[str, Any] = json.loads(answer.blocks[-1])["error"]
    assert set(error) == {"message", "type", "param", "code"}
    return error


@pytest.mark.parametrize("how", ["fin", "close", "rst", "nothing"])
@pytest.mark.parametrize("events", [(), (delta("", role="assistant"),)], ids=["none", "role"])
def test_what_breaks_before_the_first_token_is_tried_elsewhere(how: str, events: tuple[bytes, ...]) -> None:
    with (
        nasty(breaks(*events, how=how), GOOD) as (bad, good),
        running(create_app(config(bad.url, good.url, retry={"cooldown_seconds": LONG}))) as client,
    ):
        answer = client.post(stream=True)
        assert (answer.status, answer.text(), answer.reason) == (200, "fine", "stop")
        assert answer.body.count(b'"role"') == 0, "nothing of the failed try may be seen"
        assert len(bad.seen) == len(good.seen) == 1
        assert bad.seen[0].headers["x-request-id"] == good.seen[0].headers["x-request-id"]
        assert client.metric("upstream_failures_total", upstream="u0", kind="lost") == 1
        assert client.metric("retries_total") == 1
        client.post(stream=True)
        assert len(bad.seen) == 1, "it cools down"


@pytest.mark.parametrize("how", ["fin", "close", "rst", "nothing"])
@pytest.mark.parametrize("stream", [True, False])
def test_nobody_left_is_502_and_never_an_empty_200(how: str, stream: bool) -> None:
    with nasty(breaks(how=how)) as (bad,), running(create_app(config(bad.url))) as client:
        answer = client.post(stream=stream)
        assert (answer.status, answer.error["type"]) == (502, "server_error")
        assert answer.headers["content-type"] == "application/json"
        assert 1 <= len(bad.seen) <= 2


@pytest.mark.parametrize("how", ["fin", "close", "rst"])
def test_what_breaks_after_it_is_an_event_and_no_done(how: str) -> None:
    with (
        nasty(breaks(delta("a"), delta("b"), how=how), GOOD) as (bad, good),
        running(create_app(config(bad.url, good.url))) as client,
    ):
        answer = client.post(stream=True)
        assert answer.status == 200
        assert b'"content": "b"' in answer.body
        assert in_band_error(answer)["code"] == "upstream_unavailable"
        assert not good.seen
        assert client.metric("requests_total", outcome="error") == 1


@pytest.mark.parametrize("how", ["fin", "close", "rst"])
def test_a_stream_that_breaks_when_all_was_said_is_whole(how: str) -> None:
    with (
        nasty(breaks(delta("a"), delta(None, "stop"), how=how)) as (bad,),
        running(create_app(config(bad.url))) as client,
    ):
        answer = client.post(stream=True)
    assert (answer.text(), answer.reason) == ("a", "stop")


def test_a_stream_of_two_answers_is_whole_only_when_both_are() -> None:
    with (
        nasty(breaks(delta("a"), delta(None, "stop"), how="fin")) as (bad,),
        running(create_app(config(bad.url))) as client,
    ):
        assert in_band_error(client.post(stream=True, n=2))


@pytest.mark.parametrize("body", [b'{"choices": [{"mess', b"", b"{}", b'{"choices": []}', b"[]"])
def test_half_an_answer_is_none(body: bytes) -> None:
    async def script(request: Request, writer: Writer) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + body)
        await writer.drain()
        writer.close()

    with nasty(script, says(completion("fine"))) as (bad, good):
        with running(create_app(config(bad.url, good.url))) as client:
            assert client.post().json()["choices"][0]["message"]["content"] == "fine"
        with running(create_app(config(bad.url))) as client:
            assert client.post().status == 502


def test_a_short_body_of_announced_length_is_a_failure() -> None:
    async def script(request: Request, writer: Writer) -> None:
        whole = reply(200, completion("hi"))
        writer.write(whole[:-5])
        await writer.drain()
        writer.close()

    with nasty(script) as (bad,), running(create_app(config(bad.url))) as client:
        assert client.post().status == 502


@pytest.mark.parametrize("events", [(), (delta("", role="assistant"),)], ids=["none", "role"])
def test_a_stream_without_an_answer_is_a_failure(events: tuple[bytes, ...]) -> None:
    with nasty(streams(*events)) as (bad,), running(create_app(config(bad.url))) as client:
        assert client.post(stream=True).status == 502


def test_silence_before_is_tried_elsewhere() -> None:
    def tried(first: float) -> None:
        with (
            nasty(breaks(how="hang"), GOOD) as (bad, good),
            running(create_app(config(bad.url, good.url, limits={"first_seconds": first}))) as client,
        ):
            answer = client.post(stream=True)
            assert (answer.status, len(good.seen)) == (200, 1)
            assert answer.text() == "fine"
            wait_for(lambda: bad.left == 1)

    patiently(tried, 0.3, 2, 10)


def test_silence_before_and_within() -> None:
    idle, first = {"idle_seconds": 0.3}, {"first_seconds": 0.3}
    with nasty(breaks(delta("a"), how="hang")) as (bad,), running(create_app(config(bad.url, limits=idle))) as client:
        assert "no token within 0.3 s" in in_band_error(client.post(stream=True))["message"]
        wait_for(lambda: bad.left == 1)
    with nasty(breaks(how="hang")) as (bad,), running(create_app(config(bad.url, limits=first))) as client:
        assert client.post(stream=True).status == 504


def test_comments_are_signs_of_life_and_no_events() -> None:
    def heard(idle: float) -> None:
        async def script(request: Request, writer: Writer) -> None:
            writer.write(STREAM_HEAD + chunked(delta("a")))
            for _ in range(6):  # twice as long as silence may last
                await asyncio.sleep(idle / 3)
                writer.write(chunked(b": still there\n\n"))
            writer.write(chunked(delta("b", "stop") + b"data: [DONE]\n\n") + b"0\r\n\r\n")

        with nasty(script) as (up,), running(create_app(config(up.url, limits={"idle_seconds": idle}))) as client:
            answer = client.post(stream=True)
            assert answer.blocks[-1] == "[DONE]"
            assert answer.text() == "ab"

    patiently(heard, 0.3, 3, 15)


@pytest.mark.parametrize("stream", [True, False])
def test_the_whole_time_has_an_end(stream: bool) -> None:
    async def script(request: Request, writer: Writer) -> None:
        if stream:
            writer.write(STREAM_HEAD)
            while True:
                writer.write(chunked(delta("x")))
                await asyncio.sleep(0.05)
        await asyncio.sleep(HANGS)

    def ends(seconds: float) -> None:
        limits = {"request_seconds": seconds}
        with nasty(script) as (up,), running(create_app(config(up.url, limits=limits))) as client:
            answer = client.post(stream=stream)
            assert answer.status == (200 if stream else 504), "a stream's head came in time"
            error = in_band_error(answer) if stream else answer.error
            assert f"within {seconds:g} s" in error["message"]
            wait_for(lambda: up.left == 1)
            assert client.metric("requests_running") == 0

    patiently(ends, 0.5, 3, 15)


def test_an_error_event_is_passed_on_or_tried_elsewhere() -> None:
    error = b'data: {"error": {"message": "the engine has failed", "type": "server_error"}}\n\n'
    with nasty(streams(delta("a"), error, end=False)) as (up,), running(create_app(config(up.url))) as client:
        assert in_band_error(client.post(stream=True))["message"] == "the engine has failed"
    with (
        nasty(streams(error, end=False), GOOD) as (bad, good),
        running(create_app(config(bad.url, good.url))) as client,
    ):
        assert client.post(stream=True).text() == "fine"


@pytest.mark.parametrize("status", [500, 502, 503, 408])
def test_failures_of_an_upstream_are_tried_elsewhere(status: int) -> None:
    with (
        nasty(refuses(status), says(completion("fine"))) as (bad, good),
        running(create_app(config(bad.url, good.url))) as client,
    ):
        assert client.post().status == 200
        assert (len(bad.seen), len(good.seen)) == (1, 1)


def test_a_refused_request_is_the_clients_and_is_not_tried_elsewhere() -> None:
    with (
        nasty(refuses(422, "prompt too long"), says(completion("fine"))) as (bad, good),
        running(create_app(config(bad.url, good.url))) as client,
    ):
        answer = client.post()
        assert (answer.status, answer.error["message"], answer.error["code"]) == (422, "prompt too long", "c")
        assert not good.seen
        assert client.metric("upstream_cooling") == 0


@pytest.mark.parametrize("status", [401, 403])
def test_a_key_that_the_upstream_refuses_is_no_fault_of_the_client(status: int) -> None:
    with nasty(refuses(status, "bad key sk-123")) as (bad,), running(create_app(config(bad.url))) as client:
        answer = client.post()
        assert answer.status == 502
        assert "sk-123" not in answer.error["message"]


def test_nobody_listens() -> None:
    with running(create_app(config(f"http://127.0.0.1:{free_port()}"))) as client:
        started = time.monotonic()
        assert client.post().status == 502
        assert time.monotonic() - started < LONG, "it is refused and not timed out"
        ready = client.send("GET", "/readyz")
        assert (ready.status, ready.json()["status"]) == (503, "not ready")
        assert client.send("GET", "/healthz").status == 200


def test_429_from_everybody_is_waited_out_if_it_is_short() -> None:
    def waited(seconds: float) -> None:
        times: list[float] = []

        async def busy_once(request: Request, writer: Writer) -> None:
            times.append(time.monotonic())
            busy = reply(429, {}, Retry_After=f"{seconds}")
            writer.write(busy if len(times) < 3 else reply(200, completion("fine")))
            await writer.drain()

        with (
            nasty(busy_once, busy_once) as (a, b),
            running(create_app(config(a.url, b.url, retry={"longest_wait": LONG}))) as client,
        ):
            assert client.post().status == 200
            assert times[2] - times[0] >= seconds, "what the first one asked for is kept"
            assert times[1] - times[0] < seconds, "the other one is asked at once"

    patiently(waited, 0.5, 4, 15)


def test_429_from_everybody_is_429_if_it_is_long() -> None:
    with (
        nasty(refuses(429, "quota", Retry_After="3000"), refuses(429, "quota", Retry_After="2000")) as (a, b),
        running(create_app(config(a.url, b.url))) as client,
    ):
        answer = client.post()
        assert (answer.status, answer.error["code"]) == (429, "rate_limit_exceeded")
        assert 2000 - LONG <= int(answer.headers["retry-after"]) <= 2000, "the first that will be free"
        assert client.post(stream=True).status == 429
        assert len(a.seen) == len(b.seen) == 1, "nobody is asked before the time"
        assert client.metric("requests_total", outcome="limited") == 2


def test_retries_have_a_budget() -> None:
    none = {"budget": 0, "reserve": 1, "cooldown_seconds": 0}
    with nasty(refuses(503), refuses(503)) as (a, b), running(create_app(config(a.url, b.url, retry=none))) as client:
        for _ in range(5):
            assert client.post().status == 503
        assert len(a.seen) + len(b.seen) == 6
        assert client.metric("retries_total") == 1


def test_an_answer_without_bounds_is_cut() -> None:
    async def script(request: Request, writer: Writer) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        for _ in range(64):
            writer.write(b"x" * (1 << 20))
            await writer.drain()

    with nasty(script) as (up,), running(create_app(config(up.url, limits={"answer_bytes": 1 << 20}))) as client:
        assert "larger than" in client.post().error["message"]


def test_a_compressed_answer_is_refused_as_nobody_could_judge_it() -> None:
    async def script(request: Request, writer: Writer) -> None:
        writer.write(reply(200, b"\x1f\x8b123", Content_Encoding="gzip"))
        await writer.drain()

    with nasty(script) as (up,), running(create_app(config(up.url))) as client:
        assert client.post().status == 502
        assert up.seen[0].headers["accept-encoding"] == "identity"


def hangs_at(where: str) -> Script:
    """`prefill` before the head, `early` before the first token, `stream` within it."""

    async def script(request: Request, writer: Writer) -> None:
        if where != "prefill":
            writer.write(STREAM_HEAD + (chunked(delta("a")) if where == "stream" else b""))
            await writer.drain()
        await asyncio.sleep(HANGS)

    return script


@pytest.mark.parametrize("where", ["prefill", "early", "stream"])
@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_leaves_takes_the_upstreams_work_with_it(where: str, stream: bool) -> None:
    body = json.dumps({"messages": USER, "stream": stream}).encode()

    def leaves(soon: float) -> None:
        with nasty(hangs_at(where)) as (up,), running(create_app(config(up.url))) as client:
            connection = client.begin(body)
            wait_for(lambda: len(up.seen) == 1)
            if where == "stream" and stream:
                assert connection.recv(4096)
            time.sleep(0.1)
            left = time.monotonic()
            connection.close()
            wait_for(lambda: up.left == 1)
            assert time.monotonic() - left < soon
            wait_for(lambda: client.metric("requests_total", outcome="cancelled") == 1)
            assert client.metric("upstream_in_flight") == client.metric("requests_running") == 0

    patiently(leaves, 1, 1, 5, HANGS / 2)


def test_a_client_that_stops_reading_ends_its_request_and_costs_little() -> None:
    written = 0

    async def script(request: Request, writer: Writer) -> None:
        nonlocal written
        writer.write(STREAM_HEAD)
        while True:
            data = chunked(delta("x" * 60_000))
            writer.write(data)
            await writer.drain()
            written += len(data)

    body = json.dumps({"messages": USER, "stream": True}).encode()
    limits = {"send_seconds": 1}
    with nasty(script) as (up,), running(create_app(config(up.url, limits=limits, drain_seconds=1))) as client:
        connection = client.begin(body)
        wait_for(lambda: up.left == 1)
        assert written < 4 * SIXTEEN_MIB
        wait_for(lambda: client.metric("requests_total", outcome="cancelled") == 1)
        assert client.metric("requests_running") == 0
        connection.close()


@pytest.fixture
def two_places() -> Iterator[tuple[GatewayApp, Client, list[asyncio.Event]]]:
    """One place, one that may wait, and an upstream that answers when told to."""
    gates: list[asyncio.Event] = []

    async def script(request: Request, writer: Writer) -> None:
        gates.append(asyncio.Event())
        while not gates[-1].is_set():
            await asyncio.sleep(0.01)
        writer.write(reply(200, completion("fine")))
        await writer.drain()

    with nasty(script) as (up,):
        app = create_app(config(up.url, limits={"max_running": 1, "max_waiting": 1}))
        with running(app) as client:
            yield app, client, gates


def test_too_many_are_sent_away_and_the_others_take_turns(
    two_places: tuple[GatewayApp, Client, list[asyncio.Event]],
) -> None:
    app, client, gates = two_places
    body = json.dumps({"messages": USER}).encode()
    first = client.begin(body)
    wait_for(lambda: len(gates) == 1)
    second = client.begin(body)
    wait_for(lambda: app.parts.places.waiting == 1)
    third = client.post()
    assert (third.status, third.error["code"]) == (429, "overloaded")
    assert int(third.headers["retry-after"]) >= 1
    assert client.send("GET", "/healthz").status == 200
    gates[0].set()
    assert first.recv(12) == b"HTTP/1.1 200"
    wait_for(lambda: len(gates) == 2)
    gates[1].set()
    assert second.recv(12) == b"HTTP/1.1 200"
    wait_for(lambda: app.parts.places.running == 0)


def test_a_client_that_leaves_the_queue_gives_up_its_turn(
    two_places: tuple[GatewayApp, Client, list[asyncio.Event]],
) -> None:
    app, client, gates = two_places
    body = json.dumps({"messages": USER}).encode()
    first = client.begin(body)
    wait_for(lambda: len(gates) == 1)
    client.begin(body).close()
    wait_for(lambda: client.metric("requests_total", outcome="cancelled") == 1)
    assert app.parts.places.waiting == 0
    gates[0].set()
    assert first.recv(12) == b"HTTP/1.1 200"
    wait_for(lambda: app.parts.places.running == 0)
    assert len(gates) == 1


def test_connections_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seekforge.serve.gateway.upstream._KEEP_ALIVE", LONG)
    ports = set()

    async def script(request: Request, writer: Writer) -> None:
        ports.add(writer.get_extra_info("peername")[1])
        await (GOOD if request.json().get("stream") else says(completion("fine")))(request, writer)

    with nasty(script) as (up,), running(create_app(config(up.url))) as client:
        for stream in (True, False, True, True):
            assert client.post(CHAT, stream=stream).status == 200
    assert len(ports) == 1
