"""The decisions: no sockets, no clocks, any cuts."""

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seekforge.serve.errors import ApiError
from seekforge.serve.gateway.choose import (
    RetryBudget,
    UpstreamState,
    answered,
    choose,
    failed,
    free_in,
    pause,
)
from seekforge.serve.gateway.cost import DeviceClock
from seekforge.serve.gateway.schemas import check_schemas, is_recursive
from seekforge.serve.gateway.sse import EventParser, EventTooLarge
from seekforge.serve.gateway.usage import with_cache_hits
from seekforge.serve.strict import MAX_DEPTH, encoder, parse


def cut(data: Any, places: list[int]) -> list[Any]:
    """The data in pieces, cut at these places."""
    marks = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(marks)]


PLACES = st.lists(st.integers(0, 10_000), max_size=12)
LINE = st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=12)


@given(st.lists(LINE, max_size=6), st.sampled_from(["\n", "\r\n", "\r"]), PLACES)
def test_events_come_out_whole_however_the_bytes_are_cut(texts: list[str], end: str, places: list[int]) -> None:
    stream = "".join(f": comment{end}event: x{end}data: {text}{end}{end}" for text in texts).encode()
    parser = EventParser()
    found = [event for piece in cut(stream, places) for event in parser.push(piece)]
    assert found == [text.encode() for text in texts]
    assert parser.rest() == b""


def test_what_events_may_look_like() -> None:
    parser = EventParser()
    assert parser.push(b"\xef\xbb\xbfdata:a\n\n") == [b"a"]
    assert parser.push(b"data: a\ndata: b\n\n\n\n") == [b"a\nb"]
    assert parser.push(b"id: 1\nretry: 5\n: hi\n\n") == []
    assert parser.push(b"data: [DONE]\n") == []
    assert parser.rest() == b"[DONE]"


def test_an_event_that_never_ends_is_refused_whatever_it_is_made_of() -> None:
    for piece in (b"x" * 10, b"data: xxx\n", b"data: y\r"):
        parser = EventParser(largest=100)
        with pytest.raises(EventTooLarge):
            for _ in range(50):
                parser.push(piece)


def test_many_events_are_no_large_event() -> None:
    parser = EventParser(largest=100)
    assert sum(len(parser.push(b"data: " + b"x" * 50 + b"\n\n")) for _ in range(100)) == 100


STATES = st.lists(
    st.builds(
        UpstreamState,
        name=st.sampled_from("abcdef"),
        in_flight=st.integers(0, 5),
        taken=st.integers(0, 5),
        cooling_until=st.floats(0, 20),
        limited_until=st.floats(0, 20),
    ),
    min_size=1,
    max_size=6,
    unique_by=lambda state: state.name,
)


@given(STATES, st.floats(0, 20), st.sets(st.sampled_from("abcdef")))
def test_the_choice_is_the_least_busy_of_the_best(states: list[UpstreamState], now: float, tried: set[str]) -> None:
    chosen = choose(states, now, tried)
    free = [state for state in states if state.limited_until <= now]
    if not free:
        assert chosen is None
        assert free_in(states, now) > 0
        return
    assert chosen in free
    assert free_in(states, now) == 0
    fresh = [state for state in free if state.name not in tried] or free
    assert chosen in fresh
    warm = [state for state in fresh if state.cooling_until <= now]
    if warm:
        assert chosen in warm
        assert chosen.in_flight == min(state.in_flight for state in warm)
    else:
        assert chosen.cooling_until == min(state.cooling_until for state in fresh)


def test_equals_take_turns() -> None:
    states = [UpstreamState("a"), UpstreamState("b")]
    order = []
    for _ in range(4):
        chosen = choose(states, 0.0)
        assert chosen is not None
        chosen.taken += 1
        order.append(chosen.name)
    assert order == ["a", "b", "a", "b"]


def test_a_cooldown_doubles_up_to_eightfold_and_ends_with_an_answer() -> None:
    state, waits = UpstreamState("a"), []
    for _ in range(6):
        failed(state, 100.0, 5.0)
        waits.append(state.cooling_until - 100)
    assert waits == [5, 10, 20, 40, 40, 40]
    answered(state, 101.0)
    assert (state.failures, state.answered_at) == (0, 101.0)
    assert choose([state, UpstreamState("b", in_flight=1)], 101.0) is state
    failed(state, 102.0, 5.0)
    assert state.answered_at == float("-inf"), "no sign of life is older than a failure"


@given(st.lists(st.booleans(), max_size=300), st.integers(0, 10))
def test_retries_are_a_share_of_the_requests(steps: list[bool], reserve: int) -> None:
    """Whatever comes: never more than the share of what came, and what was saved up."""
    budget, requests, retries = RetryBudget(0.2, reserve), 0, 0
    for is_request in steps:
        if is_request:
            budget.earn()
            requests += 1
        else:
            retries += budget.take()
        assert retries <= 0.2 * requests + reserve + 1e-9


@given(st.floats(0, 100), st.floats(0, 100), st.floats(0, 1))
def test_a_wait_is_as_long_as_asked_and_never_too_long(asked: float, longest: float, chance: float) -> None:
    wait = pause(asked, longest, chance)
    if wait is None:
        assert asked * 1.25 > longest
    else:
        assert asked <= wait <= min(longest, asked * 1.25 + 1e-9)


def test_waits_are_spread_so_that_not_all_come_back_at_once() -> None:
    waits = {pause(1.0, 2.0, number / 100) for number in range(100)}
    assert len(waits) == 100
    assert max(filter(None, waits)) > 1.2


