"""Which JSON Schemas an answer may be bound to.

A schema is compiled into a grammar inside the engine's step, where an error ends the engine and a long compilation
holds up every other answer. So only keywords that are known to compile pass, without recursion and within sizes; the
rest is refused before the engine sees it.

Vocabulary: https://json-schema.org/draft/2020-12/json-schema-validation.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from seekforge.core.errors import InputError

ANY_OBJECT = '{"type": "object", "additionalProperties": true}'
_TYPES = frozenset({"object", "array", "string", "number", "integer", "boolean", "null"})
_WORDS = frozenset({"title", "description", "default", "examples", "$schema", "$id", "$comment", "format"})
_KNOWN = _WORDS | {
    "type", "properties", "required", "additionalProperties", "items", "minItems", "maxItems", "enum", "const",
    "anyOf", "$ref", "$defs", "definitions", "minLength", "maxLength", "minimum", "maximum",
}  # fmt: skip
_LARGEST_TEXT = 32 << 10
_LARGEST = {"minItems": 256, "maxItems": 256, "minLength": 64, "maxLength": 64}
_LONGEST_TOGETHER = 256  # sixteen texts of up to 70 characters took twenty seconds to compile, four of 60 one
_MOST_PLACES = 256
_DEEPEST = 24
# Names go into the grammar as they are: in OpenVINO GenAI 2026.4 one of these in a name ends the engine.
_UNSAFE = re.compile(r'["\\\x00-\x1f\x7f-\x9f\u2028\u2029]')


def check_schema(schema: object, where: str = "response_format") -> str:
    """The schema as text for the engine.

    Args:
        schema: What the client sent.
        where: The request's field, for messages.

    Raises:
        InputError: It is no schema, uses a keyword that is not known, refers to itself, or is too large.
    """
    text = json.dumps(schema, ensure_ascii=False)
    if len(text) > _LARGEST_TEXT:
        raise InputError(f"the schema has more than {_LARGEST_TEXT >> 10} KiB", where=where)
    if not isinstance(schema, Mapping):
        raise InputError("a schema is an object", where=where)
    total = 0
    for number, (depth, place) in enumerate(_places(schema, schema, where, ())):
        if depth > _DEEPEST or number >= _MOST_PLACES:
            raise InputError(f"the schema is deeper than {_DEEPEST} or has over {_MOST_PLACES} places", where=where)
        _check_place(place, where)
        total += max(place.get("minLength", 0), place.get("maxLength", 0))
        if total > _LONGEST_TOGETHER:
            raise InputError(f"the schema's lengths add up to more than {_LONGEST_TOGETHER}", where=where)
    return text


def _places(
    schema: object, root: Mapping[str, Any], where: str, seen: tuple[str, ...], depth: int = 0
) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Every schema within the schema, as often as it is referred to, with its depth."""
    if not isinstance(schema, Mapping):
        if isinstance(schema, bool):
            return
        raise InputError("a schema is an object", where=where)
    yield depth, schema
    if "$ref" in schema:
        target = str(schema["$ref"])
        if target in seen:
            raise InputError(f"the schema refers to itself by '{target}'", where=where)
        yield from _places(_resolve(target, root, where), root, where, (*seen, target), depth + 1)
    for child in _children(schema):
        yield from _places(child, root, where, seen, depth + 1)


def _children(schema: Mapping[str, Any]) -> Iterator[object]:
    properties, alternatives = schema.get("properties"), schema.get("anyOf")
    yield from properties.values() if isinstance(properties, Mapping) else ()
    yield from alternatives if isinstance(alternatives, list) else ()
    for key in ("items", "additionalProperties"):
        if key in schema:
            yield schema[key]


def _resolve(target: str, root: Mapping[str, Any], where: str) -> object:
    here: object = root
    if not target.startswith("#/"):
        raise InputError(f"'{target}' is no place within the schema; write #/$defs/NAME", where=where)
    for part in target[2:].split("/"):
        if not isinstance(here, Mapping) or part not in here:
            raise InputError(f"nothing is at '{target}' in the schema", where=where)
        here = here[part]
    return here


def _check_place(schema: Mapping[str, Any], where: str) -> None:
    unknown = sorted(set(schema) - _KNOWN)
    if unknown:
        raise InputError(f"the schema's keyword '{unknown[0]}' is not supported", where=where)
    kinds = schema.get("type", [])
    for kind in kinds if isinstance(kinds, list) else [kinds]:
        if not isinstance(kind, str) or kind not in _TYPES:
            raise InputError(f"the schema's type {json.dumps(kind)} is none", where=where)
    for key, largest in _LARGEST.items():
        count = schema.get(key, 0)
        if not isinstance(count, int) or isinstance(count, bool) or not 0 <= count <= largest:
            raise InputError(f"the schema's {key} must be 0 to {largest}", where=where)
    for least, most in (("minItems", "maxItems"), ("minLength", "maxLength"), ("minimum", "maximum")):
        _check_range(schema, least, most, where)
    _check_shapes(schema, where)


def _check_range(schema: Mapping[str, Any], least: str, most: str, where: str) -> None:
    ends = [schema[key] for key in (least, most) if key in schema]
    if any(isinstance(end, bool) or not isinstance(end, int | float) for end in ends):
        raise InputError(f"the schema's {least} and {most} are numbers", where=where)
    if len(ends) == 2 and ends[0] > ends[1]:
        raise InputError(f"the schema's {least} is above its {most}", where=where)
    if least == "minimum" and any(abs(end) > 1 << 53 for end in ends):
        raise InputError("the schema's minimum and maximum must lie within 53 bits", where=where)


def _check_shapes(schema: Mapping[str, Any], where: str) -> None:
    required = schema.get("required", [])
    if not isinstance(required, list) or not all(
        isinstance(name, str) and not _UNSAFE.search(name) for name in required
    ):
        raise InputError("the schema's required is a list of names", where=where)
    for key in ("properties", "$defs", "definitions"):
        if not isinstance(schema.get(key, {}), Mapping):
            raise InputError(f"the schema's {key} is an object", where=where)
    if any(_UNSAFE.search(name) for key in ("properties", "$defs", "definitions") for name in schema.get(key, {})):
        raise InputError("names in the schema must have no quotes, backslashes or control characters", where=where)
    for key in ("enum", "anyOf"):
        if key in schema and not (isinstance(schema[key], list) and schema[key]):
            raise InputError(f"the schema's {key} is a list that is not empty", where=where)
