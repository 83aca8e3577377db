"""Sampling, JSON, token ids and cancelling on the real engine, with the demo model."""

import asyncio
import json
import math
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.engines.test_json_schema import PERSON
from tests.patience import LONG, patiently, wait_for

from seekforge.core.errors import InputError
from seekforge.engines.json_schema import ANY_OBJECT, check_schema
from seekforge.engines.openvino import OpenVinoEngine
from seekforge.engines.protocol import Delta, Generation, Sampling

FRANCE = [{"role": "user", "content": "What is the capital of France?"}]
CHINESE = "你好，世界😀👩‍👩‍👧！" * 12  # a model goes on with what repeats itself


@pytest.fixture(scope="module")
def engine(demo_gguf_q8: Path) -> Iterator[OpenVinoEngine]:
    engine = OpenVinoEngine(demo_gguf_q8)
    yield engine
    engine.close()


@pytest.fixture
def france(engine: OpenVinoEngine) -> list[int]:
    return engine.encode(engine.render(FRANCE))


async def collect(
    engine: OpenVinoEngine, prompt: list[int], sampling: Sampling, answered: tuple[int, ...] = ()
) -> list[Delta]:
    return [delta async for delta in engine.stream(prompt, sampling, answered)]


def one(engine: OpenVinoEngine, prompt: list[int], **settings: Any) -> Generation:
    return engine.generate([prompt], Sampling(**{"max_new_tokens": 24, **settings}))[0]


def wait_until_free(engine: OpenVinoEngine, seconds: float = LONG) -> None:
    wait_for(lambda: not (engine.stats().running or engine.stats().waiting), seconds)


def test_no_end_before_the_shortest_answer(engine: OpenVinoEngine, france: list[int]) -> None:
    free = one(engine, france)
    assert free.finish_reason == "stop"
    longer = one(engine, france, min_new_tokens=len(free.token_ids) + 6)
    assert len(longer.token_ids) >= len(free.token_ids) + 6
    assert longer.token_ids[: len(free.token_ids)] == free.token_ids


def test_a_stop_token_ends_the_answer_and_is_not_part_of_it(engine: OpenVinoEngine, france: list[int]) -> None:
    free = one(engine, france)
    cut = one(engine, france, stop_token_ids=(free.token_ids[3],))
    first = free.token_ids.index(free.token_ids[3])
    assert (cut.token_ids, cut.finish_reason) == (free.token_ids[:first], "stop")
    assert one(engine, france).token_ids == free.token_ids, "the next request must not stop there"


def test_penalties_make_an_answer_repeat_itself_less(engine: OpenVinoEngine, france: list[int]) -> None:
    def distinct(**settings: float) -> float:
        ids = one(engine, france, max_new_tokens=60, ignore_eos=True, **settings).token_ids
        return len(set(ids)) / len(ids)

    plain = distinct()
    for settings in ({"frequency_penalty": 2.0}, {"presence_penalty": 2.0}, {"repetition_penalty": 1.8}):
        assert distinct(**settings) > plain, settings


def test_few_tokens_to_choose_from_are_the_likeliest(engine: OpenVinoEngine, france: list[int]) -> None:
    greedy = one(engine, france).token_ids
    assert one(engine, france, temperature=2.0, top_k=1, seed=1).token_ids == greedy
    assert one(engine, france, temperature=1.0, min_p=0.99, seed=1).token_ids == greedy


def test_logprobs_are_those_of_the_chosen_tokens(engine: OpenVinoEngine, france: list[int]) -> None:
    deltas = asyncio.run(collect(engine, france, Sampling(24, logprobs=True)))
    ids = [i for delta in deltas for i in delta.token_ids]
    told = [number for delta in deltas for number in delta.logprobs]
    assert len(told) == len(ids) > 5
    assert all(len(delta.logprobs) == len(delta.token_ids) for delta in deltas)
    assert all(number <= 0 for number in told)
    assert math.exp(told[-1]) > 0.3, "the end of so plain an answer is hardly in doubt"
    assert not any(delta.logprobs for delta in asyncio.run(collect(engine, france, Sampling(8))))


