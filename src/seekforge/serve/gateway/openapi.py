"""The OpenAPI document of the gateway's routes, and a page made of it that fetches nothing from elsewhere."""

from __future__ import annotations

from html import escape
from typing import Any

from seekforge import __version__
from seekforge.serve.body import MOST_MESSAGES

_TEXT, _NUMBER, _WHOLE, _FLAG = ({"type": kind} for kind in ("string", "number", "integer", "boolean"))
_COUNT = {"type": "integer", "minimum": 1, "maximum": 1 << 30}
_SAMPLING: dict[str, Any] = {
    "model": {**_TEXT, "minLength": 1, "maxLength": 256, "description": "A name from /v1/models."},
    "temperature": {**_NUMBER, "minimum": 0, "maximum": 2},
    "top_p": {**_NUMBER, "exclusiveMinimum": 0, "maximum": 1},
    "max_tokens": _COUNT,
    "n": {**_WHOLE, "minimum": 1, "maximum": 64},
    "seed": {**_WHOLE, "minimum": -(1 << 63), "maximum": (1 << 63) - 1},
    "stop": {"anyOf": [_TEXT, {"type": "array", "items": _TEXT}]},
    "frequency_penalty": {**_NUMBER, "minimum": -2, "maximum": 2},
    "presence_penalty": {**_NUMBER, "minimum": -2, "maximum": 2},
    "user": _TEXT,
    "stream": _FLAG,
    "stream_options": {"type": "object", "properties": {"include_usage": _FLAG}},
}
_MESSAGE = {
    "type": "object",
    "required": ["role", "content"],
    "properties": {
        "role": {"enum": ["system", "developer", "user", "assistant", "tool", "function"]},
        "content": _TEXT,
    },
}
_CHAT: dict[str, Any] = {
    "messages": {"type": "array", "minItems": 1, "maxItems": MOST_MESSAGES, "items": _MESSAGE},
    **_SAMPLING,
    "max_completion_tokens": _COUNT,
    "template": {**_TEXT, "minLength": 1, "maxLength": 256, "description": "A prompt template by name."},
    "values": {"type": "object", "additionalProperties": _TEXT, "description": "What the template asks for."},
}
_SHORT = {name: value for name, value in _CHAT.items() if name not in {"stream", "stream_options", "n"}}
_PROMPT = {"anyOf": [_TEXT, {"type": "array", "items": _TEXT, "minItems": 1}]}
_IDS = {"type": "array", "items": _WHOLE, "minItems": 1}
_ID = {"name": "id", "in": "path", "required": True, "schema": _TEXT}
_RATING = {"anyOf": [{"enum": ["up", "down"]}, {"type": "integer", "minimum": 1, "maximum": 5}]}
_FEEDBACK: dict[str, Any] = {
    "id": {**_TEXT, "minLength": 1, "maxLength": 128, "pattern": "^[!-~]+$", "description": "The answer's id."},
    "rating": _RATING,
    "comment": {**_TEXT, "maxLength": 4000},
    "user": {**_TEXT, "maxLength": 128, "description": "Whom of your users it comes from."},
    "model": {**_TEXT, "minLength": 1, "maxLength": 256, "description": "Who answered; by default the first model."},
}
_ERROR_STATUS = {
    "400": "A field is wrong, or the guard refuses the text (`content_refused`).",
    "401": "No known key.",
    "403": "The key does not allow this.",
    "404": "No such model or route.",
    "405": "Another method.",
    "408": "The body came too slowly.",
    "413": "The body is too large.",
    "415": "A content encoding that is not understood.",
    "429": "Too much for this key or for the engines; `Retry-After` says when to come again.",
    "502": "The upstream failed before its answer.",
    "503": "No engine is there.",
    "504": "No answer in time.",
}


