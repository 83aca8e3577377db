"""What one process of `lora_speed.py` does: one training, or the comparison with plain PEFT in float32."""

from __future__ import annotations

import copy
import tempfile
import time
from argparse import Namespace
from typing import Any

import torch
from lora_speed import RANK, WARM_UP, Case, summary
from peft import LoraConfig, get_peft_model
from shared import random_model, tokenizer
from transformers import TrainerCallback

GIB = 2**30
LAYERS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def measure(case: Case, shape: dict[str, Any], options: Namespace) -> dict[str, Any]:
    """Trains for a few steps and times them."""
    from datasets import Dataset
    from trl import SFTTrainer

    from seekforge.train.fused import compile_layers
    from seekforge.train.trainer import Trainer

    batch = case.batch or options.batch
    steps = WARM_UP + options.steps
    rows = torch.randint(2, shape["vocab_size"], (batch * steps, options.length)).tolist()
    clock = Clock(case.profile)
    with tempfile.TemporaryDirectory() as folder:
        settings: dict[str, Any] = {
            "model": _model(shape, case.dtype),
            "args": _arguments(case, batch, steps, options.length, folder),
            "train_dataset": Dataset.from_dict({"input_ids": rows, "labels": rows}),
            "processing_class": tokenizer(),
            "peft_config": _lora() if case.method == "lora" else None,
            "callbacks": [clock],
        }
        ours = case.side == "ours"
        trainer = Trainer(**settings, compiled=case.compiled) if ours else SFTTrainer(**settings)
        if case.compiled and not case.dynamic:
            compile_layers(trainer.model, dynamic=False)
        result = trainer.train()
    found: dict[str, Any] = summary(clock.seconds()[WARM_UP - 1 :], batch * options.length)
    found |= {"steps": [round(s, 5) for s in clock.seconds()], "first_step_s": clock.seconds(first=True)[0]}
    found |= {"loss": result.training_loss, "parameters": sum(p.numel() for p in trainer.model.parameters())}
    found |= {"trainable": sum(p.numel() for p in trainer.model.parameters() if p.requires_grad)}
    found |= _memory()
    if case.profile:
        found["profile"] = clock.table
    return found


