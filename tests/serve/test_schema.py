import json
from typing import Any

import pytest
from pydantic import ValidationError

from seekforge.engines.protocol import Sampling
from seekforge.serve.errors import from_validation
from seekforge.serve.schema import ChatRequest

TOOLS = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]
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
        ("top_k", -2),
        ("min_p", 1.5),
        ("min_tokens", -1),
        ("stop_token_ids", [-1]),
        ("stop_token_ids", ["a"]),
        ("stop_token_ids", [1] * 65),
        ("frequency_penalty", 2.1),
        ("presence_penalty", -2.1),
        ("repetition_penalty", 0),
        ("continue_token_ids", [1.5]),
        ("tools", [{}]),
        ("tools", [{"type": "function", "function": {"name": ""}}]),
        ("response_format", {"type": "xml"}),
        ("response_format", {"type": "json_schema"}),
        ("messages", []),
        ("messages", "hi"),
        ("messages", [{"role": "user"}]),
        ("messages", [{"role": "wizard", "content": "x"}]),
        ("messages", [{"role": "user", "content": None}]),
        ("messages", [{"role": "user", "content": "x", "tool_calls": [{"function": {"name": "f", "arguments": ""}}]}]),
        ("messages", [{"role": "user", "content": "a\x00b"}]),
        ("messages", [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]),
    ],
)
def test_wrong_values_name_their_field(field: str, value: object) -> None:
    param, message = refusal(json.dumps({"messages": USER, field: value}))
    assert param is not None
    assert param.split(".")[0] == field
    assert field in message
    assert "Input" not in message
    assert "should" not in message


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"messages": [{"role": "wizard", "content": "x"}]}, "messages.0.role: must be 'system', 'developer', "),
        ({"messages": [{"content": "x"}]}, "messages.0.role: is missing"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]},
         "messages.0.content.0.type: must be 'text': this model reads no images, sound or files"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages.0.content: must be a text or a list"),
        ({"messages": [{"role": "user", "content": [5]}]}, "messages.0.content.0: must be an object"),
        ({"messages": []}, "messages: must have at least 1 item"),
        ({"temperature": "0.7"}, "temperature: must be a number"),
        ({"temperature": 2.1}, "temperature: must be at most 2"),
        ({"top_p": 0}, "top_p: must be above 0"),
        ({"min_p": 1}, "min_p: must be below 1"),
        ({"max_tokens": 0}, "max_tokens: must be at least 1"),
        ({"max_tokens": 1.5}, "max_tokens: must be a whole number"),
        ({"stream": "yes"}, "stream: must be true or false"),
        ({"stop": [5]}, "stop.0: must be a text"),
        ({"stop_token_ids": [1] * 65}, "stop_token_ids: must have at most 64 items"),
        ({"tools": [{"type": "function", "function": {"name": ""}}]},
         "tools.0.function.name: must have at least 1 character"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_said_in_our_words(fields: dict[str, Any], says: str) -> None:
    param, message = refusal(json.dumps({"messages": USER, **fields}))
    assert message.startswith(says)
    assert param == says.partition(":")[0]


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
        {"top_logprobs": 2},
        {"logit_bias": {"5": 1}},
        {"functions": [{"name": "f"}]},
        {"tool_choice": "required", "tools": TOOLS},
        {"tool_choice": {"type": "function", "function": {"name": "f"}}, "tools": TOOLS},
    ],
)
def test_what_the_engine_cannot_do_is_refused_and_not_passed_over(field: dict[str, Any]) -> None:
    param, message = refusal(json.dumps({"messages": USER, **field}))
    assert param == next(iter(field))
    assert "support" in message


def test_what_asks_for_nothing_is_no_reason_to_refuse() -> None:
    neutral = {"tools": [], "logprobs": False, "top_logprobs": 0, "response_format": {"type": "text"}, "logit_bias": {}}
    request = read(**neutral, frequency_penalty=0, presence_penalty=None, functions=[], tool_choice="auto")
    assert request.sampling_of(logprobs=request.logprobs, max_new_tokens=9) == Sampling(9, temperature=1.0)


@pytest.mark.parametrize(
    "fields",
    [
        {"response_format": {"type": "json_object"}},
        {"tools": TOOLS},
        {"frequency_penalty": 0.1},
        {"presence_penalty": -0.1},
    ],
)
def test_what_cannot_be_taken_up_exactly_is_not_taken_up(fields: dict[str, Any]) -> None:
    assert "continue_token_ids" in refusal(json.dumps({"messages": USER, "continue_token_ids": [1], **fields}))[1]
    read(**fields)
    read(**fields, continue_token_ids=[])


def test_vllms_settings_reach_the_sampling() -> None:
    request = read(
        top_k=-1, min_p=0.1, min_tokens=2, stop_token_ids=[7, 8], repetition_penalty=1.2, frequency_penalty=-1,
        presence_penalty=2,
    )  # fmt: skip
    sampling = request.sampling(temperature=0, max_new_tokens=5)
    assert (sampling.top_k, sampling.min_p, sampling.min_new_tokens) == (0, 0.1, 2)
    assert (sampling.stop_token_ids, sampling.repetition_penalty) == ((7, 8), 1.2)
    assert (sampling.frequency_penalty, sampling.presence_penalty) == (-1, 2)
    assert read(top_k=5).sampling(temperature=0, max_new_tokens=5).top_k == 5


def test_a_schema_goes_to_the_engine_as_it_is() -> None:
    schema = {"type": "object", "properties": {"größe": {"type": "integer"}}, "required": ["größe"]}
    asked = read(
        response_format={"type": "json_schema", "json_schema": {"name": "x", "strict": True, "schema": schema}}
    )
    assert json.loads(asked.sampling(temperature=0, max_new_tokens=5).json_schema or "") == schema
    loose = read(response_format={"type": "json_object"}).sampling(temperature=0, max_new_tokens=5)
    assert json.loads(loose.json_schema or "")["type"] == "object"


def test_a_conversation_with_tool_calls() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": "é"}'}}
    turns = [
        *USER,
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "42"},
    ]
    _, assistant, tool = read(messages=turns).conversation()
    assert assistant["content"] == ""
    assert assistant["tool_calls"][0]["function"] == {"name": "f", "arguments": {"a": "é"}}
    assert tool == {"role": "tool", "content": "42", "tool_call_id": "c1"}
    for wrong in ("no json", "[1]", '"x"'):
        broken = {**call, "function": {"name": "f", "arguments": wrong}}
        assert refusal(json.dumps({"messages": [{"role": "assistant", "tool_calls": [broken]}]}))[0]


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
