"""The planner's arithmetic: parameters counted exactly, activations against autograd, peaks against known GPU runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.engines import tiny
from tests.train.saved import saved_bytes

from seekforge.core.families import FAMILIES
from seekforge.engines.transformers import load_model
from seekforge.train import memory
from seekforge.train.loading import shape_of_folder
from seekforge.train.memory import Setup, adapter_parameters, predict
from seekforge.train.shapes import shape_of

one_thread = pytest.fixture(scope="module", autouse=True)(tiny.one_thread)
GIB = 1 << 30
QWEN2_7B: dict[str, Any] = {
    "model_type": "qwen2",
    "hidden_size": 3584,
    "intermediate_size": 18944,
    "num_hidden_layers": 28,
    "num_attention_heads": 28,
    "num_key_value_heads": 4,
    "vocab_size": 152064,
    "tie_word_embeddings": False,
    "max_position_embeddings": 32768,
}
LINEAR = FAMILIES["qwen2"].lora_targets


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {kind: tiny.make(tmp_path_factory.mktemp(kind), kind) for kind in tiny.KINDS}


@pytest.mark.parametrize("kind", tiny.KINDS)
def test_every_parameter_is_counted(kind: str, folders: dict[str, Path]) -> None:
    shape, model = shape_of_folder(folders[kind]), load_model(folders[kind])
    assert shape.parameters == model.num_parameters()
    routers = sum(p.numel() for name, p in model.named_parameters() if ".gate." in name)
    assert shape.router_parameters == routers
    assert shape.expert_parameters == sum(p.numel() for n, p in model.named_parameters() if ".experts." in n)
    assert shape.positions == 512


@pytest.mark.parametrize("kind", tiny.KINDS)
@pytest.mark.parametrize("experts", [False, True])
def test_so_is_every_parameter_of_an_adapter(kind: str, experts: bool, folders: dict[str, Path]) -> None:
    from seekforge.core.config import LoraSettings
    from seekforge.train.adapters import attach

    shape, model = shape_of_folder(folders[kind]), load_model(folders[kind])
    family = FAMILIES[model.config.model_type]
    experts = experts and bool(shape.expert_parameters)
    adapted = attach(model, family, LoraSettings(rank=4, experts=experts))
    trained = sum(p.numel() for p in adapted.parameters() if p.requires_grad)
    setup = Setup("lora", 1, 8, rank=4, targets=family.lora_targets, experts=experts)
    assert adapter_parameters(shape, setup) == trained


SETTINGS: list[dict[str, Any]] = [
    {"method": "lora"},
    {"method": "lora", "padded": True},
    {"method": "lora", "fused": False},
    {"method": "lora", "autocast": False, "fused": False},
    {"method": "lora", "compute": "float32"},
    {"method": "lora", "compute": "float32", "padded": True},
    {"method": "lora", "shared": 96},
    {"method": "full"},
    {"method": "full", "compute": "float32"},
    {"method": "full", "precision": "bfloat16"},
]


@pytest.mark.parametrize("kind", ["llama", "qwen3", "deepseek_v2_lite", "deepseek_v3"])
@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_activations_are_what_autograd_keeps(kind: str, settings: dict[str, Any], folders: dict[str, Path]) -> None:
    counted, measured = activations(settings, folders[kind])
    assert counted == pytest.approx(measured, rel=0.1)


@pytest.mark.parametrize(("kind", "switch"), [("qwen2", "dora"), ("deepseek_v2", "experts")])
def test_so_they_are_with_switches(kind: str, switch: str, folders: dict[str, Path]) -> None:
    counted, measured = activations({"method": "lora", switch: True}, folders[kind])
    assert counted == pytest.approx(measured, rel=0.1)


def activations(settings: dict[str, Any], folder: Path) -> tuple[int, int]:
    """Bytes that the planner counts for the layers of one forward pass, and those that autograd keeps."""
    full = settings["method"] == "full" and settings.get("precision") != "bfloat16"
    float32 = full or settings.get("compute") == "float32"
    model, shape = load_model(folder, "float32" if float32 else "bfloat16"), shape_of_folder(folder)
    family = FAMILIES[model.config.model_type]
    setup = Setup(batch=4, length=256, rank=4, targets=family.lora_targets, kernels=False, **settings)
    measured = saved_bytes(model, family, setup, padded=setup.padded)
    tokens = setup.batch * (setup.length - setup.shared) + setup.shared
    counted = sum(
        tokens * memory._saved_a_token(shape, layer, setup) + memory._saved_a_pass(shape, layer, setup)
        for layer in shape.layers
    )
    counted += tokens * memory._norm(shape.hidden, setup) + memory._autocast_copies(shape, setup)
    is_copied = full and memory._autocast_copies(shape, setup) > 0
    counted -= 2 * shape.embedding if is_copied else 0  # the output layer, which is not part of this pass
    return counted, measured


# One H200, sequence 1,024, plain PEFT and SDPA; LoRA and all-bfloat16 without autocast.
@pytest.mark.parametrize(
    ("measured", "settings"),
    [
        (97.3, {"method": "lora", "batch": 8, "autocast": False}),
        (30.3, {"method": "lora", "batch": 8, "autocast": False, "checkpointing": True}),
        (16.7, {"method": "lora", "batch": 1, "autocast": False, "checkpointing": True}),
        (58.4, {"method": "full", "batch": 8, "autocast": False, "checkpointing": True, "precision": "bfloat16"}),
        (56.9, {"method": "full", "batch": 1, "autocast": False, "checkpointing": True, "precision": "bfloat16"}),
        (113.9, {"method": "full", "batch": 1, "checkpointing": True}),
    ],
)
def test_peaks_that_were_measured_on_a_gpu(measured: float, settings: dict[str, Any]) -> None:
    prediction = predict(shape_of(QWEN2_7B), Setup(length=1024, targets=LINEAR, fused=False, **settings))
    assert prediction.peak / GIB == pytest.approx(measured, rel=0.1)


setups = st.builds(
    Setup,
    method=st.sampled_from(["lora", "qlora", "full"]),
    batch=st.integers(1, 16),
    length=st.integers(16, 4096),
    answer=st.none() | st.integers(1, 4096),
    checkpointing=st.booleans(),
    accumulate=st.integers(1, 4),
    precision=st.sampled_from(["float32", "bfloat16"]),
    padded=st.booleans(),
    rank=st.integers(1, 64),
    targets=st.just(LINEAR),
)


@given(setups)
def test_more_of_anything_never_needs_less(setup: Setup) -> None:
    shape = shape_of(QWEN2_7B)
    peak = predict(shape, setup).peak
    more = (
        replace(setup, batch=setup.batch + 1),
        replace(setup, length=setup.length + 64),
        replace(setup, rank=setup.rank + 1),
    )
    assert all(predict(shape, one).peak >= peak for one in more)
    assert predict(shape, replace(setup, shards=8)).parts.optimiser <= predict(shape, setup).parts.optimiser
    assert min(getattr(predict(shape, setup).parts, name) for name in memory.Bytes.__slots__) >= 0