def _memory() -> dict[str, float]:
    if not torch.cuda.is_available():
        import resource

        return {"peak_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / GIB, "reserved_gib": 0.0}
    return {
        "peak_gib": torch.cuda.max_memory_allocated() / GIB,
        "reserved_gib": torch.cuda.max_memory_reserved() / GIB,
    }


def _arguments(case: Case, batch: int, steps: int, length: int, folder: str) -> Any:  # noqa: ANN401
    from trl import SFTConfig

    liger = {"use_liger_kernel": True, "liger_kernel_config": {"rope": True, "rms_norm": True, "swiglu": True}}
    return SFTConfig(
        output_dir=folder,
        per_device_train_batch_size=batch,
        max_steps=steps,
        max_length=length,
        learning_rate=1e-4 if case.method == "lora" else 1e-5,
        gradient_checkpointing=case.checkpointing,
        gradient_checkpointing_kwargs={"selective": True} if case.selective else None,
        bf16=True,
        use_cpu=not torch.cuda.is_available(),
        save_strategy="no",
        data_seed=0,
        report_to=[],
        disable_tqdm=True,
        **(liger if case.liger else {}),
    )


def _model(shape: dict[str, Any], dtype: str, layers: int | None = None) -> Any:  # noqa: ANN401
    cut = {"num_hidden_layers": layers} if layers else {}
    return random_model({**shape, **cut, "max_position_embeddings": 4096}, dtype)


def _lora() -> LoraConfig:
    return LoraConfig(r=RANK, lora_alpha=2 * RANK, target_modules=LAYERS, task_type="CAUSAL_LM")


class Clock(TrainerCallback):  # type: ignore[misc]
    """When each step ended, the device's work included; profiles the last one if asked."""

    def __init__(self, profile: bool) -> None:
        self._profile, self._profiler, self.table, self._ends = profile, None, "", [_now()]

    def on_train_begin(self, *_: object, **__: object) -> None:
        """The first step starts here."""
        self._ends = [_now()]

    def on_step_end(self, _: object, state: Any, *__: object, **___: object) -> None:  # noqa: ANN401
        """Notes the time; the last step but one starts the profiler, the last ends it."""
        self._ends.append(_now())
        if self._profiler is not None:
            self._profiler.__exit__(None, None, None)
            self.table = _table(self._profiler)
            self._profiler = None
        elif self._profile and state.global_step == state.max_steps - 1:
            self._profiler = torch.profiler.profile()
            self._profiler.__enter__()

    def seconds(self, first: bool = False) -> list[float]:
        """Of each step but the first, or of all."""
        spans = [end - start for start, end in zip(self._ends, self._ends[1:], strict=False)]
        return spans if first else spans[1:-1] if self._profile else spans[1:]


def _table(profiler: torch.profiler.profile) -> str:
    events = profiler.key_averages()
    attribute = "self_device_time_total" if torch.cuda.is_available() else "self_cpu_time_total"
    kernels = [e for e in events if not torch.cuda.is_available() or str(e.device_type).endswith("CUDA")]
    kernels.sort(key=lambda event: -getattr(event, attribute))
    lines = [f"  {getattr(e, attribute) / 1e3:9.2f} ms {e.count:6} x {e.key[:110]}" for e in kernels[:28]]
    total = sum(getattr(event, attribute) for event in kernels) / 1e3
    return "\n".join([f"  {total:9.2f} ms in all", *lines])


def _now() -> float:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


def check(shape: dict[str, Any], options: Namespace) -> dict[str, Any]:
    """Losses and gradients of plain, fused and compiled adapters beside plain PEFT in float32; the chip's rate.

    Two layers of the full width. Rounding to bfloat16 moves plain PEFT's own gradients off the float32 ones: ours may
    be at most a quarter further off.
    """
    from seekforge.train.fused import compile_layers, fuse

    plain = get_peft_model(_model(shape, "bfloat16", 2), _lora())
    generator = torch.Generator().manual_seed(1)
    for name, weights in plain.named_parameters():
        if "lora_B" in name:
            weights.data.copy_(torch.randn(weights.shape, generator=generator) * 0.02)
    tokens = torch.randint(2, shape["vocab_size"], (2, options.length // 2), generator=generator)
    tokens = tokens.to(plain.device)
    exact = _gradients(copy.deepcopy(plain).float(), tokens, autocast=False)
    found: dict[str, Any] = {"loss_float32": exact[0]}
    fused = copy.deepcopy(plain)
    for name, model in (("plain", plain), ("fused", fused), ("compiled", fused)):
        if name == "fused":
            found["fused_layers"] = fuse(model)
        if name == "compiled":
            compile_layers(model)
        loss, gradients = _gradients(model, tokens, autocast=True)
        off = sum((gradients[key] - exact[1][key]).square().sum() for key in exact[1])
        size = sum(value.square().sum() for value in exact[1].values())
        found[f"loss_{name}"] = loss
        found[f"gradient_error_{name}"] = float((off / size).sqrt())
    for name in ("fused", "compiled"):
        if not found[f"gradient_error_{name}"] <= 1.25 * found["gradient_error_plain"]:
            found["error"] = f"{name} gradients are too far from float32"
    return found | _rate()


def _gradients(model: torch.nn.Module, tokens: torch.Tensor, autocast: bool) -> tuple[float, dict[str, torch.Tensor]]:
    model.train()
    model.zero_grad()
    with torch.autocast(tokens.device.type, torch.bfloat16, enabled=autocast):
        loss = model(input_ids=tokens, labels=tokens, use_cache=False).loss
    loss.backward()
    return float(loss), {n: p.grad.double() for n, p in model.named_parameters() if p.grad is not None}


def _rate() -> dict[str, float]:
    """A large product's floating-point operations a second, on random data."""
    side = 8192 if torch.cuda.is_available() else 512
    kind = "cuda" if torch.cuda.is_available() else "cpu"
    one, other = (torch.randn(side, side, device=kind, dtype=torch.bfloat16) for _ in range(2))
    for _ in range(5):
        one @ other
    seconds = []
    for _ in range(5):
        start = _now()
        for _ in range(10):
            one @ other
        seconds.append((_now() - start) / 10)
    return {"flop_per_second": 2 * side**3 / sorted(seconds)[2]}
