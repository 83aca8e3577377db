"""Any OpenAI-compatible endpoint: many requests at once, patient with it, each failure told and none fatal."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from seekforge.core.config.chat import RemoteConfig
from seekforge.core.errors import ModelError
from seekforge.engines.chat.client import Client, Posted, shown
from seekforge.engines.chat.protocol import Heard, Reply, spoken, unheard
from seekforge.engines.protocol import Messages

CHAT_COMPLETIONS = "/v1/chat/completions"
_PING = [{"role": "user", "content": "Hi"}]


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
        self._client = Client(config)

    @property
    def name(self) -> str:
        """Kind, model, sampling; not the address, which may change while the model stays."""
        return f"openai {self._config.model} t={self._config.temperature:g} n={self._config.max_tokens}"

    def check(self) -> None:
        """Asks for a single token, with the patience of every other request.

        Raises:
            ModelError: No connection, or the endpoint refuses: the key, the model's name.
        """
        reply = self._ask([_PING], unheard, 1)[0]
        if reply.failure:
            raise ModelError(
                f"the endpoint does not answer for model '{self._config.model}' ({reply.failure})",
                where=self._config.url,
                mend="Check the address, the model's name and api_key_file, and whether it runs",
            )

    def ask(self, conversations: Sequence[Messages], heard: Heard = unheard) -> list[Reply]:
        """All answers; `concurrency` requests are under way at once."""
        return self._ask(conversations, heard, None)

    def _ask(self, conversations: Sequence[Messages], heard: Heard, ping: int | None) -> list[Reply]:
        replies: dict[int, Reply] = {}

        def arrived(number: int, posted: Posted) -> None:
            replies[number] = _reply(posted, is_ping=ping is not None, raw=self._config.raw)
            heard(number, replies[number])

        self._client.post(CHAT_COMPLETIONS, [self._body(turns, ping) for turns in conversations], arrived)
        return [replies[number] for number in range(len(conversations))]

    def _body(self, messages: Messages, ping: int | None) -> dict[str, Any]:
        return {
            "model": self._config.model,
            "messages": [dict(message) for message in messages],
            "temperature": self._config.temperature,
            "max_tokens": ping or self._config.max_tokens,
        }


def models_of(config: RemoteConfig) -> list[str]:
    """The names of an endpoint's models, by `GET /v1/models`.

    Raises:
        ModelError: It does not answer, or not with a list of models.
    """
    posted = Client(config).get("/v1/models")
    why = posted.failure
    if not why:
        try:
            return [str(model["id"]) for model in json.loads(posted.body)["data"]]
        except (ValueError, KeyError, TypeError):
            why = f"no list of models: {shown(posted.body)}"
    raise ModelError(
        f"the endpoint does not say which models it has ({why})",
        where=config.url,
        mend="Check the address and whether it runs, or name the model: URL#MODEL",
    )


def _reply(posted: Posted, *, is_ping: bool, raw: bool) -> Reply:
    if posted.failure:
        return Reply(failure=posted.failure, gone=posted.gone)
    return replace(_read(posted.body, is_ping=is_ping, raw=raw), seconds=posted.seconds)


def _read(answer: bytes, *, is_ping: bool, raw: bool) -> Reply:
    try:
        body = json.loads(answer)
        choice = body["choices"][0]
        text, reason = _text(choice["message"]["content"]), choice.get("finish_reason")
        tokens = int((body.get("usage") or {}).get("completion_tokens") or 0)
    except (ValueError, KeyError, IndexError, TypeError, AttributeError):
        return Reply(failure=f"no chat completion: {shown(answer)}")
    if is_ping:
        return Reply(text or "…")
    if reason == "content_filter":
        return Reply(failure="the endpoint's content filter stopped the answer")
    if raw:
        return Reply(text, finish_reason=str(reason or "stop"), tokens=tokens)
    if reason == "length":
        return Reply(failure="the answer was cut off at max_tokens", partial=text)
    return spoken(text)


def _text(content: Any) -> str:  # noqa: ANN401  an endpoint's JSON
    """Of an answer in one text, in parts as some endpoints give it, or of none (null: it only thought, or calls tools).

    Raises:
        TypeError: It is none of them.
    """
    if isinstance(content, list):
        return "".join(part["text"] for part in content if part.get("type") == "text")
    if not isinstance(content, str | None):
        raise TypeError("content")
    return content or ""
