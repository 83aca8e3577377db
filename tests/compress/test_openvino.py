"""Exported files on the engine that serves them: the same tokens and the same choices as transformers in float32."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.engines import tiny

from seekforge.compress.gguf import export
from seekforge.core.progress import Silent
from seekforge.engines.openvino import OpenVinoEngine
from seekforge.engines.pretokenizer import DEFINITIONS
from seekforge.engines.transformers import TransformersEngine
from seekforge.evaluate.parity import (
    PROBES,
    Agreement,
    agreement,
    teacher_forced,
    unequal_prompts,
    unequal_token_ids,
)

one_thread = pytest.fixture(scope="module", autouse=True)(tiny.one_thread)
CASES = {
    "llama": ("llama", {}),
    "llama, tied": ("smollm", {}),
    "llama, biases": ("llama", {"attention_bias": True, "mlp_bias": True}),
    "qwen2, tied": ("qwen2", {}),
    "qwen2, untied": ("qwen2", {"tie_word_embeddings": False}),
    "qwen3, untied": ("qwen3", {}),
    "qwen3, tied": ("qwen3", {"tie_word_embeddings": True}),
}


def compare(reference: TransformersEngine, file: Path) -> Agreement:
    engine = OpenVinoEngine(file)
    records = tiny.records(30)
    positions = teacher_forced(reference, records, 60, Silent())
    assert len({p.expected for p in positions}) > 4, "a model that always says the same shows nothing"
    assert unequal_prompts(reference, engine, records) == []
    found = agreement(reference, engine, positions, Silent())
    engine.close()
    return found


@pytest.mark.parametrize("case", CASES)
def test_next_tokens_are_those_of_transformers(case: str, tmp_path: Path) -> None:
    kind, settings = CASES[case]
    folder = tiny.make(tmp_path / "m", kind, **settings)
    reference = TransformersEngine(folder, "float32")
    for file_format, least in (("F16", 0.95), ("Q8_0", 0.8)):
        export(folder, tmp_path / "m.gguf", file_format, Silent())
        found = compare(reference, tmp_path / "m.gguf")
        assert found.positions >= 60
        assert found.share >= least, found.differences
        # Logits have a standard deviation of about 1.2 here: what differs is a tie.
        assert all(0 <= d.margin < 0.5 for d in found.differences)


@pytest.mark.parametrize(
    ("kind", "part"), [("qwen2", "q_proj.bias"), ("qwen3", "q_norm.weight"), ("llama", "q_proj.weight")]
)
def test_a_file_that_is_a_little_wrong_does_not_pass(kind: str, part: str, tmp_path: Path) -> None:
    """The comparison's own test: one kind of tensor spoilt, and it shows."""
    from safetensors.torch import load_file, save_file

    reference = TransformersEngine(tiny.make(tmp_path / "m", kind), "float32")
    tensors = load_file(tmp_path / "m" / "model.safetensors")
    for name in tensors:
        if name.endswith(part):
            tensors[name] = tensors[name].flip(0).contiguous()
    save_file(tensors, tmp_path / "m" / "model.safetensors", {"format": "pt"})
    export(tmp_path / "m", tmp_path / "m.gguf", "F16", Silent())
    found = compare(reference, tmp_path / "m.gguf")
    assert found.share < 0.95
    assert max(d.margin for d in found.differences) > 0.2


@pytest.mark.parametrize("name", sorted(DEFINITIONS))
def test_token_ids_are_those_of_transformers(name: str, tmp_path: Path) -> None:
    folder = tiny.make(tmp_path / "m", "llama")
    tiny.save_tokenizer(folder, DEFINITIONS[name])
    export(folder, tmp_path / "m.gguf", "F16", Silent())
    reference, engine = TransformersEngine(folder, "float32"), OpenVinoEngine(tmp_path / "m.gguf")
    texts = [*PROBES, *tiny.corpus(40), "1 12 123 1234 12345", "it's I'm we'll they've", "foo--bar!!!", "\n\n  x"]
    special = ["<|im_start|>user\nhi<|im_end|>", "a<|im_end|>b <|im_end|> c", "<|im_star|>"]
    assert unequal_token_ids(reference, engine, [*texts, *special]) == []
    for text in [*texts, *special]:
        ids = engine.encode(text)
        assert engine.decode(ids) == reference.decode(ids)
    engine.close()
