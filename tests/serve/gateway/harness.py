"""The gateway as clients meet it: behind granian, before real workers or before scripted TCP servers."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.patience import LONG
from tests.patience import wait_for as wait_for
from tests.serve.exposition import total

from seekforge.core.config.gateway import GatewayConfig
from seekforge.serve.gateway.app import GatewayApp
from seekforge.serve.gateway.server import serve
from seekforge.serve.process import free_port

USER = [{"role": "user", "content": "hello 你好"}]
CHAT = "/v1/chat/completions"
Writer = asyncio.StreamWriter
Script = Callable[["Request", Writer], Awaitable[None]]


@dataclass
class Request:
    """What an upstream was sent."""

    path: str
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Nasty:
    """An upstream that does as its script says, byte by byte, in an event loop of its own.

    Attributes:
        seen: Requests, in order.
        left: Clients that were gone before the script had ended.
    """

    script: Script
    seen: list[Request] = field(default_factory=list)
    left: int = 0
    url: str = ""

    async def answer(self, reader: asyncio.StreamReader, writer: Writer) -> None:
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                while await self._answer_one(reader, writer):
                    pass
        finally:
            with contextlib.suppress(OSError):
                writer.close()

    async def _answer_one(self, reader: asyncio.StreamReader, writer: Writer) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        lines = head.split("\r\n")
        headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in lines[1:] if line)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        request = Request(lines[0].split(" ")[1], headers, body)
        self.seen.append(request)
        script = asyncio.ensure_future(self.script(request, writer))
        gone = asyncio.ensure_future(reader.read(1))
        await asyncio.wait({script, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not script.done() or isinstance(script.exception(), ConnectionError):
            self.left += 1
            script.cancel()
            return False
        if not gone.done():
            gone.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await gone
        script.result()
        return not writer.is_closing()


def reply(status: int, body: bytes | Mapping[str, Any], **headers: str) -> bytes:
    """A whole HTTP answer."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} X", "Content-Type: application/json", f"Content-Length: {len(data)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + data


STREAM_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


def chunked(data: bytes) -> bytes:
    """One chunk of a body."""
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


def delta(text: str | None = None, reason: str | None = None, **fields: Any) -> bytes:
    """One event of a chat stream."""
    content = {} if text is None else {"content": text}
    choice = {"index": 0, "delta": {**content, **fields}, "finish_reason": reason}
    tree = {"id": "c-1", "object": "chat.completion.chunk", "created": 1, "model": "up", "choices": [choice]}
    return b"data: " + json.dumps(tree).encode() + b"\n\n"


def completion(text: str, **message: Any) -> dict[str, Any]:
    """A whole chat answer."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text, **message}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    return {"id": "c-1", "object": "chat.completion", "created": 1, "model": "up", "choices": [choice], "usage": usage}


def streams(*events: bytes, end: bool = True) -> Script:
    """A script that streams events and ends properly."""

    async def script(request: Request, writer: Writer) -> None:
        writer.write(STREAM_HEAD + chunked(b"".join(events) + (b"data: [DONE]\n\n" if end else b"")) + b"0\r\n\r\n")
        await writer.drain()

    return script


def says(tree: Mapping[str, Any]) -> Script:
    """A script that gives one whole answer."""

    async def script(request: Request, writer: Writer) -> None:
        writer.write(reply(200, tree))
        await writer.drain()

    return script


class Loop:
    """An event loop in a thread."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, work: Awaitable[Any], seconds: float = LONG) -> Any:
        async def wrapped() -> Any:
            return await work

        return asyncio.run_coroutine_threadsafe(wrapped(), self.loop).result(seconds)

    def close(self) -> None:
        async def cancel_all() -> None:
            tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        self.run(cancel_all())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(LONG)
        self.loop.close()


@contextlib.contextmanager
def nasty(*scripts: Script) -> Iterator[list[Nasty]]:
    """Upstreams that each do as their script says."""
    loop = Loop()
    servers, found = [], []
    for script in scripts:
        upstream = Nasty(script)
        server = loop.run(asyncio.start_server(upstream.answer, "127.0.0.1", 0))
        upstream.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        servers.append(server)
        found.append(upstream)
    try:
        yield found
    finally:
        for server in servers:
            loop.loop.call_soon_threadsafe(server.close)
        loop.close()


