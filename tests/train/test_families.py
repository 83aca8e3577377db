"""Each architecture of the family table, from training to one merged folder, on tiny models of the real classes."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.engines import tiny

from seekforge.compress.stage import merge
from seekforge.core.errors import ModelError
from seekforge.core.families import FAMILIES, family_of, reasoning_tags
from seekforge.core.models import family_of_folder
from seekforge.core.progress import Silent
from seekforge.engines.transformers import load_model, load_tokenizer, load_trained
from seekforge.train.sft import train

one_thread = pytest.fixture(scope="module", autouse=True)(tiny.one_thread)
DEEPSEEK = [kind for kind in tiny.KINDS if kind.startswith("deepseek")]


@dataclass(frozen=True, slots=True)
class Run:
    base: Path
    adapter: Path
    merged: Path
    losses: list[float]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Run]:
    """Three steps of LoRA and the merged folder, once a kind."""

    @functools.cache
    def make(kind: str) -> Run:
        root = tmp_path_factory.mktemp(kind)
        base = tiny.make(root / "base", kind)
        tokenizer = load_tokenizer(base)
        job = tiny.job(root, tokenizer, family_of_folder(base).model_type, tiny.records(8), max_steps=3)
        trained = train(load_model(base), tokenizer, job, Silent())
        merge(base, job.output, root / "merged")
        losses = [row["eval_loss"] for row in trained.curve if "eval_loss" in row]
        return Run(base, job.output / "adapter", root / "merged", losses)

    return make


def plain(folder: Path) -> Any:
    """What a user without seekforge would load."""
    import torch
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()


def logits(model: Any) -> Any:
    import torch

    with torch.inference_mode():
        return model(torch.arange(3, 67).reshape(2, 32)).logits


def adapted(adapter: Path) -> set[str]:
    """Modules that the adapter's file changes, as in the model's own names."""
    from safetensors import safe_open

    with safe_open(adapter / "adapter_model.safetensors", "pt") as file:
        names = [name.removeprefix("base_model.model.") for name in file.keys()]  # noqa: SIM118  no mapping
    return {name.partition(".lora_")[0] for name in names}


@pytest.mark.parametrize("kind", tiny.KINDS)
def test_the_merged_folder_is_base_and_adapter(kind: str, run: Callable[[str], Run]) -> None:
    import torch
    from peft import PeftModel

    made = run(kind)
    assert made.losses[-1] < made.losses[0]
    base = logits(plain(made.base))
    tuned = PeftModel.from_pretrained(plain(made.base), made.adapter).eval()
    live, merged = logits(tuned), logits(plain(made.merged))
    # The same sum, rounded to bfloat16 by hand, is what merge wrote and what evaluation uses before it is written.
    by_hand = tuned.merge_and_unload()
    for parameter in by_hand.parameters():
        parameter.data = parameter.data.to(torch.bfloat16).float()
    torch.testing.assert_close(merged, logits(by_hand), atol=1e-6, rtol=0)
    unwritten = load_trained(made.base, made.adapter.parent, "float32")
    torch.testing.assert_close(merged, logits(unwritten), atol=1e-6, rtol=0)
    # And the rounding is nothing beside what training did (the median: an expert's choice may flip at a tie).
    assert float((merged - live).abs().median()) < 0.15 * float((live - base).abs().median())


@pytest.mark.parametrize("kind", tiny.KINDS)
def test_the_merged_folder_keeps_the_tokenizer_and_the_type(kind: str, run: Callable[[str], Run]) -> None:
    made = run(kind)
    before, after = load_tokenizer(made.base), load_tokenizer(made.merged)
    text = "Card 0042: 卡片 it's <|im_end|>"
    assert before.encode(text) == after.encode(text)
    assert before.chat_template == after.chat_template
    assert family_of_folder(made.merged) == family_of_folder(made.base)


@pytest.mark.parametrize("kind", ["llama", "qwen2", "qwen3"])
def test_every_linear_layer_has_an_adapter(kind: str, run: Callable[[str], Run]) -> None:
    base = load_model(run(kind).base)
    linear = {name for name, module in base.named_modules() if type(module).__name__ == "Linear"} - {"lm_head"}
    assert adapted(run(kind).adapter) == linear


@pytest.mark.parametrize("kind", DEEPSEEK)
def test_latent_attention_has_adapters_and_the_router_has_none(kind: str, run: Callable[[str], Run]) -> None:
    names = adapted(run(kind).adapter)
    queries = {"q_proj"} if kind == "deepseek_v2_lite" else {"q_a_proj", "q_b_proj"}
    wanted = queries | {"kv_a_proj_with_mqa", "kv_b_proj", "o_proj"}
    for layer in (0, 1):
        prefix = f"model.layers.{layer}.self_attn."
        assert {name.removeprefix(prefix) for name in names if name.startswith(prefix)} == wanted
    # The routed experts' weights are one tensor a projection; PEFT hangs two adapters on their module.
    experts = "model.layers.1.mlp.experts"
    assert {name for name in names if ".mlp." in name} == {experts, f"{experts}.base_layer"}
    assert not any(name.endswith((".gate", "lm_head", "embed_tokens")) for name in names)


def test_an_architecture_that_is_not_in_the_table_is_one_line() -> None:
    with pytest.raises(ModelError) as caught:
        family_of("gpt_neox", "some/folder")
    assert str(caught.value) == (
        "some/folder: architecture 'gpt_neox' is not supported. "
        "Use one of: Llama, Qwen2, Qwen3, DeepSeek-V2, DeepSeek-V3"
    )


def test_distilled_models_think_by_their_template() -> None:
    assert reasoning_tags(FAMILIES["qwen2"], tiny.TEMPLATE) is None
    assert reasoning_tags(FAMILIES["qwen2"], "{{ content.split('</think>')[-1] }}") == ("<think>", "</think>")
    assert reasoning_tags(FAMILIES["deepseek_v3"], tiny.TEMPLATE) == ("<think>", "</think>")