def document() -> dict[str, Any]:
    """The document, OpenAPI 3.1."""
    paths = {
        "/v1/chat/completions": _post("Chat completions, as OpenAI's", _CHAT, ["messages"]),
        "/v1/chat": _post("The short shape: id, model, content, finish_reason, usage", _SHORT, ["messages"]),
        "/v1/completions": _post("Plain completions, as OpenAI's", {"prompt": _PROMPT, **_SAMPLING}, ["prompt"]),
        "/v1/embeddings": _post(
            "Embeddings, as OpenAI's",
            {"input": {"anyOf": [*_PROMPT["anyOf"], _IDS]}, "model": _SAMPLING["model"], "dimensions": _COUNT},
            ["input"],
        ),
        "/v1/feedback": _post("A rating of an answer", _FEEDBACK, ["id", "rating"], additionalProperties=False),
        "/v1/models": _get("Names for `model`"),
        "/v1/models/{id}": _get("One of them; 404 when there is none of that name", parameters=[_ID]),
        "/healthz": _get("The process lives", is_open=True),
        "/readyz": _get("An engine answers; 503 when none does", is_open=True),
        "/metrics": _get("Prometheus' exposition", "text/plain"),
        "/openapi.json": _get("This document", is_open=True),
        "/docs": _get("This document for people", "text/html", is_open=True),
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "seekforge gateway", "version": __version__},
        "security": [{"key": []}, {}],
        "paths": paths,
        "components": {
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
            "schemas": {
                "Error": {
                    "type": "object",
                    "required": ["error"],
                    "properties": {
                        "error": {
                            "type": "object",
                            "required": ["message", "type", "param", "code"],
                            "properties": {
                                "message": _TEXT,
                                "type": _TEXT,
                                "param": {"type": ["string", "null"]},
                                "code": {"type": ["string", "null"]},
                            },
                        }
                    },
                }
            },
        },
    }


def page(tree: dict[str, Any]) -> str:
    """The document as one page of HTML."""
    title = f"{tree['info']['title']} {tree['info']['version']}"
    sections = "".join(
        f"<section><h2><code>{method.upper()} {escape(path)}</code></h2><p>{escape(operation['summary'])}</p>"
        f"{_fields(operation)}</section>"
        for path, methods in tree["paths"].items()
        for method, operation in methods.items()
    )
    errors = "".join(f"<tr><td>{status}<td>{escape(text)}" for status, text in _ERROR_STATUS.items())
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        "<style>body{font:16px/1.5 system-ui,sans-serif;max-width:56rem;margin:2rem auto;padding:0 1rem}"
        "h2{font-size:1.1rem;margin-bottom:0}table{border-collapse:collapse}"
        "td,th{border:1px solid #8884;padding:.2rem .6rem;text-align:left}:root{color-scheme:light dark}</style>"
        f"<h1>{escape(title)}</h1><p>The same for programs: <a href='openapi.json'>openapi.json</a>.</p>{sections}"
        f"<section><h2>Errors</h2><p>As OpenAI writes them.</p><table>{errors}</table></section>"
    )


def _post(summary: str, fields: dict[str, Any], required: list[str], **more: Any) -> dict[str, Any]:  # noqa: ANN401
    schema = {"type": "object", "required": required, "properties": fields, **more}
    body = {"required": True, "content": {"application/json": {"schema": schema}}}
    return {"post": {"summary": summary, "requestBody": body, "responses": _responses("application/json")}}


def _get(summary: str, kind: str = "application/json", *, is_open: bool = False, **more: Any) -> dict[str, Any]:  # noqa: ANN401
    operation: dict[str, Any] = {"summary": summary, "responses": _responses(kind), **more}
    return {"get": {**operation, "security": []} if is_open else operation}


def _responses(kind: str) -> dict[str, Any]:
    error = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    failures = {status: {"description": text, "content": error} for status, text in _ERROR_STATUS.items()}
    return {"200": {"description": "The answer.", "content": {kind: {}}}, **failures}


def _fields(operation: dict[str, Any]) -> str:
    if "requestBody" not in operation:
        return ""
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    rows = "".join(
        f"<tr><td><code>{escape(name)}</code><td>{'required' if name in schema['required'] else ''}"
        f"<td>{escape(_kind(field))}<td>{escape(field.get('description', ''))}"
        for name, field in schema["properties"].items()
    )
    return f"<table>{rows}</table>"


def _kind(field: dict[str, Any]) -> str:
    if "anyOf" in field:
        return " or ".join(_kind(one) for one in field["anyOf"])
    if "enum" in field:
        return ", ".join(map(str, field["enum"]))
    return f"{field['type']} of {_kind(field['items'])}" if "items" in field else str(field["type"])
