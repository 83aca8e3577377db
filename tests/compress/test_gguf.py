"""GGUF files: whole or not at all, and what `gguf` itself reads from them."""

from __future__ import annotations

import errno
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.engines import tiny

from seekforge.compress import stage
from seekforge.compress.gguf import export
from seekforge.core.errors import ModelError, ResourceError, SeekforgeError
from seekforge.core.progress import Silent

one_thread = pytest.fixture(scope="module", autouse=True)(tiny.one_thread)


def change(path: Path, **fields: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), **fields}), "utf-8")


def write(folder: Path, file_format: str = "F16") -> Any:
    from gguf import GGUFReader

    target = folder.parent / f"{folder.name}-{file_format}.gguf"
    export(folder, target, file_format, Silent())
    return GGUFReader(target)


def field(reader: Any, name: str) -> Any:
    found = reader.get_field(name)
    return None if found is None else found.contents()


def tensors(reader: Any) -> dict[str, Any]:
    from gguf import dequantize

    return {t.name: dequantize(t.data, t.tensor_type) for t in reader.tensors}


def weights(folder: Path) -> dict[str, Any]:
    from safetensors.torch import load_file

    return {name: tensor.float().numpy() for name, tensor in load_file(folder / "model.safetensors").items()}


def test_the_demo_keeps_the_promised_sizes(demo_folder: Path, demo_gguf_q8: Path, demo_gguf_f16: Path) -> None:
    bf16 = stage.weight_bytes(demo_folder)
    int8 = demo_gguf_q8.stat().st_size
    assert int8 / (2 * bf16) <= 0.28
    assert int8 / bf16 <= 0.55
    assert demo_gguf_f16.stat().st_size / bf16 <= 1.05


def test_the_demo_is_described_as_it_is(demo_folder: Path, demo_gguf_q8: Path) -> None:
    from gguf import GGMLQuantizationType, GGUFReader

    reader = GGUFReader(demo_gguf_q8)
    config = json.loads((demo_folder / "config.json").read_text("utf-8"))
    assert {
        name: field(reader, name)
        for name in (
            "general.architecture",
            "llama.context_length",
            "llama.embedding_length",
            "llama.block_count",
            "llama.attention.head_count",
            "llama.attention.head_count_kv",
            "llama.rope.freq_base",
            "tokenizer.ggml.model",
            "tokenizer.ggml.pre",
            "tokenizer.ggml.eos_token_id",
            "tokenizer.ggml.add_bos_token",
        )
    } == {
        "general.architecture": "llama",
        "llama.context_length": 8192,
        "llama.embedding_length": 576,
        "llama.block_count": 30,
        "llama.attention.head_count": 9,
        "llama.attention.head_count_kv": 3,
        "llama.rope.freq_base": 100000.0,
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "smollm",
        "tokenizer.ggml.eos_token_id": 2,
        "tokenizer.ggml.add_bos_token": False,
    }
    kinds = {t.name: t.tensor_type for t in reader.tensors}
    assert config["tie_word_embeddings"]
    assert "output.weight" not in kinds
    assert kinds["token_embd.weight"] == kinds["blk.29.ffn_down.weight"] == GGMLQuantizationType.Q8_0
    assert kinds["output_norm.weight"] == GGMLQuantizationType.F32


def test_tokens_and_their_types(tmp_path: Path) -> None:
    folder = tiny.make(tmp_path / "m", "qwen2")
    tree = json.loads((folder / "tokenizer.json").read_text("utf-8"))
    number = max(t["id"] for t in tree["added_tokens"]) + len(tree["model"]["vocab"])
    tree["added_tokens"].append({**tree["added_tokens"][0], "id": number, "content": "<tool>", "special": False})
    (folder / "tokenizer.json").write_text(json.dumps(tree), "utf-8")
    reader = write(folder)
    tokens, types = field(reader, "tokenizer.ggml.tokens"), field(reader, "tokenizer.ggml.token_type")
    assert len(tokens) == len(types) == tiny.VOCABULARY
    assert (tokens[:3], types[:3]) == (list(tiny.SPECIALS), [3, 3, 3])
    assert (tokens[number], types[number]) == ("<tool>", 4)
    assert all(types[i] == 1 for t, i in tree["model"]["vocab"].items() if t not in tiny.SPECIALS)
    assert (tokens[-1], types[-1]) == (f"[unused{tiny.VOCABULARY - 1}]", 5)
    assert field(reader, "tokenizer.ggml.merges") == [" ".join(m) for m in tree["model"]["merges"]]
    assert field(reader, "tokenizer.chat_template") == tiny.TEMPLATE
    assert field(reader, "tokenizer.ggml.eos_token_id") == 2
    assert field(reader, "tokenizer.ggml.padding_token_id") == 0


