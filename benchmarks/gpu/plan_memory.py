"""The memory planner against a GPU: predicted and measured peaks of a random model of Qwen2-7B's shape.

    python benchmarks/gpu/plan_memory.py --json plan.json

Each configuration takes two optimiser steps as `seekforge train` takes them (AdamW fused, autocast, PEFT, SDPA) in a
process of its own; measured is `torch.cuda.max_memory_allocated`. What by the planner does not fit is left out. Needs
no weights and no network. About ten minutes on an H200.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from seekforge.core.families import FAMILIES
from seekforge.train.memory import Setup, predict
from seekforge.train.shapes import shape_of

SHAPE: dict[str, Any] = {
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
LENGTH = 1024
TARGETS = FAMILIES["qwen2"].lora_targets
_GIB = 1 << 30


def cases() -> list[Setup]:
    """Full in both precisions, LoRA with and without autocast, four bits; small and large batches."""
    found = []
    for batch in (1, 8):
        for checkpointing in (False, True):
            common: dict[str, Any] = {
                "batch": batch,
                "length": LENGTH,
                "checkpointing": checkpointing,
                "targets": TARGETS,
            }
            found += [
                Setup("lora", **common),
                Setup("lora", autocast=False, fused=False, **common),
                Setup("qlora", **common),
                Setup("full", precision="bfloat16", **common),
                Setup("full", precision="float32", **common),
            ]
    return found


def child(setup: Setup) -> None:
    """Two steps, and the peak in bytes."""
    import contextlib

    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    from seekforge.core.config import LoraSettings
    from seekforge.train.adapters import attach
    from seekforge.train.fused import fuse
    from seekforge.train.trainer import keep_last_layer

    torch.manual_seed(0)
    config = AutoConfig.for_model(**SHAPE)
    dtype = torch.float32 if setup.method == "full" and setup.precision == "float32" else torch.bfloat16
    with torch.device("cuda"):
        model = AutoModelForCausalLM.from_config(config, dtype=dtype)
    if setup.method == "qlora":
        _quantise(model)
    if setup.method != "full":
        model = attach(model, FAMILIES["qwen2"], LoraSettings(rank=setup.rank))
        if setup.method == "qlora":
            for parameter in model.parameters():
                parameter.data = parameter.data.bfloat16() if parameter.requires_grad else parameter.data
    if setup.fused:
        fuse(model)
    model.train()
    if setup.checkpointing:
        model.gradient_checkpointing_enable({"use_reentrant": False})
        model.enable_input_require_grads()
        keep_last_layer(model)
    optimiser = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-5, fused=True)
    ids = torch.randint(0, SHAPE["vocab_size"], (setup.batch, setup.length), device="cuda")
    torch.cuda.reset_peak_memory_stats()
    for _ in range(2):
        with torch.autocast("cuda", torch.bfloat16) if setup.autocast else contextlib.nullcontext():
            logits = model(input_ids=ids, use_cache=False).logits
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1).float(), ids.flatten())
        del logits
        loss.backward()
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
    print(torch.cuda.max_memory_allocated())


def _quantise(model: Any) -> None:  # noqa: ANN401  transformers has no types here
    """Four bits for the layers' linear layers, as `seekforge.train.loading.load_4bit` has them."""
    import bitsandbytes
    import torch

    for name, module in list(model.model.named_modules()):
        if type(module) is not torch.nn.Linear:
            continue
        four = bitsandbytes.nn.Linear4bit(
            module.in_features, module.out_features, module.bias is not None, torch.bfloat16, quant_type="nf4"
        )
        weight = module.weight.data
        four.weight = bitsandbytes.nn.Params4bit(weight.cpu(), requires_grad=False, quant_type="nf4")
        four.bias = module.bias
        parent, _, leaf = name.rpartition(".")
        setattr(model.model.get_submodule(parent), leaf, four.to(weight.device))
    model.is_loaded_in_4bit = True


def main() -> None:
    """Prints a table, and writes JSON if asked."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", type=Path)
    parser.add_argument("--only", default="", help="configurations whose name has these words")
    parser.add_argument("--child")
    options = parser.parse_args()
    if options.child:
        values = json.loads(options.child)
        child(Setup(**{**values, "targets": tuple(values["targets"])}))
        return
    import torch

    total = torch.cuda.get_device_properties(0).total_memory
    shape, rows = shape_of(SHAPE), []
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}\n{'':56}predicted  measured  off")
    for setup in cases():
        predicted = predict(shape, setup).peak
        name = f"{setup.method} {setup.precision if setup.method == 'full' else ''} batch {setup.batch}"
        name += f"{' checkpointed' if setup.checkpointing else ''}{'' if setup.autocast else ' without autocast'}"
        if options.only not in name:
            continue
        if predicted > 0.97 * total:
            print(f"{name:56}{predicted / _GIB:9.1f}  does not fit", flush=True)
            continue
        command = [sys.executable, __file__, "--child", json.dumps(asdict(setup))]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            print(f"{name:56}{predicted / _GIB:9.1f}  failed: {done.stderr.strip().splitlines()[-1]}", flush=True)
            continue
        measured = int(done.stdout.splitlines()[-1])
        print(f"{name:56}{predicted / _GIB:9.1f}{measured / _GIB:10.1f}  {predicted / measured - 1:+.1%}", flush=True)
        rows.append({"setup": asdict(setup), "predicted": predicted, "measured": measured})
    if options.json:
        options.json.write_text(json.dumps({"device": torch.cuda.get_device_name(), "rows": rows}, indent=1), "utf-8")


if __name__ == "__main__":
    main()
