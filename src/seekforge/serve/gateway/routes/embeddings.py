"""`POST /v1/embeddings`: OpenAI's embeddings; the upstream's answer as it is."""

from __future__ import annotations

from starlette.types import Send

from seekforge.serve.gateway.exchange import Exchange, Handler
from seekforge.serve.gateway.parts import Parts
from seekforge.serve.gateway.relay import Ask
from seekforge.serve.gateway.requests import EmbeddingRequest, understand
from seekforge.serve.gateway.wire import respond
from seekforge.serve.strict import encoder, parse

PATH = "/v1/embeddings"


def embeddings(parts: Parts) -> Handler:
    """The handler."""

    async def handle(exchange: Exchange, send: Send) -> None:
        tree = parse(exchange.body)
        served = parts.directory.find(understand(tree, EmbeddingRequest).model)
        exchange.model = served.name
        answer = await parts.relay.whole(Ask(PATH, tree, served.targets, exchange.body), exchange, key="data")
        usage = answer.tree.get("usage")
        exchange.usage = usage if isinstance(usage, dict) else None
        body = answer.raw
        if served.name and answer.tree.get("model") != served.name:
            body = encoder.encode({**answer.tree, "model": served.name})
        await respond(send, body)

    return handle