def test_an_answer_is_taken_up_at_every_token(engine: OpenVinoEngine) -> None:
    prompt = engine.encode(CHINESE)
    sampling = Sampling(32, ignore_eos=True)
    whole = "".join(d.text for d in asyncio.run(collect(engine, prompt, sampling)))
    [answer] = engine.generate([prompt], sampling)
    assert any(engine.decode([i]) == "\ufffd" for i in answer.token_ids), "no character is cut: the test shows nothing"

    async def all_splices() -> list[list[Delta]]:
        cuts = range(len(answer.token_ids))
        rest = [Sampling(32 - cut, ignore_eos=True) for cut in cuts]
        return await asyncio.gather(*(collect(engine, prompt, rest[c], answer.token_ids[:c]) for c in cuts))

    for cut, deltas in enumerate(asyncio.run(all_splices())):
        begun = engine.decode(answer.token_ids[:cut]).rstrip("\ufffd")
        assert begun + "".join(d.text for d in deltas) == whole
        assert answer.token_ids[:cut] + tuple(i for d in deltas for i in d.token_ids) == answer.token_ids


SCHEMAS: list[dict[str, Any]] = [
    PERSON,
    {"type": "object", "properties": {"ok": {"type": "boolean"}, "why": {"type": "string", "maxLength": 12}}},
    {"$defs": {"n": {"enum": [1, 2]}}, "type": "array", "items": {"$ref": "#/$defs/n"}, "minItems": 2, "maxItems": 3},
    {"anyOf": [{"const": "yes"}, {"const": "no"}]},
    {"type": ["integer", "null"], "minimum": -5, "maximum": 5},
]


@pytest.mark.parametrize("number", range(len(SCHEMAS)))
def test_an_answer_is_json_of_its_schema(engine: OpenVinoEngine, france: list[int], number: int) -> None:
    schema = SCHEMAS[number]
    answer = one(engine, france, max_new_tokens=96, json_schema=check_schema(schema))
    value = json.loads(answer.text)
    assert answer.finish_reason == "stop"
    if schema is PERSON:
        assert set(value) == {"name", "age"}
        assert isinstance(value["age"], int)
        assert value["age"] >= 0
    elif number == 2:
        assert set(value) <= {1, 2}
        assert 2 <= len(value) <= 3
    elif number == 3:
        assert value in ("yes", "no")
    elif number == 4:
        assert value is None or -5 <= value <= 5


def test_any_object_is_an_object(engine: OpenVinoEngine, france: list[int]) -> None:
    answer = one(engine, france, max_new_tokens=200, json_schema=ANY_OBJECT, min_new_tokens=5)
    assert answer.text.lstrip().startswith("{")
    if answer.finish_reason == "stop":
        assert isinstance(json.loads(answer.text), dict)


FORMATS = ["date", "time", "date-time", "duration", "email", "hostname", "ipv4", "ipv6", "uuid", "uri", "regex", "none"]
NAMES = [
    "a",
    "größe",
    "名前",
    "",
    " ",
    "a b",
    "it's",
    "$x",
    "a/b~c",
    "{}|[]*+?()",
    "👩‍👩‍👧",
    "x" * 90,
    "root",
    "::=",
    "#",
    "\u00a0",
]


