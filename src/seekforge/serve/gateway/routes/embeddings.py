"""`POST /v1/embeddings`: OpenAI's embeddings; the upstream's answer as it is."""

from __future__ import annotations

from starlette.types import Send

from seekforge.serve.errors import ApiError
from seekforge.serve.gateway.exchange import Exchange, Handler
from seekforge.serve.gateway.parts import Parts
from seekforge.serve.gateway.relay import Ask
from seekforge.serve.gateway.requests import EmbeddingRequest, understand
from seekforge.serve.gateway.wire import respond
from seekforge.serve.strict import encoder, parse
from seekforge.serve.wording import one_of

PATH = "/v1/embeddings"


def _has_no_such_route(error: ApiError) -> bool:
    """The upstream knows no embeddings: it writes `Not Found`, as servers do, and nothing of a model."""
    return error.status == 404 and error.param is None and "model" not in error.message


def _no_embedder(parts: Parts, name: str) -> ApiError:
    there = [model for upstream in parts.config.upstreams if upstream.embeds for model in upstream.models or ()]
    mend = f"ask {one_of(map(repr, there))}" if there else "start with --embed e5"
    whose = f"'{name}'" if name else "the model"
    return ApiError(404, f"{whose} gives no embeddings; {mend}", param="model", code="no_embedder")


def embeddings(parts: Parts) -> Handler:
    """The handler."""

    async def handle(exchange: Exchange, send: Send) -> None:
        tree = parse(exchange.body)
        served = parts.directory.find(understand(tree, EmbeddingRequest).model)
        exchange.model = served.name
        try:
            answer = await parts.relay.whole(Ask(PATH, tree, served.targets, exchange.body), exchange, key="data")
        except ApiError as error:
            if not _has_no_such_route(error):
                raise
            raise _no_embedder(parts, served.name) from error
        usage = answer.tree.get("usage")
        exchange.usage = usage if isinstance(usage, dict) else None
        body = answer.raw
        if served.name and answer.tree.get("model") != served.name:
            body = encoder.encode({**answer.tree, "model": served.name})
        await respond(send, body)

    return handle
