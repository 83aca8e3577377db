"""The engine on the real demo model."""

import asyncio
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import gguf
import numpy as np
import pytest
from tests.patience import LONG, patiently, wait_for

from seekforge.core.errors import EngineError, InputError, ModelError
from seekforge.engines.openvino import OpenVinoEngine
from seekforge.engines.protocol import Delta, Engine, Sampling

FRANCE = [{"role": "user", "content": "What is the capital of France?"}]
ENDLESS = Sampling(max_new_tokens=4000, ignore_eos=True)  # most of a minute on two quick cores


@pytest.fixture(scope="module")
def engine(demo_gguf_q8: Path) -> Iterator[OpenVinoEngine]:
    engine = OpenVinoEngine(demo_gguf_q8, piece_seconds=0)  # a piece a step, however slow the machine
    yield engine
    engine.close()


@pytest.fixture
def france(engine: OpenVinoEngine) -> list[int]:
    return engine.encode(engine.render(FRANCE))


async def collect(engine: OpenVinoEngine, prompt: list[int], sampling: Sampling) -> list[Delta]:
    return [delta async for delta in engine.stream(prompt, sampling)]


def wait_until_free(engine: OpenVinoEngine, seconds: float = LONG) -> None:
    wait_for(lambda: not (engine.stats().running or engine.stats().waiting), seconds)


def test_a_quantised_file_answers_right(engine: OpenVinoEngine, france: list[int]) -> None:
    protocol: Engine = engine
    [answer] = protocol.generate([france], Sampling(max_new_tokens=32))
    assert "Paris" in answer.text
    assert answer.finish_reason == "stop"
    assert answer.prompt_tokens == len(france)
    assert engine.decode(answer.token_ids) == answer.text
    assert engine.name == "OpenVINO Q8_0"


def test_text_survives_the_tokeniser(engine: OpenVinoEngine) -> None:
    for text in ("你好，世界！", "emoji 😀👩‍👩‍👧", "a\r\nb\t c", "", "  two  spaces"):
        assert engine.decode(engine.encode(text)) == text
    assert engine.decode(engine.encode("<|im_start|>user")) == "user"


def test_a_stream_says_what_generate_says(engine: OpenVinoEngine, france: list[int]) -> None:
    sampling = Sampling(max_new_tokens=24)
    [answer] = engine.generate([france], sampling)
    deltas = asyncio.run(collect(engine, france, sampling))
    assert "".join(d.text for d in deltas) == answer.text
    assert tuple(i for d in deltas for i in d.token_ids) == answer.token_ids
    assert [d.finish_reason for d in deltas if d.finish_reason] == [answer.finish_reason]
    assert len(deltas) > 3


def test_a_stop_text_across_tokens_never_shows(engine: OpenVinoEngine, france: list[int]) -> None:
    sampling = Sampling(max_new_tokens=32, stop=("e is P",))
    deltas = asyncio.run(collect(engine, france, sampling))
    [answer] = engine.generate([france], sampling)
    assert "".join(d.text for d in deltas) == answer.text == "The capital of Franc"
    assert deltas[-1].finish_reason == answer.finish_reason == "stop"
    wait_until_free(engine)


def test_no_half_characters(engine: OpenVinoEngine) -> None:
    prompt = engine.encode(engine.render([{"role": "user", "content": "Repeat exactly: 你好世界 😀😀 你好世界"}]))
    sampling = Sampling(max_new_tokens=48, temperature=1.0, seed=5, ignore_eos=True)
    deltas = asyncio.run(collect(engine, prompt, sampling))
    text = "".join(d.text for d in deltas)
    assert text == engine.decode([i for d in deltas for i in d.token_ids])


def test_a_seed_repeats_and_no_seed_does_not(engine: OpenVinoEngine, france: list[int]) -> None:
    def draw(seed: int | None) -> tuple[int, ...]:
        return engine.generate([france], Sampling(12, temperature=1.5, seed=seed, ignore_eos=True))[0].token_ids

    draw(1)  # the first run fills the prefix cache, and cached and computed prefixes may differ in the last bit
    assert draw(3) == draw(3)
    assert draw(3) != draw(4)
    assert len({draw(None) for _ in range(3)}) > 1
    assert len(draw(-(1 << 63))) == 12


def test_ignore_eos_and_the_limit(engine: OpenVinoEngine, france: list[int]) -> None:
    [short, _] = engine.generate([france, france], Sampling(max_new_tokens=3))
    [full] = engine.generate([france], Sampling(max_new_tokens=40, ignore_eos=True))
    assert (len(short.token_ids), short.finish_reason) == (3, "length")
    assert (len(full.token_ids), full.finish_reason) == (40, "length")


def test_the_answer_ends_with_the_context(engine: OpenVinoEngine) -> None:
    prompt = [30] * (engine.context_length - 2)
    engine_options = engine._job(prompt, ENDLESS, lambda event: None, text=False).options
    assert engine_options["max_new_tokens"] == 2


