import asyncio
import time
from typing import Any

import pytest
from tests.patience import LONG

from seekforge.core.errors import EngineError, InputError
from seekforge.engines.fake import FakeEngine
from seekforge.engines.protocol import Delta, Engine, Sampling

HELLO = [{"role": "user", "content": "héllo"}]


def ask(engine: FakeEngine) -> list[int]:
    return engine.encode(engine.render(HELLO))


async def read(engine: FakeEngine, sampling: Sampling, upto: int | None = None) -> list[Delta]:
    deltas = []
    stream = engine.stream(ask(engine), sampling)
    async for delta in stream:
        deltas.append(delta)
        if len(deltas) == upto:
            break
    await stream.aclose()
    return deltas


def test_it_is_an_engine_and_echoes() -> None:
    engine: Engine = FakeEngine()
    [answer] = engine.generate([engine.encode(engine.render(HELLO))], Sampling())
    assert (answer.text, answer.finish_reason) == ("héllo", "stop")
    assert engine.decode(answer.token_ids) == "héllo"


def test_a_stream_says_the_same_as_generate() -> None:
    engine = FakeEngine(reply="one two STOP three")
    sampling = Sampling(stop=("STOP",))
    deltas = asyncio.run(read(engine, sampling))
    [answer] = engine.generate([ask(engine)], sampling)
    assert "".join(d.text for d in deltas) == answer.text == "one two "
    assert deltas[-1].finish_reason == answer.finish_reason == "stop"


@pytest.mark.parametrize("settings", [{"first_seconds": 300.0}, {"token_seconds": 0.03, "reply": "long " * 9999}])
def test_an_answer_that_takes_too_long_ends(settings: dict[str, Any]) -> None:
    engine = FakeEngine(context_length=1 << 20, **settings)

    async def read_all() -> None:
        async for _ in engine.stream(ask(engine), Sampling(max_new_tokens=1 << 19), seconds=0.1):
            pass

    began = time.monotonic()
    with pytest.raises(TimeoutError):
        asyncio.run(read_all())
    assert 0.1 <= time.monotonic() - began < LONG
    assert engine.stats().running == 0


def test_the_limit_ends_the_answer_and_ignore_eos_fills_it() -> None:
    engine = FakeEngine(reply="abc")
    [short] = engine.generate([ask(engine)], Sampling(max_new_tokens=2))
    [full] = engine.generate([ask(engine)], Sampling(max_new_tokens=8, ignore_eos=True))
    assert (short.text, short.finish_reason) == ("ab", "length")
    assert (full.text, full.finish_reason) == ("abcabcab", "length")


def test_the_script_is_followed() -> None:
    engine = FakeEngine(reply="abcdef", fail_after=2, token_seconds=0.01)
    started = time.monotonic()
    with pytest.raises(EngineError):
        asyncio.run(read(engine, Sampling()))
    assert time.monotonic() - started >= 0.02
    assert engine.stats().running == 0
    assert engine.cancelled == 0


def test_closing_a_stream_counts_as_cancelled() -> None:
    engine = FakeEngine(reply="abcdef")
    asyncio.run(read(engine, Sampling(), upto=2))
    assert (engine.cancelled, engine.stats().running) == (1, 0)


def test_what_it_refuses() -> None:
    engine = FakeEngine(context_length=20)
    with pytest.raises(InputError, match="context"):
        engine.generate([[1] * 20], Sampling())
    with pytest.raises(InputError, match="empty"):
        engine.generate([[]], Sampling())
    with pytest.raises(InputError, match="0 to 255"):
        engine.generate([[256]], Sampling())
    for wrong in (Sampling(temperature=float("nan")), Sampling(top_p=0), Sampling(max_new_tokens=0)):
        with pytest.raises(InputError):
            engine.generate([[1]], wrong)
    with pytest.raises(InputError, match="role"):
        engine.render([{"role": "wizard", "content": "x"}])
    engine.close()
    with pytest.raises(EngineError, match="closed"):
        engine.generate([[1]], Sampling())
