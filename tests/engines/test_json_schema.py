"""Which schemas pass. What the real engine makes of those that do is in `test_openvino_answers.py`."""

import json
from typing import Any

import pytest

from seekforge.core.errors import InputError
from seekforge.engines.json_schema import check_schema

PERSON: dict[str, Any] = {
    "type": "object",
    "properties": {"name": {"type": "string", "maxLength": 20}, "age": {"type": "integer", "minimum": 0}},
    "required": ["name", "age"],
    "additionalProperties": False,
}


def deep(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(levels):
        schema = {"type": "array", "items": schema}
    return schema


@pytest.mark.parametrize(
    "schema",
    [
        {},
        PERSON,
        {"enum": ["a", 1, None]},
        {"const": "x"},
        {"type": ["string", "null"]},
        {"anyOf": [PERSON, {"type": "null"}]},
        {"$defs": {"p": PERSON}, "type": "array", "items": {"$ref": "#/$defs/p"}, "minItems": 1, "maxItems": 3},
        {"type": "object", "properties": {"a": {"$ref": "#/$defs/x"}, "b": {"$ref": "#/$defs/x"}}, "$defs": {"x": {}}},
        {"type": "object", "additionalProperties": {"type": "number"}},
        deep(20),
    ],
)
def test_what_passes_goes_on_unchanged(schema: dict[str, Any]) -> None:
    assert json.loads(check_schema(schema)) == schema


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ([], "object"),
        ({"type": "strin"}, "type"),
        ({"type": 5}, "type"),
        ({"type": [["string"]]}, "type"),
        ({"$ref": "#"}, "no place"),
        ({"$ref": "https://example.org/x"}, "no place"),
        ({"$ref": "#/$defs/none"}, "nothing is at"),
        ({"$defs": {"n": {"type": "array", "items": {"$ref": "#/$defs/n"}}}, "$ref": "#/$defs/n"}, "refers to itself"),
        ({"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"}, "refers to itself"),
        ({"type": "object", "properties": {"x": {"$ref": "#/properties/x"}}}, "refers to itself"),
        ({"type": "string", "pattern": "(a*)*"}, "'pattern'"),
        ({"not": {}}, "'not'"),
        ({"type": "array", "items": {"minItems": -1}}, "minItems"),
        ({"type": "string", "maxLength": 10**9}, "maxLength"),
        ({"properties": {f"p{i}": {"type": "string", "maxLength": 60} for i in range(5)}}, "add up"),
        *(({"properties": {name: {}}}, "control characters") for name in ('a"b', "a\\b", "a\nb", "\x7f", "\u2028")),
        ({"$defs": {'q"': {}}}, "control characters"),
        ({"required": ['q"']}, "list of names"),
        ({"type": "array", "minItems": 5, "maxItems": 4}, "above"),
        ({"type": "integer", "minimum": 5, "maximum": 4}, "above"),
        ({"type": "integer", "minimum": "5"}, "numbers"),
        ({"type": "integer", "maximum": 1e300}, "53 bits"),
        ({"enum": []}, "empty"),
        ({"anyOf": {}}, "empty"),
        ({"properties": []}, "object"),
        ({"properties": {"a": 5}}, "object"),
        ({"required": "a"}, "required"),
        (deep(30), "deeper"),
        ({"properties": {f"p{i}": {} for i in range(300)}}, "places"),
        ({"description": "x" * 40_000}, "KiB"),
    ],
)
def test_what_does_not_is_one_line(schema: object, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        check_schema(schema)
    assert caught.value.where == "response_format"
    assert "\n" not in str(caught.value)


def test_references_that_multiply_end_soon() -> None:
    """Ten levels of ten references each would be ten billion places."""
    defs: dict[str, Any] = {"l0": {"type": "string"}}
    for level in range(1, 11):
        defs[f"l{level}"] = {"properties": {f"p{i}": {"$ref": f"#/$defs/l{level - 1}"} for i in range(10)}}
    with pytest.raises(InputError, match="places"):
        check_schema({"$defs": defs, "$ref": "#/$defs/l10"})
