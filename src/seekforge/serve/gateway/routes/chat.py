"""`POST /v1/chat/completions`: OpenAI's chat completions, whole or streamed."""

from __future__ import annotations

from typing import Any

from starlette.types import Send

from seekforge.serve.gateway.answer import answer, auditor, fill_template, judge, refuse_token_ids
from seekforge.serve.gateway.exchange import Exchange, Handler
from seekforge.serve.gateway.outgoing import View
from seekforge.serve.gateway.parts import Parts
from seekforge.serve.gateway.relay import Ask
from seekforge.serve.gateway.requests import ChatRequest, check_turns, understand
from seekforge.serve.gateway.schemas import check_schemas
from seekforge.serve.strict import parse

PATH = "/v1/chat/completions"


def prepare(parts: Parts, exchange: Exchange, tree: dict[str, Any], raw: bytes | None) -> tuple[Ask, View]:
    """What to ask for a chat request and what its client is to see.

    Args:
        parts: The gateway's.
        exchange: Whose request it is; learns the model's name.
        tree: The body; `template` and `values` are taken out of it.
        raw: The body's bytes, if they say the same.

    Raises:
        ApiError: A field is wrong, there is no such model or template, or the guard refuses it.
    """
    request = understand(tree, ChatRequest)
    check_turns(request.messages)
    check_schemas(tree)
    refuse_token_ids(parts, tree)
    served = parts.directory.find(request.model)
    exchange.model = served.name
    if "template" in tree or "values" in tree:
        raw = None
        tree.pop("template", None)
        tree.pop("values", None)
    given = tree["messages"]
    messages = fill_template(parts, request.template, served.name, given, request.values or {})
    messages = judge(parts, exchange, messages)
    if messages is not given:
        raw = None
        tree["messages"] = list(messages)
    view = View(
        "chat",
        served.name,
        served.reasoning,
        auditor(parts, exchange),
        hold=request.answers_in_json,
        usage=request.wants_usage,
    )
    return Ask(PATH, tree, served.targets, raw, request.stream is True, request.n or 1), view


def chat(parts: Parts) -> Handler:
    """The handler."""

    async def handle(exchange: Exchange, send: Send) -> None:
        ask, view = prepare(parts, exchange, parse(exchange.body), exchange.body)
        await answer(parts, exchange, send, ask, view)

    return handle