@given(st.lists(st.tuples(st.floats(0, 50), st.floats(0, 50)), max_size=12))
def test_shares_of_device_time_add_up_to_the_busy_time(spans: list[tuple[float, float]]) -> None:
    steps = []
    for number, (a, b) in enumerate(spans):
        steps += [(min(a, b), 0, number), (max(a, b), 1, number)]
    marks: dict[int, float] = {}
    clock, total = DeviceClock(), 0.0
    busy, last, open_ones = 0.0, 0.0, 0
    for now, is_end, number in sorted(steps):
        busy += (now - last) * bool(open_ones)
        last = now
        if is_end:
            total += clock.end(marks[number], now)
            open_ones -= 1
        else:
            marks[number] = clock.begin(now)
            open_ones += 1
    assert total == pytest.approx(busy, abs=1e-6)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(1 << 63), 1 << 63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"])), inner, max_size=4
        )
    ),
)


@given(st.dictionaries(st.text("abc"), JSON), st.booleans())
def test_json_is_read_as_it_is(tree: dict[str, Any], ascii_only: bool) -> None:
    assert parse(json.dumps(tree, ensure_ascii=ascii_only).encode()) == tree
    assert json.loads(encoder.encode(tree)) == tree


@given(st.binary(max_size=60))
def test_no_bytes_are_anything_but_an_object_or_a_refusal(data: bytes) -> None:
    try:
        assert isinstance(parse(data), dict)
    except ApiError as error:
        assert error.status == 400
        assert "\n" not in error.message


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"[]", "not a JSON object"),
        (b"null", "not a JSON object"),
        (b'{"a": NaN}', "NaN"),
        (b'{"a": [-Infinity]}', "Infinity"),
        (b'{"a": 1e999}', "out of range"),
        (b'{"a": ' + b"9" * 5000 + b"}", "limit"),
        (b'{"a": 1, "b": {"c": 1, "c": 2}}', "twice"),
        (b'{"a": "\xff"}', "UTF-8"),
        (b'{"a": "\xed\xa0\x80"}', "UTF-8"),
        (b'{"a": "\\ud800"}', "surrogate"),
        (b'{"a": {"\\udc00": 1}}', "surrogate"),
        (b'{"a": ["\\u0000"]}', "NUL"),
        (b'{"a": "\x00"}', "not JSON"),
        (b'{"a":' * 100_000, "too deep"),
        (b"[" * 100_000, "too deep"),
        (b'{"a":' + b"[" * MAX_DEPTH + b"]" * MAX_DEPTH + b"}", "deeper"),
        (b'{"a": [' + b"[],".join([b""] * 100_002) + b"[]]}", "more than"),
    ],
    ids=range(19),
)
def test_what_two_parsers_could_read_differently_is_refused(body: bytes, says: str) -> None:
    with pytest.raises(ApiError, match=says) as caught:
        parse(body)
    assert (caught.value.status, caught.value.code) == (400, "invalid_json")


def test_depth_and_whole_surrogate_pairs_are_no_offence() -> None:
    deep = b'{"a":' + b"[" * (MAX_DEPTH - 1) + b"]" * (MAX_DEPTH - 1) + b"}"
    assert parse(deep)
    assert parse(b'{"a": "\\ud83d\\ude00 \\\\ud800"}') == {"a": "😀 \\ud800"}


@pytest.mark.parametrize(
    ("schema", "recursive"),
    [
        ({"type": "object", "properties": {"a": {"type": "string"}}}, False),
        (
            {
                "$defs": {"a": {"type": "string"}},
                "properties": {"x": {"$ref": "#/$defs/a"}, "y": {"$ref": "#/$defs/a"}},
            },
            False,
        ),
        ({"properties": {"next": {"$ref": "#"}}}, True),
        (
            {
                "$defs": {"a": {"items": {"$ref": "#/$defs/b"}}, "b": {"items": {"$ref": "#/$defs/a"}}},
                "$ref": "#/$defs/a",
            },
            True,
        ),
        ({"$defs": {"a/b": {"type": "string"}}, "anyOf": [{"$ref": "#/$defs/a~1b"}]}, False),
        ({"anyOf": [{"$ref": "#/anyOf/0"}]}, True),
        (None, False),
    ],
    ids=range(7),
)
def test_schemas_that_contain_themselves(schema: Any, recursive: bool) -> None:
    assert is_recursive(schema) is recursive
    requests: list[dict[str, Any]] = [
        {"response_format": {"type": "json_schema", "json_schema": {"schema": schema}}},
        {"tools": [{"type": "function", "function": {"name": "f", "parameters": schema}}]},
    ]
    for request in requests:
        if recursive:
            with pytest.raises(ApiError, match="contains itself"):
                check_schemas(request)
        else:
            check_schemas(request)


@pytest.mark.parametrize("reference", ["http://elsewhere/x", "#/nowhere", "#/a/0/b"])
def test_references_that_lead_nowhere(reference: str) -> None:
    with pytest.raises(ApiError, match="leads"):
        check_schemas({"tools": [{"function": {"parameters": {"$ref": reference, "a": [1]}}}]})


def test_cache_hits_in_both_forms() -> None:
    openai = {"prompt_tokens": 10, "prompt_tokens_details": {"cached_tokens": 8, "audio_tokens": 0}}
    both = with_cache_hits(openai)
    assert (both["prompt_cache_hit_tokens"], both["prompt_cache_miss_tokens"]) == (8, 2)
    assert both["prompt_tokens_details"] == openai["prompt_tokens_details"]
    deepseek = {"prompt_tokens": 10, "prompt_cache_hit_tokens": 4, "prompt_cache_miss_tokens": 6}
    assert with_cache_hits(deepseek)["prompt_tokens_details"] == {"cached_tokens": 4}
    assert with_cache_hits(both) is both
    plain = {"prompt_tokens": 10, "prompt_tokens_details": None}
    assert with_cache_hits(plain) is plain
