"""Load of streamed answers that costs little: `python -m benchmarks.sse_load`, a JSON line in, a JSON line out.

On two cores a client takes its time from the server that it measures. `seekforge.serve.bench` on asyncio took 43
microseconds of processor time a token (16 at once, an upstream that only writes events), on uvloop 20, this 9; most of
it went to aiohttp's readers, not to the JSON. So this reads bytes, looks for the first text, and understands an answer
at its end.
"""

from __future__ import annotations

import asyncio
import json
import math
import re
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import cast

_FIRST = re.compile(rb'"content": ?"[^"]')  # an event whose text is not empty
_SIZE = re.compile(rb"([0-9a-fA-F]+)\r\n")
_OVERLAP = 16  # so many bytes are looked at again, as a read may end within what is looked for
_END = b"\r\n0\r\n\r\n"  # the last chunk; events hold no carriage return, so nothing else looks like it
_LONGEST = 300  # seconds for all of a load


@dataclass(frozen=True, slots=True)
class Answer:
    """One request: seconds to the first text and to the end, and what the server counted; `error` if it failed."""

    ttft: float
    latency: float
    tokens: int
    prompt_tokens: int
    cached_tokens: int
    error: str | None = None


def understand(raw: bytes, ttft: float, latency: float) -> Answer:
    """A whole response.

    Args:
        raw: Head and body as they came.
        ttft: Seconds to the first text; NaN where none came.
        latency: Seconds to the end.
    """
    head, _, body = raw.partition(b"\r\n\r\n")
    events = [line[6:] for line in unchunk(body).split(b"\n") if line.startswith(b"data: ")]
    usage = next((json.loads(event)["usage"] for event in reversed(events) if b'"usage":{' in event), None)
    if not head.startswith(b"HTTP/1.1 200") or usage is None or events[-1].strip() != b"[DONE]" or math.isnan(ttft):
        return Answer(ttft, latency, 0, 0, 0, raw[-400:].decode("utf-8", "replace"))
    cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens", 0)
    return Answer(ttft, latency, usage["completion_tokens"], usage["prompt_tokens"], cached)


def unchunk(body: bytes) -> bytes:
    r"""The body without HTTP's chunk sizes; as it is, where it has none.

    >>> unchunk(b"5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n")
    b'hello!'
    """
    parts, at = [], 0
    while match := _SIZE.match(body, at):
        size = int(match[1], 16)
        parts.append(body[match.end() : match.end() + size])
        at = match.end() + size + 2
    return b"".join(parts) if parts else body


class Request(asyncio.Protocol):
    """One request on a connection of its own."""

    def __init__(self, request: bytes) -> None:
        self._request, self._raw, self._ttft, self._looked = request, bytearray(), math.nan, 0
        self.answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Sends it."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one by its methods only
        self._started = time.perf_counter()
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """Takes what came."""
        self._raw += data
        if math.isnan(self._ttft):
            if _FIRST.search(self._raw, self._looked):
                self._ttft = time.perf_counter() - self._started
            self._looked = max(0, len(self._raw) - _OVERLAP)
        if self._raw.endswith(_END):
            self._finish()
            self._transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        """The end, where no last chunk told it."""
        self._finish()

    def _finish(self) -> None:
        if not self.answer.done():
            latency = time.perf_counter() - self._started
            self.answer.set_result(understand(bytes(self._raw), self._ttft, latency))


async def load(port: int, requests: Sequence[bytes], at_once: int) -> tuple[list[Answer], float]:
    """Sends all requests, so many at once; returns their answers and the seconds that all took."""
    loop, answers = asyncio.get_running_loop(), list[Answer]()

    async def client(left: Iterator[bytes]) -> None:
        for request in left:
            _, sent = await loop.create_connection(partial(Request, request), "127.0.0.1", port)
            answers.append(await sent.answer)

    left, started = iter(requests), time.perf_counter()
    async with asyncio.timeout(_LONGEST):
        await asyncio.gather(*(client(left) for _ in range(at_once)))
    return answers, time.perf_counter() - started


def request_bytes(port: int, key: str | None, body: dict[str, object]) -> bytes:
    """A chat request as it goes over the wire."""
    content = json.dumps(body).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
    head += "" if key is None else f"Authorization: Bearer {key}\r\n"
    return f"{head}Content-Length: {len(content)}\r\nConnection: close\r\n\r\n".encode() + content


def main() -> None:
    """Answers lines until the input ends."""
    import uvloop

    for line in sys.stdin:
        order = json.loads(line)
        requests = [request_bytes(order["port"], order["key"], body) for body in order["bodies"]]
        try:
            answers, seconds = uvloop.run(load(order["port"], requests, order["at_once"]))
        except TimeoutError:
            print(json.dumps({"error": f"the answers were not there within {_LONGEST} s"}), flush=True)
        else:
            print(json.dumps({"seconds": seconds, "answers": [asdict(answer) for answer in answers]}), flush=True)


if __name__ == "__main__":
    main()