@pytest.mark.parametrize("tied", [True, False])
def test_the_head_is_written_only_where_it_is_not_tied(tied: bool, tmp_path: Path) -> None:
    folder = tiny.make(tmp_path / "m", "qwen2", tie_word_embeddings=tied)
    found = tensors(write(folder))
    assert ("output.weight" in found) is not tied
    if not tied:
        np.testing.assert_allclose(found["output.weight"], weights(folder)["lm_head.weight"], atol=1e-6)


def test_biases_and_norms_of_queries_and_keys_are_written_in_full(tmp_path: Path) -> None:
    qwen2, qwen3 = tiny.make(tmp_path / "qwen2", "qwen2"), tiny.make(tmp_path / "qwen3", "qwen3")
    for folder, ours, theirs in (
        (qwen2, "blk.1.attn_{}.bias", "model.layers.1.self_attn.{}_proj.bias"),
        (qwen3, "blk.1.attn_{}_norm.weight", "model.layers.1.self_attn.{}_norm.weight"),
    ):
        found, wanted = tensors(write(folder, "Q8_0")), weights(folder)
        for part in ("q", "k", "v") if folder == qwen2 else ("q", "k"):
            assert np.abs(wanted[theirs.format(part)]).max() > 0
            np.testing.assert_array_equal(found[ours.format(part)], wanted[theirs.format(part)])