@dataclass
class Answer:
    """What a client got."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> dict[str, Any]:
        found: dict[str, Any] = self.json()["error"]
        assert set(found) == {"message", "type", "param", "code"}
        return found

    @property
    def blocks(self) -> list[str]:
        """The stream's data, `[DONE]` included."""
        assert self.headers["content-type"].startswith("text/event-stream")
        return [block.removeprefix("data: ") for block in self.body.decode().split("\n\n") if block]

    @property
    def events(self) -> list[dict[str, Any]]:
        """The events of a stream that ended well."""
        blocks = self.blocks
        assert blocks.count("[DONE]") == 1
        assert blocks[-1] == "[DONE]"
        return [json.loads(block) for block in blocks[:-1]]

    def text(self, field: str = "content") -> str:
        choices = [choice for event in self.events for choice in event["choices"]]
        return "".join(choice["delta"].get(field) or "" for choice in choices)

    @property
    def reason(self) -> str | None:
        reasons = [c["finish_reason"] for event in self.events for c in event["choices"] if c["finish_reason"]]
        assert len(reasons) == 1
        return str(reasons[0])


class Client:
    """A client that is no library: what it sends is what is on the wire."""

    def __init__(self, port: int) -> None:
        self.port = port

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=LONG)

    def begin(self, body: bytes, path: str = CHAT, **headers: str) -> socket.socket:
        """Sends a request and leaves the answer to the caller."""
        client = self.connect()
        client.sendall(self._head("POST", path, {"content-length": str(len(body)), **headers}) + body)
        return client

    def drip(self, number: int) -> list[socket.socket]:
        """Begins so many requests whose bodies never come."""
        body = json.dumps({"messages": USER}).encode()
        return [self.begin(body[:1], **{"content-length": str(len(body))}) for _ in range(number)]

    def send(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        import http.client

        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=LONG)
        try:
            connection.request(method, path, body, {k.replace("_", "-"): v for k, v in headers.items()})
            response = connection.getresponse()
            pairs = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, pairs, response.read())
        finally:
            connection.close()

    def post(self, path: str = CHAT, **body: Any) -> Answer:
        return self.send("POST", path, json.dumps({"messages": USER, **body}).encode())

    def metric(self, name: str, **labels: str) -> float:
        return total(self.send("GET", "/metrics").body.decode(), f"seekforge_gateway_{name}", **labels)

    @staticmethod
    def _head(method: str, path: str, headers: Mapping[str, str]) -> bytes:
        lines = [f"{method} {path} HTTP/1.1", "host: gateway", *(f"{k}: {v}" for k, v in headers.items())]
        return "\r\n".join(lines).encode() + b"\r\n\r\n"


def read_all(connection: socket.socket, enough: bytes | None = None) -> bytes:
    """What comes until the other side ends it, or until `enough` has come; then it is closed."""
    found = b""
    with connection, contextlib.suppress(ConnectionError):
        while (enough is None or enough not in found) and (data := connection.recv(65536)):
            found += data
    return found


def status_of(connection: socket.socket) -> int:
    """Of the answer that begins to come."""
    return int(connection.recv(12).split()[1])


@contextlib.contextmanager
def running(app: GatewayApp) -> Iterator[Client]:
    """The app behind granian on a free port."""
    loop, port, stop = Loop(), free_port(), asyncio.Event()
    served = asyncio.run_coroutine_threadsafe(serve(app, "127.0.0.1", port, handle_signals=False, stop=stop), loop.loop)
    try:
        wait_for(lambda: listens(port))
        yield Client(port)
    finally:
        loop.loop.call_soon_threadsafe(stop.set)
        served.result(LONG)
        loop.close()


def config(*urls: str, upstream: Mapping[str, Any] | None = None, **fields: Any) -> GatewayConfig:
    """A gateway before upstreams `u0`, `u1` ..., which gives nothing up because the machine is slow.

    A test of a time-out sets that one, and none that a healthy part of it has to keep.

    Args:
        urls: Of the upstreams.
        upstream: What all of them have besides.
        fields: Of the config.
    """
    names = ("header_seconds", "body_seconds", "connect_seconds", "first_seconds", "idle_seconds", "send_seconds")
    limits = {**dict.fromkeys(names, LONG), **fields.pop("limits", {})}
    upstreams = [{"name": f"u{number}", "url": url, **(upstream or {})} for number, url in enumerate(urls)]
    return GatewayConfig.model_validate({"upstreams": upstreams, "limits": limits, "drain_seconds": 5, **fields})


def listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False
