"""Tool calls: offered, found in the model's text, and told as OpenAI tells them."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.serve.client import USER, Client, events, text_of

from seekforge.engines.fake import FakeEngine
from seekforge.serve.tools import CallParser

TOOLS = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}]
ONE = '<tool_call>\n{"name": "look", "arguments": {"q": "天气 <b>", "n": 2}}\n</tool_call>'
TWO = f'I look. {ONE}\n<tool_call>{{"name": "sum", "arguments": {{}}}}</tool_call>'


def parse(text: str, cuts: list[int]) -> tuple[str, list[dict[str, Any]]]:
    parser = CallParser()
    edges = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    found = [parser.push(text[a:b]) for a, b in pairwise(edges)] + [parser.finish()]
    calls = [{k: v for k, v in call.items() if k != "id"} for piece in found for call in piece.calls]
    return "".join(piece.text for piece in found), calls


@given(st.lists(st.integers(0, 200), max_size=20))
def test_tags_may_be_cut_anywhere(cuts: list[int]) -> None:
    text, calls = parse(TWO, cuts)
    assert text == "I look. "
    assert [call["function"]["name"] for call in calls] == ["look", "sum"]
    assert [call["index"] for call in calls] == [0, 1]
    assert json.loads(calls[0]["function"]["arguments"]) == {"q": "天气 <b>", "n": 2}


@pytest.mark.parametrize(
    "text",
    [
        "a < b and <tool> and <tool_cal",
        "<tool_call>not json</tool_call>",
        '<tool_call>["look"]</tool_call>',
        '<tool_call>{"arguments": {}}</tool_call>',
        '<tool_call>{"name": "look", "arguments": [1]}</tool_call>',
        '<tool_call>{"name": "look", "arguments": {',
        f"<tool_call>{'[' * 5000}</tool_call>",
        "</tool_call>",
    ],
)
@given(st.lists(st.integers(0, 60), max_size=8))
def test_what_is_no_call_stays_text(text: str, cuts: list[int]) -> None:
    assert parse(text, cuts) == (text, [])


def test_text_goes_out_as_soon_as_it_is_clear() -> None:
    parser = CallParser()
    assert parser.push("hello <to").text == "hello "
    assert parser.push("day").text == "<today"


def engine(reply: str) -> FakeEngine:
    return FakeEngine(reply=reply, takes_tools=True)


def test_a_whole_answer_with_calls() -> None:
    body = Client(engine(TWO)).post(tools=TOOLS).json()["choices"][0]
    assert (body["finish_reason"], body["message"]["content"]) == ("tool_calls", "I look. ")
    first, second = body["message"]["tool_calls"]
    assert set(first) == {"id", "type", "function"}
    assert first["id"] != second["id"]
    alone = Client(engine(ONE)).post(tools=TOOLS).json()["choices"][0]["message"]
    assert alone["content"] is None


def test_a_stream_with_calls_says_the_same() -> None:
    chunks = events(Client(engine(TWO)).post(tools=TOOLS, stream=True, return_token_ids=True))
    assert text_of(chunks) == "I look. "
    calls = [call for chunk in chunks for call in chunk["choices"][0]["delta"].get("tool_calls", [])]
    assert [(call["index"], call["function"]["name"]) for call in calls] == [(0, "look"), (1, "sum")]
    assert chunks[-1]["choices"][0]["finish_reason"] == "tool_calls"
    assert bytes(i for chunk in chunks for i in chunk["choices"][0]["token_ids"]).decode() == TWO


@pytest.mark.parametrize("stream", [True, False])
def test_without_calls_the_answer_is_an_answer(stream: bool) -> None:
    response = Client(engine("a <tool_c")).post(tools=TOOLS, stream=stream)
    if stream:
        chunks = events(response)
        assert (text_of(chunks), chunks[-1]["choices"][0]["finish_reason"]) == ("a <tool_c", "stop")
    else:
        choice = response.json()["choices"][0]
        assert (choice["message"], choice["finish_reason"]) == ({"role": "assistant", "content": "a <tool_c"}, "stop")


def test_nothing_is_taken_apart_where_no_tools_were_offered() -> None:
    cases: list[dict[str, Any]] = [{}, {"tools": TOOLS, "tool_choice": "none"}, {"tools": []}]
    for fields in cases:
        choice = Client(engine(ONE)).post(**fields).json()["choices"][0]
        assert (choice["message"]["content"], choice["finish_reason"]) == (ONE, "stop")


def test_tools_and_their_results_reach_the_template() -> None:
    client = Client(FakeEngine(takes_tools=True))
    call = {"id": "c", "type": "function", "function": {"name": "look", "arguments": '{"q": 1}'}}
    turns = [
        *USER,
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": "rain"},
    ]
    ids = client.post(messages=turns, tools=TOOLS, return_token_ids=True).json()["prompt_token_ids"]
    rendered = bytes(ids).decode()
    assert rendered.startswith('<tool>{"type": "function", "function": {"name": "look"')
    assert '<call>{"name": "look", "arguments": {"q": 1}}<tool>rain' in rendered


def test_a_model_without_tools_says_so() -> None:
    response = Client(FakeEngine()).post(tools=TOOLS)
    assert response.status_code == 400
    assert response.json()["error"]["param"] == "tools"
    assert "takes no tools" in response.json()["error"]["message"]
