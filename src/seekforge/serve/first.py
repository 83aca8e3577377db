"""The first question of a new endpoint, asked as a client asks: over HTTP, through the whole gateway."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp

from seekforge.core.errors import EngineError

_NOT_YET = {429, 502, 503, 504}
_PAUSE = 0.1


async def first_answer(url: str, model: str, key: str | None, seconds: float, *, again: bool) -> None:
    """Returns once one token was decoded.

    Args:
        url: `http://HOST:PORT`.
        model: The model's name for clients.
        key: An API key, where they are on.
        seconds: How long to try.
        again: What does not answer may come back, so it is worth asking again.

    Raises:
        EngineError: There was no answer.
    """
    # `values` fills a template that every request gets; where there is none, they are not looked at.
    body: dict[str, Any] = {
        "model": model,
        "messages": [{"role": "user", "content": "Hi"}],
        "max_tokens": 1,
        "values": {"domain": "status"},
    }
    await _ask(url + "/v1/chat/completions", body, model, key, seconds, again=again)


async def first_vector(url: str, model: str, key: str | None, seconds: float) -> None:
    """Returns once one text was embedded; arguments and errors as those of `first_answer`."""
    await _ask(f"{url}/v1/embeddings", {"model": model, "input": "Hi"}, model, key, seconds, again=True)


async def _ask(url: str, body: dict[str, Any], model: str, key: str | None, seconds: float, *, again: bool) -> None:
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    try:
        async with asyncio.timeout(seconds), aiohttp.ClientSession(headers=headers) as session:
            while True:
                async with session.post(url, json=body) as response:
                    status, text = response.status, await response.text()
                if status == 200:
                    return
                if not again or status not in _NOT_YET:
                    raise EngineError(f"the first question was answered with {status}: {_message(text)}", where=model)
                await asyncio.sleep(_PAUSE)
    except TimeoutError as error:
        raise EngineError(f"the first question had no answer within {seconds:g} s", where=model) from error
    except aiohttp.ClientError as error:
        raise EngineError(f"the first question failed ({type(error).__name__})", where=model) from error


def _message(text: str) -> str:
    try:
        return str(json.loads(text)["error"]["message"])
    except (ValueError, LookupError, TypeError):
        return text[:200]
