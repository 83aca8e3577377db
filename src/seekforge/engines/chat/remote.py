"""Any OpenAI-compatible endpoint: many requests at once, patient with it, each failure told and none fatal."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, TypeVar

import aiohttp

from seekforge.core.config.chat import RemoteConfig
from seekforge.core.errors import ConfigError, ModelError
from seekforge.engines.chat.protocol import Heard, Reply, spoken, unheard
from seekforge.engines.protocol import Messages

Result = TypeVar("Result")

_LONGEST_WAIT = 60.0
# Worth another try: the server is busy, starting, or between two states. Everything else says no for good.
_PASSING = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
_OF_THE_TEXT = frozenset({400, 413, 422})  # too long, or found wanting: another text may pass
_BROKEN = (aiohttp.ClientError, OSError, TimeoutError)
_PING = [{"role": "user", "content": "Hi"}]
_SHOWN = 200  # characters of an endpoint's own error


class RemoteChat:
    """Asks `POST /v1/chat/completions`.

    Source: https://platform.openai.com/docs/api-reference/chat

    Args:
        config: Where it is and how it is asked.

    Raises:
        ConfigError: Its key cannot be read.
    """

    def __init__(self, config: RemoteConfig) -> None:
        self._config = config
        self._url = f"{config.url}/v1/chat/completions"
        self._headers = {"Authorization": f"Bearer {_read_key(config)}"} if config.api_key_file else {}

    @property
    def name(self) -> str:
        """Kind, model, sampling; not the address, which may change while the model stays."""
        return f"openai {self._config.model} t={self._config.temperature:g} n={self._config.max_tokens}"

    def check(self) -> None:
        """Asks for a single token, with the patience of every other request.

        Raises:
            ModelError: No connection, or the endpoint refuses: the key, the model's name.
        """
        reply = _run(self._all([_PING], unheard, 1))[0]
        if reply.failure:
            raise ModelError(
                f"the endpoint does not answer for model '{self._config.model}' ({reply.failure})",
                where=self._config.url,
                mend="Check the address, the model's name and api_key_file, and whether it runs",
            )

    def ask(self, conversations: Sequence[Messages], heard: Heard = unheard) -> list[Reply]:
        """All answers; `concurrency` requests are under way at once."""
        return _run(self._all(conversations, heard, None))

    async def _all(self, conversations: Sequence[Messages], heard: Heard, ping: int | None) -> list[Reply]:
        places = asyncio.Semaphore(self._config.concurrency)
        timeout = aiohttp.ClientTimeout(total=self._config.seconds)
        connector = aiohttp.TCPConnector(limit=0)  # `places` is the limit
        async with aiohttp.ClientSession(headers=self._headers, timeout=timeout, connector=connector) as session:

            async def one(index: int, messages: Messages) -> Reply:
                async with places:
                    reply = await self._patiently(session, messages, ping)
                heard(index, reply)
                return reply

            return list(await asyncio.gather(*(one(index, turns) for index, turns in enumerate(conversations))))

    async def _patiently(self, session: aiohttp.ClientSession, messages: Messages, ping: int | None) -> Reply:
        wait = self._config.backoff
        for attempt in range(1, self._config.attempts + 1):
            reply, again = await self._once(session, messages, ping)
            if again is None:
                return reply
            if attempt < self._config.attempts:
                await asyncio.sleep(min(_LONGEST_WAIT, max(wait, again)))
                wait *= 2
        return Reply(failure=f"{reply.failure}, in {self._config.attempts} tries", gone=True)

    async def _once(
        self, session: aiohttp.ClientSession, messages: Messages, ping: int | None
    ) -> tuple[Reply, float | None]:
        """The reply, and the least wait before another try; None where there is no use in one."""
        config = self._config
        body = {
            "model": config.model,
            "messages": [dict(message) for message in messages],
            "temperature": config.temperature,
            "max_tokens": ping or config.max_tokens,
        }
        started = time.perf_counter()
        try:
            async with session.post(self._url, json=body) as response:
                answer = await response.read()
        except _BROKEN as error:
            return Reply(failure=_why(error), gone=True), 0.0
        if response.status != 200:
            after = _seconds(response.headers.get("Retry-After"))
            failure = f"HTTP {response.status} {_shown(answer)}".strip()
            gone = response.status not in _OF_THE_TEXT
            return Reply(failure=failure, gone=gone), after if response.status in _PASSING else None
        reply = _read(answer, is_ping=ping is not None, raw=config.raw)
        return replace(reply, seconds=time.perf_counter() - started), None


def models_of(config: RemoteConfig) -> list[str]:
    """The names of an endpoint's models, by `GET /v1/models`.

    Raises:
        ModelError: It does not answer, or not with a list of models.
    """
    headers = {"Authorization": f"Bearer {_read_key(config)}"} if config.api_key_file else {}

    async def ask() -> list[str]:
        timeout = aiohttp.ClientTimeout(total=config.seconds)
        async with (
            aiohttp.ClientSession(headers=headers, timeout=timeout) as session,
            session.get(f"{config.url}/v1/models") as response,
        ):
            answer = await response.read()
            if response.status != 200:
                raise ValueError(f"HTTP {response.status} {_shown(answer)}".strip())
            return [str(model["id"]) for model in json.loads(answer)["data"]]

    try:
        return _run(ask())
    except (*_BROKEN, ValueError, KeyError, TypeError) as error:
        why = str(error) if isinstance(error, ValueError) else _why(error)
        raise ModelError(
            f"the endpoint does not say which models it has ({why})",
            where=config.url,
            mend="Check the address and whether it runs, or name the model: URL#MODEL",
        ) from error


def _run(work: Coroutine[Any, Any, Result]) -> Result:
    """Runs it to the end; in a thread of its own where the caller's is a notebook's, which has a loop already."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


def _read(answer: bytes, *, is_ping: bool, raw: bool) -> Reply:
    try:
        body = json.loads(answer)
        choice = body["choices"][0]
        text, reason = choice["message"]["content"] or "", choice.get("finish_reason")
        tokens = int((body.get("usage") or {}).get("completion_tokens") or 0)
    except (ValueError, KeyError, IndexError, TypeError):
        return Reply(failure=f"no chat completion: {_shown(answer)}")
    if is_ping:
        return Reply(text or "…")
    if reason == "content_filter":
        return Reply(failure="the endpoint's content filter stopped the answer")
    if raw:
        return Reply(str(text), finish_reason=str(reason or "stop"), tokens=tokens)
    if reason == "length":
        return Reply(failure="the answer was cut off at max_tokens", partial=str(text))
    return spoken(str(text))


def _why(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _seconds(retry_after: str | None) -> float:
    return float(retry_after) if retry_after is not None and retry_after.isdigit() else 0.0


def _shown(answer: bytes) -> str:
    """The endpoint's own words, in one line."""
    text = answer.decode("utf-8", "replace")
    try:
        error: Any = json.loads(text)
        error = error.get("error", error) if isinstance(error, dict) else error
        text = str(error.get("message", error)) if isinstance(error, dict) else str(error)
    except ValueError:
        pass
    return " ".join(text.split())[:_SHOWN]


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
