"""Each architecture of the family table, from training to one merged folder, on tiny models of the real classes."""

from __future__ import annotations

import functools
import json
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.engines import tiny

from seekforge.compress.stage import merge
from seekforge.core.config import LoraSettings
from seekforge.core.errors import ConfigError, ModelError
from seekforge.core.families import FAMILIES, family_of, reasoning_tags
from seekforge.core.models import family_of_folder
from seekforge.core.progress import Silent
from seekforge.engines.transformers import load_model, load_tokenizer, load_trained
from seekforge.train.adapters import attach
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
def run(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Run]:
    """Three steps of LoRA and the merged folder, once a kind and switch."""

    @functools.cache
    def make(kind: str, *switches: str) -> Run:
        root = tmp_path_factory.mktemp(kind)
        base = tiny.make(root / "base", kind)
        tokenizer = load_tokenizer(base)
        lora = dict.fromkeys(switches, True)
        job = tiny.job(root, tokenizer, family_of_folder(base).model_type, tiny.records(8), max_steps=3, lora=lora)
        with no_warnings_of_peft():
            trained = train(load_model(base), tokenizer, job, Silent())
        merge(base, job.output, root / "merged")
        losses = [row["eval_loss"] for row in trained.curve if "eval_loss" in row]
        return Run(base, job.output / "adapter", root / "merged", losses)

    return make


@contextmanager
def no_warnings_of_peft() -> Iterator[None]:
    """Such as that keys of a pattern matched nothing: what was asked for was not done."""
    with warnings.catch_warnings():
        warnings.filterwarnings("error", category=RuntimeWarning)
        warnings.filterwarnings("error", module="peft")
        yield


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


def broken_promises(made: Run) -> list[str]:
    """What of a merged folder is not so, with the largest difference between the two logits."""
    import torch
    from peft import PeftModel

    base = logits(plain(made.base))
    with no_warnings_of_peft():
        tuned = PeftModel.from_pretrained(plain(made.base), made.adapter).eval()
    live, merged = logits(tuned), logits(plain(made.merged))
    by_hand = tuned.merge_and_unload()
    exact = logits(by_hand)
    for parameter in by_hand.parameters():
        parameter.data = parameter.data.to(torch.bfloat16).float()
    unwritten = load_trained(made.base, made.adapter.parent, "float32")
    equal = {
        "the sum is the adapter on its base": (exact, live, 1e-4, 1e-4),
        "what merge wrote is the sum, rounded to bfloat16": (merged, logits(by_hand), 1e-6, 0.0),
        "so is what evaluation uses before it is written": (merged, logits(unwritten), 1e-6, 0.0),
    }
    broken = [
        f"{promise}: {float((one - other).abs().max()):.2g} off"
        for promise, (one, other, absolute, relative) in equal.items()
        if not torch.allclose(one, other, atol=absolute, rtol=relative)
    ]
    # The median: an expert's choice may flip at a tie.
    rounding, training = (float((live - other).abs().median()) for other in (merged, base))
    return (
        broken if rounding < 0.15 * training else [*broken, f"rounding moved {rounding:.2g}, training {training:.2g}"]
    )


MERGED: list[tuple[str, ...]] = [(kind,) for kind in tiny.KINDS]
MERGED += [(kind, "experts") for kind in DEEPSEEK]
MERGED += [("qwen3", switch) for switch in ("dora", "rslora")]


@pytest.mark.parametrize("kind_and_switches", MERGED, ids="-".join)
def test_the_merged_folder_is_base_and_adapter(kind_and_switches: tuple[str, ...], run: Callable[..., Run]) -> None:
    made = run(*kind_and_switches)
    assert made.losses[-1] < made.losses[0]
    assert broken_promises(made) == []


@pytest.mark.parametrize("switch", ["dora", "rslora"])
def test_the_adapter_says_of_what_kind_it_is(switch: str, run: Callable[..., Run]) -> None:
    config = json.loads((run("qwen3", switch).adapter / "adapter_config.json").read_text("utf-8"))
    assert config[f"use_{switch}"] is True


