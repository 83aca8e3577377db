"""Inputs rounded within the graph: the arithmetic in OpenVINO, and the real engine on files that bring steps along."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
import pytest
from numpy.typing import NDArray
from openvino import opset13 as ops
from tests.engines import tiny

from seekforge.compress.activations import activation_steps
from seekforge.compress.gguf import export
from seekforge.core import hardware
from seekforge.core.progress import Silent
from seekforge.engines import int8_inputs
from seekforge.engines.gguf_header import read_metadata
from seekforge.engines.int8_blocks import blocks_in
from seekforge.engines.int8_inputs import round_inputs, steps_in
from seekforge.engines.int8_rows import _MODEL, _save_blocks, row_model
from seekforge.engines.openvino import OpenVinoEngine

LAYERS = 2
# Without one of these sums of two products overflow in 16 bits; there the engine is never given such a graph.
needs_int8 = pytest.mark.skipif(
    not hardware._cpu_flags() & {"avx512_vnni", "avx_vnni", "amx_int8"}, reason="no INT8 instructions"
)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("tiny"), "qwen2")


@pytest.fixture
def with_matrices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "has_int8_matrices", lambda: True)  # elsewhere it is slower, and as right


def written(folder: Path, kind: str, **settings: object) -> Path:
    """A tiny model as Q8_0 with its steps."""
    made = tiny.make(folder / "m", kind, **settings)
    export(made, folder / "m.gguf", "Q8_0", Silent(), activation_steps(made, tiny.records(24), Silent()))
    return folder / "m.gguf"


def computed(node: Any, read: ov.Node, value: NDArray[np.float32]) -> NDArray[np.float32]:
    model = ov.Model([node], [read])
    return np.asarray(ov.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})(value)[0])


def test_steps_round_each_column_and_cut_off_what_outgrows_them() -> None:
    read = ops.parameter([-1, 1, 4], np.float32)
    step = np.array([0.5, 1, 0.01, 100], np.float32)
    value = np.array([[[1.3, -2.6, 0.034, 1e6]], [[0, 200, -9, -40]]], np.float32)
    found = computed(int8_inputs._by_steps(read, step), read, value)
    np.testing.assert_array_equal(found, [[[3, -3, 3, 127]], [[0, 127, -127, 0]]])


def test_rows_are_rounded_by_their_own_largest_element_and_zeros_stay_zeros() -> None:
    read = ops.parameter([-1, 1, 3], np.float32)
    value = np.array([[[1, -4, 3]], [[300, 0, 0.1]], [[0, 0, 0]]], np.float32)
    whole, _ = int8_inputs._by_rows(read)
    found = computed(whole, read, value)
    np.testing.assert_array_equal(found, [[[32, -127, 95]], [[127, 0, 0]], [[0, 0, 0]]])
    again = ops.parameter([-1, 1, 3], np.float32)
    scales = computed(int8_inputs._by_rows(again)[1], again, value)
    np.testing.assert_allclose(scales[:2].ravel(), [4 / 127, 300 / 127], rtol=1e-6)


def test_a_file_names_the_steps_of_each_input_but_the_down_projections(file: Path) -> None:
    steps = steps_in(read_metadata(file))
    assert len(steps) == 4 * LAYERS + 1
    assert [None if step is None else len(step) for step in steps] == [64, 64, 64, None] * LAYERS + [64]
    assert steps_in({"general.architecture": "llama", "llama.block_count": 2}) == ()


@needs_int8
@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("llama", {"attention_bias": True, "mlp_bias": True}),
        ("smollm", {}),
        ("qwen2", {"tie_word_embeddings": False}),
        ("qwen3", {}),
    ],
)
@pytest.mark.usefixtures("with_matrices")
def test_the_engine_chooses_as_it_does_with_the_files_own_blocks(
    kind: str, settings: dict[str, object], tmp_path: Path
) -> None:
    model = written(tmp_path, kind, **settings)
    blocks, rounded = OpenVinoEngine(model), OpenVinoEngine(model, cache=tmp_path)
    [folder] = (tmp_path / "openvino").iterdir()
    assert "-steps" in folder.name
    same = tiny.same_choices(blocks, rounded, 24)
    assert same >= 18, "random weights have ties, but most choices are not one"


@needs_int8
def test_logits_are_near_the_exact_ones_and_products_are_of_integers(file: Path, tmp_path: Path) -> None:
    _save_blocks(file, tmp_path / "blocks")
    exact = ov.Core().read_model(tmp_path / "blocks" / _MODEL)
    model = exact.clone()
    assert round_inputs(model, list(blocks_in(model)), steps_in(read_metadata(file)))
    model.validate_nodes_and_infer_types()
    compiled = ov.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    kinds = [str(n.get_rt_info()["primitiveType"].value) for n in products(compiled)]
    assert len(kinds) == 7 * LAYERS + 1 and all(kind.endswith("i8") for kind in kinds), kinds
    ids = np.array([[5, 17, 300, 42, 99, 7]])
    logits = [run(ov.compile_model(m, "CPU", {"INFERENCE_PRECISION_HINT": "f32"}), ids) for m in (exact, model)]
    error = np.linalg.norm(logits[1] - logits[0]) / np.linalg.norm(logits[0])
    assert 0 < error < 0.1


def products(compiled: ov.CompiledModel) -> list[Any]:
    """The linear layers as they are run."""
    nodes = compiled.get_runtime_model().get_ordered_ops()
    return [n for n in nodes if n.get_rt_info()["layerType"].value.startswith("FullyConnected")]


def run(compiled: ov.CompiledModel, ids: NDArray[np.int64]) -> NDArray[np.float32]:
    request = compiled.create_infer_request()
    named = {
        "input_ids": ids,
        "attention_mask": np.ones_like(ids),
        "position_ids": np.arange(ids.shape[1])[None],
        "beam_idx": np.zeros(1, np.int32),
    }
    return np.asarray(request.infer(named)[0])


def test_steps_of_another_model_leave_the_form_without_them(file: Path, tmp_path: Path) -> None:
    steps = [np.ones(32, np.float32)] * (4 * LAYERS + 1)
    _save_blocks(file, tmp_path / "blocks")
    broken = [None if step is None else step * 0 for step in steps_in(read_metadata(file))]
    for other in (steps, steps[:3], broken):
        model = ov.Core().read_model(tmp_path / "blocks" / _MODEL)
        before = len(model.get_ops())
        assert not round_inputs(model, list(blocks_in(model)), other)
        assert len(model.get_ops()) == before
    found = row_model(file, tmp_path, steps)
    assert found is not None and found.group == 32


def test_without_matrix_instructions_the_steps_are_not_used(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hardware, "has_int8_matrices", lambda: False)
    OpenVinoEngine(file, cache=tmp_path).close()
    [folder] = (tmp_path / "openvino").iterdir()
    assert "-rows" in folder.name