def test_llama_rows_are_interleaved_and_qwen_rows_are_not(tmp_path: Path) -> None:
    name, theirs = "blk.0.attn_k.weight", "model.layers.0.self_attn.k_proj.weight"
    for kind, moved in (("llama", True), ("qwen2", False)):
        folder = tiny.make(tmp_path / kind, kind)
        found, wanted = tensors(write(folder))[name], weights(folder)[theirs]
        heads, half = 2, 8
        if moved:  # row 2i of a head is its row i, row 2i+1 its row half + i
            wanted = wanted[[h * 16 + (i // 2) + half * (i % 2) for h in range(heads) for i in range(16)]]
        np.testing.assert_allclose(found, wanted, atol=1e-6)


@pytest.mark.parametrize(("file_format", "bits", "steps"), [("Q8_0", 8.5, 127), ("Q4_0", 4.5, 8)])
def test_blocks_are_as_near_as_their_format_allows(file_format: str, bits: float, steps: int, tmp_path: Path) -> None:
    folder = tiny.make(tmp_path / "m", "qwen2")
    reader = write(folder, file_format)
    name = "blk.0.ffn_gate.weight"
    tensor = next(t for t in reader.tensors if t.name == name)
    wanted = weights(folder)["model.layers.0.mlp.gate_proj.weight"].reshape(-1, 32)
    found = tensors(reader)[name].reshape(-1, 32)
    assert tensor.n_bytes * 8 / tensor.n_elements == bits
    step = np.abs(wanted).max(axis=1, keepdims=True) / steps
    assert (np.abs(found - wanted) <= 1.01 * step).all()
    assert np.abs(found - wanted).mean() < 0.4 * step.mean()


def test_a_layer_too_narrow_for_blocks_stays_f16(tmp_path: Path) -> None:
    from gguf import GGMLQuantizationType

    reader = write(tiny.make(tmp_path / "m", "qwen2", intermediate_size=80), "Q8_0")
    kinds = {t.name: t.tensor_type for t in reader.tensors}
    assert kinds["blk.0.ffn_down.weight"] == GGMLQuantizationType.F16
    assert kinds["blk.0.ffn_up.weight"] == GGMLQuantizationType.Q8_0


def refused(folder: Path, target: Path, file_format: str = "F16") -> SeekforgeError:
    target.write_text("older")
    with pytest.raises(SeekforgeError) as caught:
        export(folder, target, file_format, Silent())
    assert "\n" not in str(caught.value)
    assert target.read_text() == "older"
    assert sorted(p.name for p in target.parent.iterdir()) == [target.name]
    return caught.value


@pytest.fixture
def target(tmp_path: Path) -> Path:
    (tmp_path / "out").mkdir()
    return tmp_path / "out" / "m.gguf"


@pytest.mark.parametrize("kind", ["deepseek_v2", "deepseek_v3"])
def test_deepseek_is_refused(kind: str, tmp_path: Path, target: Path) -> None:
    error = refused(tiny.make(tmp_path / "m", kind), target)
    assert isinstance(error, ModelError)
    assert "cannot be written as GGUF for our engines" in str(error)
    assert error.mend


@pytest.mark.parametrize(
    "rope",
    [
        {"rope_type": "llama3", "rope_theta": 5e5, "factor": 8.0},
        {"type": "yarn", "factor": 4.0},
        {"rope_type": "linear", "factor": 2.0},
    ],
)
@pytest.mark.parametrize("key", ["rope_parameters", "rope_scaling"])
def test_scaled_rotary_embedding_is_refused(key: str, rope: dict[str, Any], tmp_path: Path, target: Path) -> None:
    folder = tiny.make(tmp_path / "m", "llama")
    config = json.loads((folder / "config.json").read_text("utf-8"))
    config.pop("rope_parameters", None)
    (folder / "config.json").write_text(json.dumps({**config, key: rope}), "utf-8")
    assert "rope scaling" in str(refused(folder, target))


def test_a_rope_base_that_is_not_the_usual_is_written(tmp_path: Path) -> None:
    rope = {"rope_type": "default", "rope_theta": 123456.0}
    assert field(write(tiny.make(tmp_path / "m", "qwen3", rope_parameters=rope)), "qwen3.rope.freq_base") == 123456.0


def test_other_tokenizers_are_refused(tmp_path: Path, target: Path) -> None:
    folder = tiny.make(tmp_path / "m", "llama")
    tree = json.loads((folder / "tokenizer.json").read_text("utf-8"))
    change(folder / "tokenizer.json", model={**tree["model"], "byte_fallback": True})
    assert "only byte-level BPE" in str(refused(folder, target))
    change(folder / "tokenizer.json", model=tree["model"], pre_tokenizer={"type": "Whitespace"})
    assert "pre-tokeniser has no name" in str(refused(folder, target))
    (folder / "tokenizer.json").unlink()
    assert "no tokenizer.json" in str(refused(folder, target))


def test_no_template_is_refused(tmp_path: Path, target: Path) -> None:
    folder = tiny.make(tmp_path / "m", "llama")
    (folder / "chat_template.jinja").unlink()
    assert "no chat template" in str(refused(folder, target))


def test_a_full_disk_leaves_the_older_file_and_nothing_else(
    tmp_path: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import gguf

    def full(self: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(gguf.GGUFWriter, "write_tensors_to_file", full)
    error = refused(tiny.make(tmp_path / "m", "llama"), target)
    assert isinstance(error, ResourceError)
    assert "no space left" in str(error)


def test_a_merge_is_whole_or_not_at_all(tmp_path: Path) -> None:
    base = tiny.make(tmp_path / "base", "qwen2")
    (tmp_path / "trained").mkdir()
    with pytest.raises(ModelError):
        stage.merge(base, tmp_path / "trained", tmp_path / "merged")
    assert not (tmp_path / "merged").exists()
    (base / "model.safetensors").rename(tmp_path / "w")
    (tmp_path / "merged").mkdir()
    stage.merge(base, tmp_path / "trained", tmp_path / "merged")  # what is there is kept: nothing is loaded


def test_where_files_lie(tmp_path: Path) -> None:
    assert stage.gguf_file(tmp_path, "Q8_0") == tmp_path / "model-q8_0.gguf"
