"""The row form of Q8_0 files: its arithmetic, what is kept, and the real engine on it."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from tests.engines import tiny

from seekforge.compress.gguf import export
from seekforge.core.errors import ResourceError
from seekforge.core.progress import Silent
from seekforge.engines import int8_rows
from seekforge.engines.graph import join_layers
from seekforge.engines.int8_blocks import Blocks, rescale
from seekforge.engines.int8_rows import activation_group, row_model
from seekforge.engines.openvino import OpenVinoEngine
from seekforge.engines.protocol import Sampling

BLOCK = 32


@pytest.fixture(scope="module")
def q8(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    export(tiny.make(folder / "m", "qwen2"), folder / "m.gguf", "Q8_0", Silent())
    return folder / "m.gguf"


@given(
    arrays.arrays(np.uint8, (3, 2, BLOCK)),
    arrays.arrays(np.float16, (3, 2, 1), elements=st.floats(0, 8, width=16)),
)
def test_rescaled_weights_are_within_half_a_step(quants: np.ndarray, scales: np.ndarray) -> None:
    zeros = np.full((3, 2, 1), 128, np.uint8)
    exact = ((quants.astype(np.float64) - 128) * scales.astype(np.float64)).reshape(3, -1)
    rows, row_scales = rescale(Blocks(None, quants, zeros, scales))
    assert rows.dtype == np.int8 and row_scales.shape == (3, 1)
    # Half a step of rounding, and what float16 does to the scale: a part in 2,048 of up to 127 steps, or its smallest.
    step = row_scales.astype(np.float64)
    error = np.abs(rows * step - exact)
    assert (error <= 0.57 * step + 127 * 2.0**-24).all()


def test_rows_keep_the_sign_and_the_largest_weight() -> None:
    quants = np.full((1, 2, BLOCK), 128, np.uint8)
    quants[0, 0, 0], quants[0, 1, 5] = 255, 0
    layer = Blocks(None, quants, np.full((1, 2, 1), 128, np.uint8), np.ones((1, 2, 1), np.float16))
    rows, scales = rescale(layer)
    assert rows[0, BLOCK + 5] == -127 and rows[0, 0] == 126 and scales[0, 0] == pytest.approx(128 / 127, rel=1e-3)
    assert np.count_nonzero(rows) == 2


@pytest.mark.parametrize(
    ("widths", "group"), [([576, 1536], 192), ([896, 4864], 128), ([1536, 8960], 256), ([64], 64), ([48, 64], 32)]
)
def test_the_group_divides_every_width(widths: list[int], group: int) -> None:
    assert activation_group(widths) == group


def test_it_is_made_once_and_answers_like_the_blocks(q8: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks, rows = OpenVinoEngine(q8), OpenVinoEngine(q8, cache=tmp_path)
    same = tiny.same_choices(blocks, rows, 8)
    assert same >= 6, "random weights have ties, but most choices are not one"
    [folder] = (tmp_path / "openvino").iterdir()
    monkeypatch.setattr(int8_rows, "_make", lambda *_: pytest.fail("made a second time"))
    again = row_model(q8, tmp_path)
    assert again is not None and again.folder == folder and again.group == 32


@pytest.mark.parametrize("kind", ["llama", "qwen2", "qwen3"])  # qwen2's have biases
def test_joined_layers_answer_as_they_did_apart(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    export(tiny.make(tmp_path / "m", kind), tmp_path / "m.gguf", "Q8_0", Silent())
    joined: list[int] = []

    def answers(cache: Path) -> list[tuple[int, ...]]:
        engine = OpenVinoEngine(tmp_path / "m.gguf", cache=cache)
        prompts = [engine.encode(text) for text in tiny.corpus(8)[:8]]
        found = engine.generate(prompts, Sampling(max_new_tokens=16, ignore_eos=True))
        engine.close()
        return [answer.token_ids for answer in found]

    monkeypatch.setattr(int8_rows, "join_layers", lambda model: joined.append(join_layers(model)))
    together = answers(tmp_path / "together")
    monkeypatch.setattr(int8_rows, "join_layers", lambda _: 0)
    assert together == answers(tmp_path / "apart")
    assert joined == [2 * (3 + 2)], "two blocks, each with query, key and value, and gate and up"


def test_another_file_has_another_form_and_the_oldest_goes(
    q8: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = row_model(q8, tmp_path)
    assert first is not None
    os.utime(first.folder / "rows.json", (1, 1))
    left = tmp_path / "openvino" / ".making-killed"
    left.mkdir()
    os.utime(left, (1, 1))
    other = tmp_path / "other.gguf"
    other.write_bytes(q8.read_bytes() + b"\0")
    monkeypatch.setattr(int8_rows, "_KEPT", 1)
    second = row_model(other, tmp_path)
    assert second is not None and second.folder != first.folder
    assert list((tmp_path / "openvino").iterdir()) == [second.folder]


def test_a_file_without_blocks_has_no_such_form(tmp_path: Path) -> None:
    export(tiny.make(tmp_path / "m", "llama"), tmp_path / "m.gguf", "F16", Silent())
    assert row_model(tmp_path / "m.gguf", tmp_path) is None
    assert list((tmp_path / "openvino").iterdir()) == []


def test_a_cache_that_cannot_be_written_is_one_line(q8: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.mkdtemp", refuse)
    with pytest.raises(ResourceError, match="cannot write here"):
        OpenVinoEngine(q8, cache=tmp_path)