def test_generate_and_streams_at_the_same_time(engine: OpenVinoEngine, france: list[int]) -> None:
    sampling = Sampling(max_new_tokens=16, ignore_eos=True)
    batches: list[int] = []
    thread = threading.Thread(
        target=lambda: batches.extend(len(g.token_ids) for g in engine.generate([france] * 4, sampling))
    )

    async def streams() -> list[list[Delta]]:
        return await asyncio.gather(*(collect(engine, france, sampling) for _ in range(4)))

    thread.start()
    streamed = asyncio.run(streams())
    thread.join(600)
    assert batches == [16] * 4
    assert [sum(len(d.token_ids) for d in deltas) for deltas in streamed] == [16] * 4


def test_closing_a_stream_frees_the_slot(engine: OpenVinoEngine, france: list[int]) -> None:
    async def start_and_leave() -> None:
        stream = engine.stream(france, ENDLESS)
        await anext(stream)
        assert engine.stats().running == 1
        await stream.aclose()

    asyncio.run(start_and_leave())
    wait_until_free(engine, 15)  # the rest of the answer would take longer


def test_cancelling_the_task_frees_the_slot(engine: OpenVinoEngine, france: list[int]) -> None:
    async def start_and_cancel() -> None:
        task = asyncio.create_task(collect(engine, france, ENDLESS))
        while not engine.stats().running:
            assert not task.done()
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(start_and_cancel())
    wait_until_free(engine, 15)


def test_an_answer_that_takes_too_long_ends_and_frees_the_slot(engine: OpenVinoEngine, france: list[int]) -> None:
    def ends(seconds: float) -> None:
        wait_until_free(engine)
        pieces = 0

        async def read_all() -> None:
            nonlocal pieces
            async for _ in engine.stream(france, ENDLESS, seconds=seconds):
                pieces += 1

        with pytest.raises(TimeoutError):
            asyncio.run(read_all())
        assert 1 < pieces < 1000, "neither at once nor after all"
        wait_until_free(engine, 5)

    patiently(ends, 0.4, 2, 6)


def test_idle_costs_nothing(engine: OpenVinoEngine) -> None:
    wait_until_free(engine)

    def idle(seconds: float) -> None:
        before = time.process_time()
        time.sleep(seconds)
        assert time.process_time() - before < 0.05 * seconds, "or something else was at work"

    patiently(idle, 1, 1, 1, 3)


def test_what_it_refuses(engine: OpenVinoEngine, france: list[int]) -> None:
    with pytest.raises(InputError, match="context"):
        engine.generate([[5] * engine.context_length], Sampling())
    with pytest.raises(InputError, match="empty"):
        engine.generate([[]], Sampling())
    with pytest.raises(InputError, match="token ids"):
        engine.generate([[10**6]], Sampling())
    with pytest.raises(InputError, match="temperature"):
        asyncio.run(collect(engine, france, Sampling(temperature=float("inf"))))


def test_a_closed_engine_says_so(demo_gguf_q8: Path) -> None:
    before = threading.active_count()
    engine = OpenVinoEngine(demo_gguf_q8, max_running=2)
    prompt = engine.encode(engine.render(FRANCE))
    errors: list[EngineError] = []

    def wait_for_ever() -> None:
        try:
            engine.generate([prompt] * 3, ENDLESS)
        except EngineError as error:
            errors.append(error)

    thread = threading.Thread(target=wait_for_ever)
    thread.start()
    wait_for(lambda: (engine.stats().running, engine.stats().waiting) == (2, 1))
    engine.close()
    thread.join(LONG)
    assert "closed" in str(errors[0])
    assert threading.active_count() <= before
    with pytest.raises(EngineError, match="closed"):
        engine.generate([prompt], Sampling())


def test_a_truncated_file_is_an_error_and_no_crash(demo_gguf_q8: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.gguf"
    with demo_gguf_q8.open("rb") as file:
        cut.write_bytes(file.read(3_000_000))
    with pytest.raises(ModelError, match="cut off"):
        OpenVinoEngine(cut)


@pytest.mark.parametrize(("arch", "kind", "message"), [("gemma", "Q8_0", "'gemma'"), ("llama", "Q5_1", "Q5_1")])
def test_what_openvino_cannot_load_is_one_line(tmp_path: Path, arch: str, kind: str, message: str) -> None:
    path = tmp_path / "m.gguf"
    writer = gguf.GGUFWriter(path, arch)
    writer.add_context_length(64)
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(["a"])
    writer.add_token_types([1])
    matrix = gguf.quantize(np.ones((8, 32), dtype=np.float32), gguf.GGMLQuantizationType[kind])
    writer.add_tensor("token_embd.weight", matrix, raw_dtype=gguf.GGMLQuantizationType[kind])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    with pytest.raises(ModelError, match=message) as caught:
        OpenVinoEngine(path)
    assert "\n" not in str(caught.value)
