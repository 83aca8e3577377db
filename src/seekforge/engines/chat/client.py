"""Many requests to an OpenAI-compatible endpoint at once, patient with it, each failure told and none fatal."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import aiohttp

from seekforge.core.config.chat import RemoteConfig
from seekforge.core.errors import ConfigError

Result = TypeVar("Result")
_LONGEST_WAIT = 60.0
# Worth another try: the server is busy, starting, or between two states. Everything else says no for good.
_PASSING = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
_OF_THE_TEXT = frozenset({400, 413, 422})  # too long, or found wanting: another text may pass
_BROKEN = (aiohttp.ClientError, OSError, TimeoutError)
_SHOWN = 200  # characters of an endpoint's own error


@dataclass(frozen=True, slots=True)
class Posted:
    """What came back of one request.

    Attributes:
        body: The answer's bytes; empty where it failed.
        failure: Why there is none, for people: `HTTP 503, in 4 tries`.
        gone: It failed for whoever answers, not for what was asked.
        seconds: From the question, of the last try, to the whole answer.
    """

    body: bytes = b""
    failure: str = ""
    gone: bool = False
    seconds: float = 0.0


Arrived = Callable[[int, Posted], None]


class Client:
    """One endpoint.

    Args:
        config: Where it is and how patiently it is asked.

    Raises:
        ConfigError: Its key cannot be read.
    """

    def __init__(self, config: RemoteConfig) -> None:
        self._config = config
        self._headers = {"Authorization": f"Bearer {_read_key(config)}"} if config.api_key_file else {}

    def post(self, path: str, bodies: Sequence[Mapping[str, Any]], arrived: Arrived) -> list[Posted]:
        """All answers, in order; `concurrency` requests are under way at once.

        Args:
            path: Behind the address: `/v1/chat/completions`.
            bodies: One a request.
            arrived: Gets number and answer as soon as each has come.
        """
        return _run(self._all("POST", path, bodies, arrived))

    def get(self, path: str) -> Posted:
        """One answer to a GET."""
        return _run(self._all("GET", path, [{}], lambda number, posted: None))[0]

    async def _all(self, method: str, path: str, bodies: Sequence[Mapping[str, Any]], arrived: Arrived) -> list[Posted]:
        places = asyncio.Semaphore(self._config.concurrency)
        timeout = aiohttp.ClientTimeout(total=self._config.seconds)
        connector = aiohttp.TCPConnector(limit=0)  # `places` is the limit
        async with aiohttp.ClientSession(headers=self._headers, timeout=timeout, connector=connector) as session:

            async def one(number: int, body: Mapping[str, Any]) -> Posted:
                async with places:
                    posted = await self._patiently(session, method, path, body)
                arrived(number, posted)
                return posted

            return list(await asyncio.gather(*(one(number, body) for number, body in enumerate(bodies))))

    async def _patiently(
        self, session: aiohttp.ClientSession, method: str, path: str, body: Mapping[str, Any]
    ) -> Posted:
        wait = self._config.backoff
        for attempt in range(1, self._config.attempts + 1):
            posted, again = await self._once(session, method, path, body)
            if again is None:
                return posted
            if attempt < self._config.attempts:
                await asyncio.sleep(min(_LONGEST_WAIT, max(wait, again)))
                wait *= 2
        return Posted(failure=f"{posted.failure}, in {self._config.attempts} tries", gone=True)

    async def _once(
        self, session: aiohttp.ClientSession, method: str, path: str, body: Mapping[str, Any]
    ) -> tuple[Posted, float | None]:
        """The answer, and the least wait before another try; None where there is no use in one."""
        content = dict(body) if method == "POST" else None
        started = time.perf_counter()
        try:
            async with session.request(method, f"{self._config.url}{path}", json=content) as response:
                answer = await response.read()
        except _BROKEN as error:
            return Posted(failure=_why(error), gone=True), 0.0
        if response.status != 200:
            after = _seconds(response.headers.get("Retry-After"))
            failure = f"HTTP {response.status} {shown(answer)}".strip()
            gone = response.status not in _OF_THE_TEXT
            return Posted(failure=failure, gone=gone), after if response.status in _PASSING else None
        return Posted(answer, seconds=time.perf_counter() - started), None


def shown(answer: bytes) -> str:
    """The endpoint's own words, in one line."""
    text = answer.decode("utf-8", "replace")
    try:
        error: Any = json.loads(text)
        error = error.get("error", error) if isinstance(error, dict) else error
        text = str(error.get("message", error)) if isinstance(error, dict) else str(error)
    except ValueError:
        pass
    return " ".join(text.split())[:_SHOWN]


def _run(work: Coroutine[Any, Any, Result]) -> Result:
    """Runs it to the end; in a thread of its own where the caller's is a notebook's, which has a loop already."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


def _why(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _seconds(retry_after: str | None) -> float:
    return float(retry_after) if retry_after is not None and retry_after.isdigit() else 0.0


def _read_key(config: RemoteConfig) -> str:
    path = config.api_key_file
    assert path is not None
    try:
        key = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError("the key cannot be read", where=str(path), mend="Put the endpoint's key there") from error
    if not key or any(character.isspace() for character in key):
        raise ConfigError("the key is no single word", where=str(path), mend="One key, nothing else")
    return key
