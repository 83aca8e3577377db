"""LoRA of a 7B on one GPU: our trainer beside TRL's, tokens/s, peak memory and use of the chip, in one run.

    python benchmarks/gpu/lora_speed.py --budget 560 --json lora_speed.json
    python benchmarks/gpu/lora_speed.py --smoke          # every path, tiny, on the CPU

Qwen2-7B's shape with random weights and random tokens, all of them with a label, LoRA of rank 16 on all linear layers,
bfloat16 with float32 adapters, AdamW. TRL is `SFTTrainer` on its defaults; ours is `seekforge.train.trainer.Trainer`
with the same arguments. Every case is a process of its own, so running out of memory ends one case only, and what is
known so far is printed and written at once. `check` compares losses and gradients with plain PEFT's in float32 first.

Use of the chip (MFU) counts 4 floating-point operations a parameter and token for LoRA (no gradient of the frozen
weights) and 6 for full fine-tuning, recomputation not counted, against the rate of a large product measured in `check`.

Predicted before the first run, on an H200 at batch 8: TRL 10,500 tokens/s (7,300 checkpointed), ours compiled 16,500
(12,500), not compiled 13,000 (9,500), as the products alone take 0.33 s of TRL's 0.80 s a step.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import shared

QWEN2_7B = {
    "vocab_size": 152064,
    "hidden_size": 3584,
    "intermediate_size": 18944,
    "num_hidden_layers": 28,
    "num_attention_heads": 28,
    "num_key_value_heads": 4,
    "tie_word_embeddings": False,
}
TINY = {
    "vocab_size": 640,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "tie_word_embeddings": False,
}
RANK = 16
WARM_UP = 4
NOMINAL = 790e12  # measured on an H200 before, should `check` not have run


@dataclass(frozen=True, slots=True)
class Case:
    """One configuration. `batch` 0 is the option's."""

    side: str  # trl, ours
    batch: int = 0
    checkpointing: bool = False
    compiled: bool = False
    dynamic: bool = True
    selective: bool = False
    liger: bool = False
    method: str = "lora"
    dtype: str = "bfloat16"
    profile: bool = False


CASES = {
    "trl": Case("trl"),
    "ours": Case("ours", compiled=True),
    "trl-checkpointed": Case("trl", checkpointing=True),
    "ours-checkpointed": Case("ours", checkpointing=True, compiled=True),
    "full-float32-1": Case("ours", 1, True, method="full", dtype="float32"),
    "ours-1": Case("ours", 1, True, compiled=True),
    "full-bfloat16-1": Case("ours", 1, True, method="full"),
    "trl-1": Case("trl", 1, True),
    "ours-eager": Case("ours"),
    "ours-eager-checkpointed": Case("ours", checkpointing=True),
    "profile-ours": Case("ours", compiled=True, profile=True),
    "ours-static": Case("ours", compiled=True, dynamic=False),
    "ours-selective": Case("ours", checkpointing=True, compiled=True, selective=True),
    "ours-liger": Case("ours", liger=True),
    "trl-liger": Case("trl", liger=True),
    "ours-eager-1": Case("ours", 1, True),
    "profile-trl": Case("trl", profile=True),
    "trl-again": Case("trl"),
    "ours-again": Case("ours", compiled=True),
}


def main() -> int:
    """Runs the cases; 1 if one failed."""
    options = _options()
    if options.case:
        return _child(options)
    names = options.cases.split(",") if options.cases else ["check", *CASES]
    started, done, failed = time.monotonic(), {}, 0
    report = {"machine": shared.machine(), "options": vars(options) | {"json": str(options.json)}, "cases": done}
    print(json.dumps(report["machine"]), flush=True)
    for name in names:
        left = options.budget - (time.monotonic() - started)
        if left < options.least:
            done[name] = {"skipped": f"{left:.0f} s left"}
        else:
            done[name] = _run(name, options, left, done)
        failed += "error" in done[name]
        print(_line(name, done[name]), flush=True)
        options.json.write_text(json.dumps(report, indent=1))
    _compare(done)
    return min(failed, 1)