def test_what_trains_is_what_plain_peft_computes(run: Callable[..., Run]) -> None:
    """The layers that we made ordinary and the wrappers that plain PEFT makes of the same file: equal logits."""
    import torch
    from peft import PeftModel
    from peft.tuners.lora import Linear, ParamWrapper
    from safetensors.torch import load_file

    made = run("deepseek_v3")
    ours = attach(plain(made.base), FAMILIES["deepseek_v3"], LoraSettings(dropout=0.2))
    names = [name for name, module in ours.named_modules() if isinstance(module, Linear)]
    assert not any(isinstance(module, ParamWrapper) for module in ours.modules())
    assert any(name.endswith("shared_experts.up_proj") for name in names)
    assert all(ours.get_submodule(name).lora_dropout["default"].p == 0.2 for name in names)
    weights = load_file(made.adapter / "adapter_model.safetensors")
    named = {name.replace(".weight", ".default.weight"): tensor for name, tensor in weights.items()}
    missing, unexpected = ours.load_state_dict(named, strict=False)
    assert not unexpected
    assert not [name for name in missing if "lora_" in name]
    theirs = PeftModel.from_pretrained(plain(made.base), made.adapter)
    assert any(isinstance(module, ParamWrapper) for module in theirs.modules())
    torch.testing.assert_close(logits(ours.eval()), logits(theirs.eval()), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("kind", tiny.KINDS)
def test_the_merged_folder_keeps_the_tokenizer_and_the_type(kind: str, run: Callable[..., Run]) -> None:
    made = run(kind)
    before, after = load_tokenizer(made.base), load_tokenizer(made.merged)
    text = "Card 0042: 卡片 it's <|im_end|>"
    assert before.encode(text) == after.encode(text)
    assert before.chat_template == after.chat_template
    assert family_of_folder(made.merged) == family_of_folder(made.base)


@pytest.mark.parametrize("kind", ["llama", "qwen2", "qwen3"])
def test_every_linear_layer_has_an_adapter(kind: str, run: Callable[..., Run]) -> None:
    base = load_model(run(kind).base)
    linear = {name for name, module in base.named_modules() if type(module).__name__ == "Linear"} - {"lm_head"}
    assert adapted(run(kind).adapter) == linear


_FEED_FORWARD = ("gate_proj", "up_proj", "down_proj")
DENSE = {f"model.layers.0.mlp.{name}" for name in _FEED_FORWARD} | {
    f"model.layers.1.mlp.shared_experts.{name}" for name in _FEED_FORWARD
}
# The routed experts' weights are one tensor a projection; PEFT hangs two adapters on their module.
ROUTED = {"model.layers.1.mlp.experts", "model.layers.1.mlp.experts.base_layer"}


@pytest.mark.parametrize("kind", DEEPSEEK)
def test_attention_dense_and_shared_layers_have_adapters(kind: str, run: Callable[..., Run]) -> None:
    names = adapted(run(kind).adapter)
    queries = {"q_proj"} if kind == "deepseek_v2_lite" else {"q_a_proj", "q_b_proj"}
    wanted = queries | {"kv_a_proj_with_mqa", "kv_b_proj", "o_proj"}
    assert names == DENSE | {f"model.layers.{n}.self_attn.{name}" for n in (0, 1) for name in wanted}
    assert adapted(run(kind, "experts").adapter) == names | ROUTED


@pytest.mark.parametrize("kind", DEEPSEEK)
@pytest.mark.parametrize("switches", [(), ("experts",)], ids=["plain", "experts"])
def test_the_router_stays_as_it_was(kind: str, switches: tuple[str, ...], run: Callable[..., Run]) -> None:
    made = run(kind, *switches)
    before, after = dict(plain(made.base).named_parameters()), dict(plain(made.merged).named_parameters())
    routers = [name for name in before if ".gate." in name]
    assert len(routers) == 1  # the first layer has no experts
    moved = {name for name in before if not before[name].equal(after[name])}
    assert not moved & set(routers)
    assert {f"{name}.weight" for name in DENSE} <= moved
    assert ("model.layers.1.mlp.experts.down_proj" in moved) is bool(switches)


@pytest.mark.parametrize("kind", ["deepseek_v2", "deepseek_v3"])
def test_full_fine_tuning_leaves_the_router_alone(kind: str, tmp_path: Path) -> None:
    base = tiny.make(tmp_path / "base", kind)
    tokenizer = load_tokenizer(base)
    settings: dict[str, Any] = {"method": "full", "max_steps": 2, "weight_decay": 0.1, "learning_rate": 1e-2}
    job = tiny.job(tmp_path, tokenizer, kind, tiny.records(8), **settings)
    train(load_model(base, "float32"), tokenizer, job, Silent())
    before, after = plain(base).named_parameters(), dict(plain(job.output / "model").named_parameters())
    still = {name for name, weights in before if weights.equal(after[name])}
    assert still == {"model.layers.1.mlp.gate.weight"}


@pytest.mark.parametrize(
    ("kind", "lora", "line"),
    [
        ("deepseek_v3", {"targets": ["gate"]}, "'gate' is the router, which stays frozen. Set train.lora.experts=true"),
        ("qwen3", {"experts": True}, "train.lora.experts: this Qwen3 has no routed experts. Leave it out"),
        ("deepseek_v2", {"experts": True, "dropout": 0.1}, "no dropout on experts. Set train.lora.dropout=0"),
        (
            "deepseek_v2",
            {"dora": True},
            "PEFT has it on the attention layers of DeepSeek-V2 only. "
            "Set train.lora.targets=[kv_a_proj_with_mqa, kv_b_proj, o_proj, q_a_proj, q_b_proj]",
        ),
    ],
)
def test_what_peft_cannot_do_is_one_line(kind: str, lora: dict[str, Any], line: str, run: Callable[..., Run]) -> None:
    model = load_model(run(kind).base)
    with pytest.raises(ConfigError, match=re.escape(line)):
        attach(model, family_of_folder(run(kind).base), LoraSettings.model_validate(lora))


def test_dora_on_latent_attention(run: Callable[..., Run]) -> None:
    targets = ("kv_a_proj_with_mqa", "kv_b_proj", "o_proj", "q_a_proj", "q_b_proj")
    model = attach(plain(run("deepseek_v2").base), FAMILIES["deepseek_v2"], LoraSettings(dora=True, targets=targets))
    assert sum(name.endswith("lora_magnitude_vector") for name, _ in model.named_modules()) == 10


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