def random_schema(rng: random.Random, depth: int = 0) -> dict[str, Any]:
    """A schema of the accepted vocabulary, strange ones among them."""
    kinds = ["string", "integer", "number", "boolean", "null", "enum", "const", "any"]
    kind = rng.choice(kinds if depth > 2 else [*kinds, "object", "object", "array", "anyOf"])
    if kind == "object":
        names = rng.sample(NAMES, rng.randrange(4))
        made: dict[str, Any] = {"type": "object", "properties": {n: random_schema(rng, depth + 1) for n in names}}
        made["required"] = rng.sample([*names, "absent"], rng.randrange(len(names) + 2))
        return {**made, "additionalProperties": rng.choice([True, False, {"type": "string"}])}
    if kind == "array":
        return {"type": "array", "items": random_schema(rng, depth + 1), "maxItems": rng.randrange(4)}
    if kind == "anyOf":
        return {"anyOf": [random_schema(rng, depth + 1) for _ in range(rng.randrange(1, 4))]}
    if kind == "enum":
        return {
            "enum": rng.sample(["x", 'y"', "\\", "\n", 1, 1.5, None, True, "é", [1], {"k": []}], rng.randrange(1, 5))
        }
    if kind == "const":
        return {"const": rng.choice(["", "c", 0, False, None, {"a": 1}])}
    if kind == "string":
        if rng.random() < 0.5:
            return {"type": "string", "format": rng.choice(FORMATS)}
        return {"type": "string", "minLength": rng.randrange(3), "maxLength": rng.randrange(3, 40)}
    if kind in ("integer", "number"):
        low = rng.randrange(-10, 10)
        return {"type": kind, "minimum": low, "maximum": low + rng.randrange(1, 2**50)}
    return {} if kind == "any" else {"type": kind, "title": "T", "format": "date"}


def test_no_schema_that_passes_brings_the_engine_down(engine: OpenVinoEngine, france: list[int]) -> None:
    rng = random.Random(20)
    for _ in range(40):
        text = check_schema(random_schema(rng))
        try:
            engine.generate([france], Sampling(4, json_schema=text))
        except InputError as error:
            raise AssertionError(text) from error
    assert "Paris" in one(engine, france).text


def test_json_and_plain_answers_side_by_side(engine: OpenVinoEngine, france: list[int]) -> None:
    plain = one(engine, france)

    async def both() -> tuple[list[Delta], list[Delta]]:
        bound = Sampling(64, json_schema=check_schema(PERSON))
        return await asyncio.gather(collect(engine, france, bound), collect(engine, france, Sampling(24)))

    bound, free = asyncio.run(both())
    assert json.loads("".join(d.text for d in bound))
    assert "".join(d.text for d in free) == plain.text


def test_cancelling_in_the_prefill_frees_the_slot(engine: OpenVinoEngine) -> None:
    """Seven thousand tokens take many steps; whoever goes meanwhile does not wait for the rest of them."""
    draw = random.Random(5)

    async def start_and_cancel() -> None:
        prompt = [draw.randrange(300, 40_000) for _ in range(7000)]  # in no cache
        task = asyncio.create_task(collect(engine, prompt, Sampling(8)))
        while not (engine.stats().running or task.done()):
            await asyncio.sleep(0.005)
        await asyncio.sleep(0.2)
        assert not task.done(), "the prompt is read already: the test shows nothing"
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    def leaves(soon: float) -> None:
        wait_until_free(engine)
        asyncio.run(start_and_cancel())
        wait_until_free(engine, soon)

    patiently(leaves, 1, 2, 5)


@pytest.mark.parametrize(
    "settings",
    [
        {"stop_token_ids": (10**6,)},
        {"min_new_tokens": 99, "max_new_tokens": 9},
        {"frequency_penalty": 3.0},
        {"repetition_penalty": 0.0},
        {"min_p": 1.0},
        {"ignore_eos": True, "json_schema": "{}"},
        {"ignore_eos": True, "stop_token_ids": (5,)},
    ],
)
def test_what_it_refuses(engine: OpenVinoEngine, france: list[int], settings: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        one(engine, france, **settings)


def test_the_context_is_known_and_an_answer_counts_towards_it(engine: OpenVinoEngine, france: list[int]) -> None:
    assert engine.context_length == 8192
    with pytest.raises(InputError, match="context"):
        asyncio.run(collect(engine, france, Sampling(1), (30,) * engine.context_length))
