"""JSON as clients send it, read without mercy: what two parsers could understand differently is refused."""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn

import msgspec

from seekforge.serve.errors import ApiError

MAX_DEPTH = 64
MAX_CONTAINERS = 100_000
# Characters that a string can only hold as an escape: NUL, and halves of surrogate pairs that may stand alone.
_SUSPECT = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")
encoder = msgspec.json.Encoder()
_decode = msgspec.json.Decoder().decode


def decode(data: bytes) -> Any:  # noqa: ANN401  whatever the JSON is
    """JSON of an upstream or of our own files, quickly; clients' is for `parse`.

    Raises:
        ValueError: It is none, or nested too deep.
    """
    try:
        return _decode(data)
    except RecursionError as error:
        raise ValueError("nested too deep") from error


def parse(body: bytes) -> dict[str, Any]:
    """The JSON object that the bytes are.

    Raises:
        ApiError: Not UTF-8, not JSON, no object, NaN or Infinity, a number out of range, a key twice, a lone surrogate,
            NUL, or nested too deep.
    """
    try:
        text = body.decode()
        tree = _DECODER.decode(text)
    except UnicodeDecodeError as error:
        raise _refusal(f"the body is not UTF-8 (byte {error.start})") from error
    except json.JSONDecodeError as error:
        raise _refusal(f"the body is not JSON: {error.msg} (character {error.pos})") from error
    except RecursionError as error:
        raise _refusal("the body is nested too deep") from error
    except ValueError as error:  # ours, or an integer of more digits than Python reads
        raise _refusal(str(error).partition(":")[0]) from error
    if not isinstance(tree, dict):
        raise _refusal("the body is not a JSON object")
    containers = text.count("{") + text.count("[")
    is_suspect = _SUSPECT.search(text) is not None
    if containers > MAX_CONTAINERS:
        raise _refusal(f"the body has more than {MAX_CONTAINERS} objects and arrays")
    if containers > MAX_DEPTH or is_suspect:
        _walk(tree, look_at_text=is_suspect)
    return tree


def _walk(tree: dict[str, Any], *, look_at_text: bool) -> None:
    level: list[Any] = [tree]
    for _ in range(MAX_DEPTH):
        inner: list[Any] = []
        for node in level:
            if look_at_text:
                _check_text(node)
            inner += (v for v in (node.values() if isinstance(node, dict) else node) if isinstance(v, dict | list))
        if not inner:
            return
        level = inner
    raise _refusal(f"the body is nested deeper than {MAX_DEPTH}")


def _check_text(node: dict[str, Any] | list[Any]) -> None:
    texts = [*node.keys(), *node.values()] if isinstance(node, dict) else node
    for text in texts:
        if not isinstance(text, str):
            continue
        if "\x00" in text:
            raise _refusal("a text holds the character NUL")
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise _refusal("a text holds half of a surrogate pair") from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    tree = dict(pairs)
    if len(tree) != len(pairs):
        raise ValueError("the body has a key twice")
    return tree


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError("a number is out of range")
    return value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number in JSON")


def _refusal(message: str) -> ApiError:
    return ApiError(400, message, code="invalid_json")


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_float=_finite, parse_constant=_no_constant)
