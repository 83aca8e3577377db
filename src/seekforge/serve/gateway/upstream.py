"""The client side: one pool of connections, and the one place where an upstream is asked."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

import aiohttp
from yarl import URL

from seekforge.core.config.gateway import GatewayConfig, LimitsConfig, UpstreamConfig
from seekforge.core.errors import ConfigError
from seekforge.serve.gateway.choose import UpstreamState
from seekforge.serve.gateway.cost import DeviceClock
from seekforge.serve.gateway.exchange import Exchange
from seekforge.serve.gateway.failures import UpstreamError, from_status

ENDED = "the worker has ended and is started anew"
_SOON = 1.0  # seconds after which a kept upstream is worth asking again
_ERROR_BYTES, _STATE_BYTES = 64 << 10, 1 << 20
# Shorter than what servers keep an idle connection for (uvicorn 5 s), so that none is used just as it closes.
_KEEP_ALIVE = 4.0
_READ_BUFFER = 1 << 17  # aiohttp stops reading from an upstream at twice this, so a slow client costs no more


class Upstream:
    """One server as the gateway knows it.

    Args:
        config: Its address and key.

    Attributes:
        away: Why nothing can be asked of it now, where whoever runs it has said so; None when it can be.

    Raises:
        ConfigError: Its key cannot be read.
    """

    def __init__(self, config: UpstreamConfig) -> None:
        self.config, self.name = config, config.name
        self.state = UpstreamState(config.name)
        self.device = DeviceClock()
        self.away: str | None = None
        self._is_kept = False
        self._base = config.url
        self._urls: dict[str, URL] = {}
        # A compressed answer would have to be inflated before a word of it can be judged.
        self.headers = {"Content-Type": "application/json", "Accept-Encoding": "identity"}
        if config.api_key_file is not None:
            self.headers["Authorization"] = f"Bearer {_read_key(config)}"

    def url(self, path: str) -> URL:
        """The address of a path."""
        if path not in self._urls:
            self._urls[path] = URL(self._base + path)
        return self._urls[path]

    def gone(self, why: str) -> None:
        """Whoever runs it says that it cannot be asked: until `came` clients get 503 with this sentence."""
        self.away, self._is_kept = why, True
        self.state.cooling_until, self.state.answered_at = float("inf"), float("-inf")

    def came(self, url: str) -> None:
        """It answers again, perhaps elsewhere."""
        self.away, self._is_kept, self._base = None, True, url
        self._urls.clear()
        self.state.failures, self.state.cooling_until = 0, float("-inf")

    @property
    def is_kept(self) -> bool:
        """Somebody starts it anew when it ends, so it is worth asking again soon."""
        return self._is_kept

    def unreachable(self, why: str) -> UpstreamError:
        """The error that it cannot be asked."""
        if self._is_kept:
            return UpstreamError("unreachable", self.away or ENDED, status=503, after=_SOON)
        return UpstreamError("unreachable", why)

    def lost(self, error: Exception) -> UpstreamError:
        """The error that it broke off."""
        what = f"the upstream broke off ({type(error).__name__})"
        if self._is_kept:
            return UpstreamError("lost", what, status=503, after=_SOON)
        return UpstreamError("lost", what)

    def price(self, device_seconds: float) -> float:
        """What so many seconds cost; 0 without a price."""
        price = self.config.price
        return 0.0 if price is None else device_seconds * self.config.devices * price.per_device_hour / 3600


class Answer:
    """An upstream's answer while it is read. Closing it before its end cancels the upstream's work."""

    def __init__(self, upstream: Upstream, response: aiohttp.ClientResponse, close: Callable[[], None]) -> None:
        self._upstream, self._response, self._close = upstream, response, close
        self.status, self.headers = response.status, response.headers

    @property
    def is_stream(self) -> bool:
        """It is an event stream."""
        return self.headers.get("Content-Type", "").startswith("text/event-stream")

    async def piece(self) -> bytes:
        """The next bytes; none at the end.

        Raises:
            UpstreamError: The connection broke.
        """
        try:
            return await self._response.content.readany()
        except (aiohttp.ClientError, OSError) as error:
            raise self._upstream.lost(error) from error

    async def whole(self, largest: int) -> bytes:
        """All of it.

        Raises:
            UpstreamError: The connection broke, or there is too much.
        """
        pieces, size = [], 0
        while piece := await self.piece():
            size += len(piece)
            if size > largest:
                raise UpstreamError("malformed", f"the upstream's answer is larger than {largest} bytes")
            pieces.append(piece)
        return b"".join(pieces) if len(pieces) != 1 else pieces[0]

    async def check(self) -> None:
        """Looks at the status.

        Raises:
            UpstreamError: It is another than 200, or the answer is compressed all the same.
        """
        if self.status != 200:
            raise from_status(self.status, self.headers, await self.whole(_ERROR_BYTES))
        if self.headers.get("Content-Encoding", "identity") != "identity":
            raise UpstreamError("malformed", "the upstream compresses its answer, though it was asked not to")

    def close(self) -> None:
        """Gives the connection back, or cuts it if the answer has not ended; harmless the second time."""
        self._close()


class Pool:
    """All upstreams and the connections to them.

    Args:
        config: The gateway's.
        clock: Seconds, from anywhere.
    """

    def __init__(self, config: GatewayConfig, clock: Callable[[], float] = time.monotonic) -> None:
        self.upstreams = {upstream.name: Upstream(upstream) for upstream in config.upstreams}
        self.clock = clock
        self._limits = config.limits
        self._session: aiohttp.ClientSession | None = None

    def states(self, names: Sequence[str]) -> list[UpstreamState]:
        """What is known of some upstreams."""
        return [self.upstreams[name].state for name in names]

    async def ask(self, upstream: Upstream, path: str, body: bytes, exchange: Exchange) -> Answer:
        """Sends a request and returns as soon as the answer's head is there.

        This is the one place where an upstream's work begins; the answer must be closed.

        Raises:
            UpstreamError: There is no connection, or it broke before the head.
        """
        if upstream.away is not None:
            raise upstream.unreachable(upstream.away)
        state, clock = upstream.state, self.clock
        state.in_flight += 1
        state.taken += 1
        mark = upstream.device.begin(clock())
        response: aiohttp.ClientResponse | None = None
        is_open = True

        def close() -> None:
            nonlocal is_open
            if not is_open:
                return
            is_open = False
            state.in_flight -= 1
            seconds = upstream.device.end(mark, clock())
            exchange.device_seconds += seconds * upstream.config.devices
            exchange.cost += upstream.price(seconds)
            if response is not None:
                response.close()

        exchange.upstream = upstream.name
        headers = {**upstream.headers, "X-Request-Id": exchange.id}
        if (parent := exchange.request_headers.get(b"traceparent")) is not None:
            headers["Traceparent"] = parent.decode("latin-1")
        try:
            response = await self.session.post(upstream.url(path), data=body, headers=headers)
        except (aiohttp.ClientConnectorError, aiohttp.ServerTimeoutError) as error:
            close()
            raise upstream.unreachable("the upstream cannot be reached") from error
        except (aiohttp.ClientError, OSError) as error:
            close()
            raise upstream.lost(error) from error
        except BaseException:
            close()
            raise
        return Answer(upstream, response, close)

    async def get(self, upstream: Upstream, path: str, seconds: float) -> tuple[int, bytes]:
        """A small question about the upstream's own state: status and body, of which a mebibyte is read.

        Raises:
            UpstreamError: There was no answer in time.
        """
        if upstream.away is not None:
            raise upstream.unreachable(upstream.away)
        try:
            async with (
                asyncio.timeout(seconds),
                self.session.get(upstream.url(path), headers=upstream.headers) as response,
            ):
                body = bytearray()
                while len(body) < _STATE_BYTES and (piece := await response.content.readany()):
                    body += piece
                return response.status, bytes(body)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise UpstreamError("unreachable", f"the upstream does not answer {path}") from error

    @property
    def session(self) -> aiohttp.ClientSession:
        """The session, made within the event loop that first asks for it."""
        if self._session is None:
            self._session = _session(self._limits)
        return self._session

    async def close(self) -> None:
        """Closes all connections."""
        if self._session is not None:
            await self._session.close()


def _session(limits: LimitsConfig) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEP_ALIVE, ttl_dns_cache=30),
        # Deadlines are the gateway's own: aiohttp's would have to be told of every piece.
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=limits.connect_seconds),
        cookie_jar=aiohttp.DummyCookieJar(),
        skip_auto_headers=("User-Agent", "Accept"),
        auto_decompress=False,
        read_bufsize=_READ_BUFFER,
    )


def _read_key(config: UpstreamConfig) -> str:
    path = config.api_key_file
    assert path is not None
    try:
        key = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            "the upstream's key cannot be read", where=str(path), mend=f"Put it there for '{config.name}'"
        ) from error
    if not key or any(character.isspace() for character in key):
        raise ConfigError("the upstream's key is no single word", where=str(path), mend="One key, nothing else")
    return key
