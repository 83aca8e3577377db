import json
from typing import Any

import pytest
from pydantic import ValidationError

from seekforge.serve.errors import from_validation
from seekforge.serve.schema import ChatRequest

USER = [{"role": "user", "content": "hi"}]


def read(**fields: Any) -> ChatRequest:
    return ChatRequest.model_validate_json(json.dumps({"messages": USER, **fields}))


def refusal(text: str) -> tuple[str | None, str]:
    with pytest.raises(ValidationError) as caught:
        ChatRequest.model_validate_json(text)
    error = from_validation(caught.value)
    assert error.status == 400
    return error.param, error.message


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("temperature", "0.7"),
        ("temperature", -0.1),
        ("temperature", 2.1),
        ("temperature", True),
        ("top_p", 0),
        ("top_p", 1.01),
        ("max_tokens", 0),
        ("max_tokens", 1.5),
        ("max_completion_tokens", "5"),
        ("stop", [""]),
        ("stop", ""),
        ("stop", ["a"] * 17),
        ("stop", 5),
        ("seed", 1.5),
        ("seed", 1 << 63),
        ("n", 2),
        ("n", 0),
        ("stream", "yes"),
        ("messages", []),
        ("messages", "hi"),
        ("messages", [{"role": "user"}]),
        ("messages", [{"role": "wizard", "content": "x"}]),
        ("messages", [{"role": "user", "content": None}]),
        ("messages", [{"role": "user", "content": "a\x00b"}]),
        ("messages", [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]),
    ],
)
def test_wrong_values_name_their_field(field: str, value: object) -> None:
    param, message = refusal(json.dumps({"messages": USER, field: value}))
    assert param is not None
    assert param.split(".")[0] == field
    assert field in message


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_numbers_that_are_none(number: str) -> None:
    body = '{"messages": [{"role": "user", "content": "x"}], "temperature": HERE}'
    assert refusal(body.replace("HERE", number))[0] == "temperature"


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '"x"', "[" * 100_000, '{"messages":[{"role":"user","content":"\\ud800"}]}']
)
def test_what_is_no_request(text: str) -> None:
    assert refusal(text)[1]


@pytest.mark.parametrize(
    "field",
    [
        {"tools": [{}]},
        {"logprobs": True},
        {"response_format": {"type": "json_object"}},
        {"frequency_penalty": 0.5},
        {"presence_penalty": -1},
    ],
)
def test_what_the_engine_cannot_do_is_refused_and_not_passed_over(field: dict[str, Any]) -> None:
    assert "not supported" in refusal(json.dumps({"messages": USER, **field}))[1]
    neutral = {"tools": [], "logprobs": False, "response_format": {"type": "text"}, "frequency_penalty": 0}
    assert read(**neutral).n is None


def test_unknown_fields_are_passed_over() -> None:
    assert read(user="me", store=False, metadata={"a": 1}, service_tier="auto").conversation() == USER


def test_the_sampling_takes_what_is_said_and_the_routes_defaults_otherwise() -> None:
    silent = read().sampling(temperature=0.7, max_new_tokens=512)
    assert (silent.temperature, silent.top_p, silent.max_new_tokens, silent.seed) == (0.7, 1.0, 512, None)
    said = read(temperature=0, top_p=0.5, max_tokens=7, seed=-3, stop="END", ignore_eos=True)
    spoken = said.sampling(temperature=0.7, max_new_tokens=512)
    assert (spoken.temperature, spoken.top_p, spoken.max_new_tokens) == (0, 0.5, 7)
    assert (spoken.seed, spoken.stop, spoken.ignore_eos) == (-3, ("END",), True)
    assert read(max_tokens=7, max_completion_tokens=9).sampling(temperature=0, max_new_tokens=1).max_new_tokens == 9
    assert read(stop=["a", "b"]).sampling(temperature=0, max_new_tokens=1).stop == ("a", "b")


def test_content_parts_are_joined_and_developer_is_system() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    request = read(messages=[{"role": "developer", "content": "be brief"}, {"role": "user", "content": parts}])
    assert request.conversation() == [{"role": "system", "content": "be brief"}, {"role": "user", "content": "ab"}]
