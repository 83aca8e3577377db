"""Fused adapters compute what PEFT's compute: the same loss, the same gradients, the same files."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import peft
import pytest
import torch
import transformers
from peft.tuners.lora.layer import Linear
from tests.engines import tiny
from trl.trainer.utils import add_fused_lm_head

from seekforge.train.examples import IGNORED
from seekforge.train.fused import FusedLinear, compile_layers, fuse, lora_linear
from seekforge.train.trainer import _answers_only, _fused_head, keep_last_layer

one_thread = pytest.fixture(scope="module", autouse=True)(tiny.one_thread)
TOKENS = torch.randint(3, 600, (2, 21), generator=torch.Generator().manual_seed(0))


def make(kind: str, dtype: torch.dtype = torch.float32, **settings: Any) -> Any:
    """A PEFT model with adapters that do something."""
    name, own, _ = tiny.KINDS[kind]
    torch.manual_seed(0)
    config = getattr(transformers, name)(**{**tiny.SHAPE, **own})
    base = transformers.AutoModelForCausalLM.from_config(config, dtype=dtype)
    found = {path.rpartition(".")[2] for path, part in base.named_modules() if type(part) is torch.nn.Linear}
    options = {"r": 4, "lora_alpha": 12, "target_modules": sorted(found - {"lm_head"}), "task_type": "CAUSAL_LM"}
    model = peft.get_peft_model(base, peft.LoraConfig(**{**options, **settings}))
    for path, weights in model.named_parameters():
        if "lora_B" in path:
            torch.nn.init.normal_(weights, std=0.05)
    return model.train()


def gradients(model: Any, autocast: bool = False) -> tuple[float, torch.Tensor]:
    """Loss and all gradients in one vector, in float32."""
    model.zero_grad()
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        loss = model(input_ids=TOKENS, labels=TOKENS, use_cache=False).loss
    loss.backward()
    return float(loss), torch.cat([p.grad.float().flatten() for p in model.parameters() if p.grad is not None])


def off(one: torch.Tensor, other: torch.Tensor) -> float:
    return float((one - other).norm() / other.norm())


def fused_layers(model: Any) -> list[FusedLinear]:
    return [module for module in model.modules() if isinstance(module, FusedLinear)]


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """How many layers took PEFT's own way."""
    calls: list[int] = []
    plain = Linear.forward

    def forward(self: Any, *args: Any, **settings: Any) -> Any:
        calls.append(1)
        return plain(self, *args, **settings)

    monkeypatch.setattr(Linear, "forward", forward)
    yield calls


@pytest.mark.parametrize("rslora", [False, True])
@pytest.mark.parametrize("kind", tiny.KINDS)
def test_float32_loss_and_gradients_equal_plain_pefts(kind: str, rslora: bool, taken: list[int]) -> None:
    model = make(kind, use_rslora=rslora)
    plain_loss, plain = gradients(model)
    layers = len(taken)
    assert fuse(model) == len(fused_layers(model)) == layers > 0
    loss, fused = gradients(model)
    assert len(taken) == layers  # none went PEFT's way any more
    assert loss == pytest.approx(plain_loss, rel=1e-6)
    assert off(fused, plain) < 2e-6


@pytest.mark.parametrize("kind", ["llama", "qwen2", "qwen3", "deepseek_v2_lite"])
def test_bfloat16_is_as_near_to_float32_as_plain_peft_is(kind: str) -> None:
    model = make(kind, torch.bfloat16)
    exact_loss, exact = gradients(copy.deepcopy(model).float())
    plain_loss, plain = gradients(model, autocast=True)
    fuse(model)
    loss, fused = gradients(model, autocast=True)
    assert off(fused, exact) < 1.25 * off(plain, exact)
    assert abs(loss - exact_loss) < abs(plain_loss - exact_loss) + 5e-3
    assert all(p.grad.dtype == torch.float32 for n, p in model.named_parameters() if "lora_" in n)


def test_checkpointed_gradients_are_bit_equal() -> None:
    model = make("qwen2", torch.bfloat16)
    fuse(model)
    loss, kept = gradients(model, autocast=True)
    model.gradient_checkpointing_enable()
    model.enable_input_require_grads()
    again, recomputed = gradients(model, autocast=True)
    assert (again, kept.tolist()) == (loss, recomputed.tolist())
    keep_last_layer(model)
    again, without_last = gradients(model, autocast=True)
    assert (again, kept.tolist()) == (loss, without_last.tolist())


def test_the_last_layer_is_not_computed_twice() -> None:
    model = make("qwen2")
    model.gradient_checkpointing_enable()
    model.enable_input_require_grads()
    keep_last_layer(model)
    passes: list[int] = []
    for number, layer in enumerate(model.get_base_model().model.layers):
        layer.mlp.register_forward_pre_hook(lambda *_, now=number: passes.append(now))
    gradients(model)
    assert passes == [0, 1, 0]


