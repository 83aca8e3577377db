"""`POST /v1/completions`: OpenAI's plain completions, whole or streamed."""

from __future__ import annotations

from typing import Any

from starlette.types import Send

from seekforge.serve.errors import ApiError
from seekforge.serve.gateway.answer import answer, auditor, judge, refuse_token_ids
from seekforge.serve.gateway.exchange import Exchange, Handler
from seekforge.serve.gateway.outgoing import View
from seekforge.serve.gateway.parts import Parts
from seekforge.serve.gateway.relay import Ask
from seekforge.serve.gateway.requests import CompletionRequest, understand
from seekforge.serve.strict import parse

PATH = "/v1/completions"


def completions(parts: Parts) -> Handler:
    """The handler."""

    async def handle(exchange: Exchange, send: Send) -> None:
        tree = parse(exchange.body)
        request = understand(tree, CompletionRequest)
        refuse_token_ids(parts, tree)
        served = parts.directory.find(request.model)
        exchange.model = served.name
        raw: bytes | None = exchange.body
        for name, text in (("prompt", request.prompt), ("suffix", request.suffix)):
            if text is not None and (judged := _judged(parts, exchange, text)) != text:
                tree[name], raw = judged, None
        view = View("text", served.name, "off", auditor(parts, exchange), usage=request.wants_usage)
        prompts = len(request.prompt) if _is_batch(request.prompt) else 1
        ask = Ask(PATH, tree, served.targets, raw, request.stream is True, (request.n or 1) * prompts)
        await answer(parts, exchange, send, ask, view)

    return handle


def _is_batch(prompt: Any) -> bool:  # noqa: ANN401  text, ids, or lists of them
    return isinstance(prompt, list) and bool(prompt) and not isinstance(prompt[0], int)


def _judged(parts: Parts, exchange: Exchange, prompt: Any) -> Any:  # noqa: ANN401
    """The prompt as the guard lets it pass; token ids cannot be judged, so with a guard they are refused."""
    if parts.guard is None:
        return prompt
    texts = [prompt] if isinstance(prompt, str) else prompt
    if not all(isinstance(text, str) for text in texts):
        raise ApiError(400, "prompt: send text; token ids cannot be judged", param="prompt", code="invalid_value")
    passed = [judge(parts, exchange, [{"role": "user", "content": text}])[-1]["content"] for text in texts]
    return passed[0] if isinstance(prompt, str) else passed