def _options() -> argparse.Namespace:
    defaults = {"batch": 8, "steps": 10, "budget": 560, "least": 45, "limit": 170, "json": Path("lora_speed.json")}
    names = ["check", *CASES]
    parser = shared.arguments(__doc__, names, "timed, after the warm-up", **defaults)
    parser.add_argument("--result", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.smoke:
        options.batch, options.length, options.steps = 2, 32, 2
    return options


def _run(name: str, options: argparse.Namespace, left: float, done: dict[str, Any]) -> dict[str, Any]:
    """One case in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        result, log = Path(folder) / "result.json", Path(folder) / "log"
        command = [sys.executable, __file__, "--result", str(result), *shared.child_options(name, options)]
        started = time.monotonic()
        with log.open("w") as stream, contextlib.suppress(subprocess.TimeoutExpired):
            subprocess.run(command, stdout=stream, stderr=stream, timeout=min(left, options.limit), check=False)
        found: dict[str, Any] = json.loads(result.read_text()) if result.exists() else {}
        if not found.get("complete"):
            found.setdefault("error", "no result: " + " | ".join(log.read_text().strip().splitlines()[-3:])[-600:])
        found["wall_s"] = round(time.monotonic() - started, 1)
    if "tokens_per_second" in found:
        rate = done.get("check", {}).get("flop_per_second", NOMINAL)
        operations = 4 if name not in CASES or CASES[name].method == "lora" else 6
        found["mfu"] = found["tokens_per_second"] * operations * found["parameters"] / rate
    return found


def _line(name: str, found: dict[str, Any]) -> str:
    if "tokens_per_second" not in found:
        return f"{name:26} {json.dumps({key: value for key, value in found.items() if key != 'trace'})[:900]}"
    text = (
        f"{name:26} {found['tokens_per_second']:9,.0f} tokens/s  peak {found['peak_gib']:6.1f} GiB  MFU "
        f"{found['mfu']:5.1%}  step {found['step_s']:.4f} s ({found['spread']:.1%})  loss {found['loss']:.3f}  "
        f"first step {found['first_step_s']:.0f} s, all {found['wall_s']:.0f} s"
    )
    return text + (f"\n{found['profile']}" if "profile" in found else "")


def _compare(done: dict[str, Any]) -> None:
    """The promised ratios, as far as they were measured."""

    def ratio(label: str, one: str, other: str, key: str, promise: str) -> None:
        if key in done.get(one, {}) and key in done.get(other, {}):
            print(f"{label}: {done[one][key] / done[other][key]:.3f} ({promise})")

    ratio("ours / TRL, tokens/s", "ours", "trl", "tokens_per_second", "at least 1.2")
    ratio("the same, checkpointed", "ours-checkpointed", "trl-checkpointed", "tokens_per_second", "at least 1.4")
    ratio("LoRA / full in float32, peak memory, batch 1", "ours-1", "full-float32-1", "peak_gib", "at most 0.2")
    ratio("LoRA / full in bfloat16, peak memory, batch 1", "ours-1", "full-bfloat16-1", "peak_gib", "beside it")
    if "mfu" in done.get("ours", {}):
        print(f"MFU: {done['ours']['mfu']:.1%} (at least 45 %)")


def _child(options: argparse.Namespace) -> int:
    try:
        import lora_speed_cases as cases

        shape = TINY if options.smoke else QWEN2_7B
        if options.case == "check":
            found = cases.check(shape, options)
        else:
            found = cases.measure(CASES[options.case], shape, options)
        found["complete"] = True
    except BaseException as error:
        found = {"error": f"{type(error).__name__}: {error}"[:500], "trace": traceback.format_exc()[-3000:]}
    options.result.write_text(json.dumps(found))
    return int("error" in found)


def summary(seconds: Sequence[float], tokens: int) -> dict[str, float]:
    """Figures of the timed steps: the median step, and how far the middle half of them spreads around it."""
    ordered = sorted(seconds)
    middle = statistics.median(ordered)
    quarter = len(ordered) // 4
    return {
        "tokens_per_second": tokens / middle,
        "step_s": middle,
        "spread": (ordered[-1 - quarter] - ordered[quarter]) / middle,
    }


if __name__ == "__main__":
    sys.exit(main())