@pytest.mark.parametrize("settings", [{"use_dora": True}, {"lora_dropout": 0.5}, {"lora_bias": True}], ids=str)
def test_what_it_cannot_do_goes_pefts_way(settings: dict[str, Any], taken: list[int]) -> None:
    model = make("llama", **settings)
    torch.manual_seed(3)
    plain_loss, plain = gradients(model)
    layers = len(taken)
    fuse(model)
    torch.manual_seed(3)
    loss, fused = gradients(model)
    assert len(taken) == 2 * layers > 0
    assert (loss, fused.tolist()) == (plain_loss, plain.tolist())


def test_dropout_is_fused_when_evaluating(taken: list[int]) -> None:
    model = make("llama", lora_dropout=0.5).eval()
    plain = model(input_ids=TOKENS).logits
    layers = len(taken)
    fuse(model)
    torch.testing.assert_close(model(input_ids=TOKENS).logits, plain, rtol=1e-4, atol=1e-5)
    assert len(taken) == layers


def test_switched_off_and_merged_adapters(taken: list[int]) -> None:
    model = make("llama").eval()
    fuse(model)
    tuned = model(input_ids=TOKENS).logits
    assert not taken
    with model.disable_adapter():
        base = model(input_ids=TOKENS).logits
    assert (base - tuned).abs().max() > 0.01
    model.merge_adapter()
    torch.testing.assert_close(model(input_ids=TOKENS).logits, tuned, rtol=1e-4, atol=1e-4)
    assert taken  # a merged layer is PEFT's business
    taken.clear()
    model.unmerge_adapter()
    torch.testing.assert_close(model(input_ids=TOKENS).logits, tuned, rtol=1e-4, atol=1e-4)
    assert not taken


def test_trainable_or_other_base_layers_are_left_alone() -> None:
    model = make("llama")
    first = model.base_model.model.model.layers[0].mlp
    first.up_proj.base_layer.weight.requires_grad_(requires_grad=True)

    class Other(torch.nn.Linear):
        """Stands for a quantised layer."""

    first.down_proj.base_layer.__class__ = Other
    assert fuse(model) == 14 - 2
    assert type(first.up_proj) is type(first.down_proj) is Linear


def test_its_adapter_loads_in_plain_peft(tmp_path: Path) -> None:
    model = make("qwen3")
    base = copy.deepcopy(model).unload()
    fuse(model)
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-2)
    for _ in range(3):
        gradients(model)
        optimizer.step()
    model.save_pretrained(tmp_path)
    loaded = peft.PeftModel.from_pretrained(base, tmp_path).eval()
    assert not fused_layers(loaded)
    expected = model.eval()(input_ids=TOKENS).logits
    torch.testing.assert_close(loaded(input_ids=TOKENS).logits, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("bias", [True, False])
def test_operator(bias: bool) -> None:
    torch.manual_seed(0)
    shapes = [(5, 6), (7, 6), (7,), (3, 6), (7, 3)]
    x, weight, b, low, high = (torch.randn(shape, dtype=torch.float64) for shape in shapes)
    for tensor in (x, low, high):
        tensor.requires_grad_()
    rest = (weight, b if bias else None)
    assert torch.autograd.gradcheck(lambda *given: lora_linear(given[0], *rest, *given[1:], 1.7)[0], (x, low, high))
    torch.library.opcheck(lora_linear, (x, *rest, low, high, 1.7))


def test_first_layer_without_gradient_of_its_input() -> None:
    x, weight = torch.randn(5, 6), torch.randn(7, 6)
    low, high = torch.randn(3, 6, requires_grad=True), torch.randn(7, 3, requires_grad=True)
    found = torch.autograd.grad(lora_linear(x, weight, None, low, high, 2.0)[0].sum(), (low, high))
    expected = torch.autograd.grad((2.0 * x @ low.t() @ high.t()).sum(), (low, high))
    torch.testing.assert_close(found, expected)


def test_head_of_the_gpu_gives_the_loss_of_the_cpus() -> None:
    model = make("qwen2")
    add_fused_lm_head(model.get_base_model())
    labels = TOKENS.clone()
    labels[0, :9] = labels[1, 4:7] = IGNORED
    adapters = [weights for weights in model.parameters() if weights.requires_grad]
    found = []
    for head in (_fused_head, _answers_only):
        total, _ = head(model, {"input_ids": TOKENS, "labels": labels})
        found.append((total.detach(), *torch.autograd.grad(total, adapters)))
    torch.testing.assert_close(*found)


@pytest.mark.slow
@pytest.mark.parametrize("checkpointing", [False, True])
def test_compiled_layers(checkpointing: bool) -> None:
    """One compilation for all layers and lengths, no break in the graph, the same gradients."""
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    model = make("qwen2")
    fuse(model)
    if checkpointing:
        model.gradient_checkpointing_enable()
    model.enable_input_require_grads()
    loss, eager = gradients(model)
    assert compile_layers(model) == 2
    again, compiled = gradients(model)
    counters = torch._dynamo.utils.counters
    assert counters["stats"]["unique_graphs"] == 1
    assert not counters["graph_break"]
    assert again == pytest.approx(loss, rel=1e-5)
    assert off(compiled, eager) < 1e-5


def test_layers_with_experts_are_not_compiled() -> None:
    assert compile_layers(make("deepseek_v3")) == 1  # the first is dense
