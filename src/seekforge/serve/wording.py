"""What a client is told of a field that does not fit: our words, whichever library found it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic_core import ErrorDetails

_KINDS = {
    "str": "a text",
    "string": "a text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "list": "a list",
    "tuple": "a list",
    "object": "an object",
    "dict": "an object",
    "model": "an object",
}
_SIGNS = {">=": "at least", "<=": "at most", ">": "above", "<": "below"}
_BOUNDS = {
    "greater_than_equal": ("ge", ">="),
    "less_than_equal": ("le", "<="),
    "greater_than": ("gt", ">"),
    "less_than": ("lt", "<"),
}
_LENGTHS = {"too_short": ("min_length", ">="), "too_long": ("max_length", "<=")}
_MSGSPEC_KINDS = re.compile(r"Expected `([^`]+)`(?:, got .*)?")
_MSGSPEC_BOUND = re.compile(r"Expected `(?:int|float)` (>=|<=|>|<) (\S+)")
_MSGSPEC_LENGTH = re.compile(r"Expected `(str|array)` of length (>=|<=) (\d+)")
_MISFIT = "has not the form that is asked for"


def of_pydantic(problems: Sequence[ErrorDetails]) -> str:
    """Pydantic's problems with one field; there are several where it takes more than one kind of value."""
    kinds = [_kind_of(problem["type"]) for problem in problems]
    if all(kinds):
        return f"must be {one_of(dict.fromkeys(map(str, kinds)))}"
    closest = problems[kinds.index(None)]  # of the right kind
    return _single(closest["type"], closest.get("ctx", {}), closest["msg"])


def of_msgspec(text: str) -> str:
    """Msgspec's message, without the place."""
    if found := _MSGSPEC_BOUND.fullmatch(text):
        return _bound(found[1], found[2].removesuffix(".0"))
    if found := _MSGSPEC_LENGTH.fullmatch(text):
        return _length("characters" if found[1] == "str" else "items", found[2], int(found[3]))
    if found := _MSGSPEC_KINDS.fullmatch(text):
        kinds = [_KINDS[name] for name in found[1].split(" | ") if name in _KINDS]
        return f"must be {one_of(kinds)}" if kinds else _MISFIT
    return _MISFIT


def one_of(choices: Iterable[str]) -> str:
    """Several as one phrase.

    >>> one_of(["a text", "a list", "an object"])
    'a text, a list or an object'
    """
    *others, last = choices
    return f"{', '.join(others)} or {last}" if others else last


def _single(kind: str, context: Mapping[str, Any], message: str) -> str:
    if kind == "missing":
        return "is missing"
    if kind == "value_error":  # our own validators' words
        return message.removeprefix("Value error, ")
    if kind == "literal_error":
        return f"must be {context['expected']}"
    if kind in _BOUNDS:
        key, sign = _BOUNDS[kind]
        return _bound(sign, f"{context[key]:g}" if isinstance(context[key], float) else context[key])
    if (ending := kind.removeprefix("string_")) in _LENGTHS:
        key, sign = _LENGTHS[ending]
        return _length("items" if ending == kind else "characters", sign, context[key])
    return _MISFIT


def _kind_of(kind: str) -> str | None:
    """What `string_type`, `int_from_float`, `finite_number` ... asked for."""
    if kind == "finite_number":
        return _KINDS["float"]
    name, _, ending = kind.partition("_")
    return _KINDS.get(name) if ending in {"type", "from_float", "attributes_type", "parsing_size"} else None


def _bound(sign: str, number: object) -> str:
    return f"must be {_SIGNS[sign]} {number}"


def _length(noun: str, sign: str, number: int) -> str:
    return f"must have {_SIGNS[sign]} {number} {noun.removesuffix('s') if number == 1 else noun}"
