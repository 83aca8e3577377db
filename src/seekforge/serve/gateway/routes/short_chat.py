"""`POST /v1/chat`: the short shape, whole answers only.

`{"messages": [...], "temperature": 0.7, "max_tokens": 512}` gives `{"id", "model", "content", "finish_reason",
"usage"}`; the numbers are the defaults. All other fields of chat completions may be sent as well.
"""

from __future__ import annotations

from starlette.types import Send

from seekforge.serve.errors import ApiError
from seekforge.serve.gateway.answer import whole
from seekforge.serve.gateway.exchange import Exchange, Handler
from seekforge.serve.gateway.parts import Parts
from seekforge.serve.gateway.routes.chat import prepare
from seekforge.serve.gateway.wire import respond_json
from seekforge.serve.strict import parse

PATH = "/v1/chat"


def short_chat(parts: Parts) -> Handler:
    """The handler."""

    async def handle(exchange: Exchange, send: Send) -> None:
        tree = parse(exchange.body)
        if tree.get("stream") is True:
            raise ApiError(400, "stream: use /v1/chat/completions for streams", param="stream", code="invalid_value")
        if tree.get("temperature") is None:
            tree["temperature"] = 0.7
        if tree.get("max_tokens") is None and tree.get("max_completion_tokens") is None:
            tree["max_tokens"] = 512
        ask, view = prepare(parts, exchange, tree, None)
        _, answer = await whole(parts, exchange, ask, view)
        choice = answer["choices"][0]
        message = choice.get("message") or {}
        short = {
            "id": answer.get("id"),
            "model": answer.get("model"),
            "content": message.get("content"),
            "finish_reason": choice.get("finish_reason"),
            "usage": answer.get("usage"),
        }
        if message.get("reasoning_content"):
            short["reasoning_content"] = message["reasoning_content"]
        await respond_json(send, short)

    return handle
