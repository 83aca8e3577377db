"""One GPU, DDP and FSDP2 on one host: speed, memory of each card, and whether the losses are those of one GPU.

    PYTHONPATH=src python benchmarks/gpu/devices.py --json devices.json

Random weights of a Qwen2 shape of 1.5 billion parameters, random tokens, nothing is fetched. Each case is a process
group of its own that runs what `seekforge train` runs (`seekforge.train.sft`), the same global batch in all of them.
The LoRA cases write checkpoints, load the best and save; the full ones do not, for the time it takes. Last, one rank of
two ends in the middle of a training: how long the other lives on.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import shared

QWEN2_1_5B: dict[str, Any] = {
    "vocab_size": 151936,
    "hidden_size": 1536,
    "intermediate_size": 8960,
    "num_hidden_layers": 28,
    "num_attention_heads": 12,
    "num_key_value_heads": 2,
    "max_position_embeddings": 4096,
    "tie_word_embeddings": True,
}
TINY = QWEN2_1_5B | {"vocab_size": 512, "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2}
TINY |= {"num_attention_heads": 4}
# Name: method, processes, strategy.
CASES = {
    "lora": ("lora", 1, "auto"),
    "lora-ddp": ("lora", 2, "ddp"),
    "lora-fsdp": ("lora", 2, "fsdp"),
    "full": ("full", 1, "auto"),
    "full-ddp": ("full", 2, "ddp"),
    "full-fsdp": ("full", 2, "fsdp"),
    "dying": ("lora", 2, "ddp"),
}
WARM_UP = 3  # steps that are not timed
COMPARED = 5  # first steps whose losses are held against those of one GPU
DIES_AT = 4


def main() -> int:
    """Runs the cases one after the other while there is time."""
    options = _options()
    if options.case:
        return _child(options)
    started, done = time.monotonic(), dict[str, Any]()
    wanted = options.cases.split(",") if options.cases else list(CASES)
    for name in wanted:
        left = options.budget - (time.monotonic() - started)
        done[name] = _run(name, options, left) if left > options.least else {"skipped": f"{left:.0f} s left"}
        print(name, json.dumps({k: v for k, v in done[name].items() if k != "trace"}), flush=True)
        _compare(done, name)
        options.json.write_text(json.dumps({"machine": shared.machine(), "cases": done}, indent=1))
    print(json.dumps({"machine": shared.machine(), "cases": done}))
    return int(any("error" in found for found in done.values()))


def _options() -> argparse.Namespace:
    defaults = {"batch": 16, "steps": 12, "budget": 285, "least": 20, "limit": 100, "json": Path("devices.json")}
    parser = shared.arguments(__doc__, CASES, "warm-up included", **defaults)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.smoke:
        options.batch, options.length, options.steps = 4, 32, 6
    return options


def _run(name: str, options: argparse.Namespace, left: float) -> dict[str, Any]:
    """One case in processes of its own."""
    processes = CASES[name][1]
    launcher = [sys.executable]
    if processes > 1:
        launcher += ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    with tempfile.TemporaryDirectory() as folder:
        command = [*launcher, __file__, "--folder", folder, *shared.child_options(name, options)]
        log, result, died = (Path(folder) / n for n in ("log", "result.json", "died"))
        started = time.monotonic()
        with log.open("w") as stream:
            try:
                limit = min(left, options.limit)
                code = subprocess.run(command, stdout=stream, stderr=stream, timeout=limit, check=False).returncode
            except subprocess.TimeoutExpired:
                code = -1
        found: dict[str, Any] = json.loads(result.read_text()) if result.exists() else {}
        if name == "dying":
            found = {"exit_code": code}
            if died.exists():
                found["others_lived_s"] = round(time.time() - float(died.read_text()), 1)
            if code in (0, -1):
                found["error"] = "the other rank did not end"
        elif not found:
            found["error"] = f"exit code {code}: " + " | ".join(log.read_text().strip().splitlines()[-6:])[-1500:]
        found["wall_s"] = round(time.monotonic() - started, 1)
    return found


def _compare(done: dict[str, Any], name: str) -> None:
    """Adds to a case how it stands to one GPU."""
    alone, here = done.get(CASES[name][0], {}), done[name]
    if alone is here or "losses" not in alone or "losses" not in here:
        return
    pairs = list(zip(alone["losses"], here["losses"], strict=False))[:COMPARED]
    here["losses_off"] = max(abs(a - b) / a for a, b in pairs)
    here["speed_up"] = round(here["tokens_per_second"] / alone["tokens_per_second"], 3)
    here["peak_share"] = round(max(here["peak_gib"]) / max(*alone["peak_gib"], 1e-9), 3)  # on a CPU none is measured
    print(f"{name}: losses off {here['losses_off']:.1e}, {here['speed_up']} times as fast, peak {here['peak_share']}")


def _child(options: argparse.Namespace) -> int:
    """One rank."""
    import torch

    from seekforge.core.config import environment
    from seekforge.core.config.environment import quiet_libraries
    from seekforge.train import sft
    from seekforge.train.ranks import join

    quiet_libraries()
    method, _, strategy = CASES[options.case]
    shape = TINY if options.smoke else QWEN2_1_5B
    ranks = join(environment().group)
    _settle(sft, saves=method == "lora")
    clock = Clock(options)
    model = shared.random_model(shape, "float32" if method == "full" else "bfloat16")
    trained = sft.train(model, shared.tokenizer(), _job(options, method, strategy, shape), clock, ranks)
    peaks = ranks.gather(torch.cuda.max_memory_allocated() / 2**30 if torch.cuda.is_available() else 0.0)
    if ranks.leads:
        seconds = [b - a for a, b in zip(clock.ends[WARM_UP - 1 :], clock.ends[WARM_UP:], strict=False)]
        step = statistics.median(seconds)
        found = {
            "tokens_per_second": round(options.batch * options.length / step),
            "step_s": round(step, 4),
            "peak_gib": [round(peak, 2) for peak in peaks],
            "losses": [row["train_loss"] for row in trained.curve if "train_loss" in row],
            "validation": trained.best_loss,
            "parameters": trained.parameters,
            "planned_gib": round(_planned(options, method, strategy, shape, ranks.size), 2),
        }
        (options.folder / "result.json").write_text(json.dumps(found))
    return 0


def _settle(sft: Any, saves: bool) -> None:  # noqa: ANN401
    """Logs every step; without `saves` writes nothing."""
    arguments = sft._arguments

    def settled(*given: Any) -> Any:  # noqa: ANN401
        found = arguments(*given)
        found.logging_steps = 1
        if not saves:
            found.save_strategy, found.load_best_model_at_end = "no", False
        return found

    sft._arguments = settled
    if not saves:
        sft._save = lambda *_: None


def _job(options: argparse.Namespace, method: str, strategy: str, shape: dict[str, Any]) -> Any:  # noqa: ANN401
    import torch

    from seekforge.core.config import TrainConfig
    from seekforge.core.families import FAMILIES
    from seekforge.train.examples import Example
    from seekforge.train.sft import Job

    generator = torch.Generator().manual_seed(1)
    count = options.batch * (options.steps + 1)
    rows = torch.randint(2, shape["vocab_size"], (count, options.length), generator=generator).tolist()
    examples = [Example(ids, list(ids)) for ids in rows]
    config = TrainConfig(
        method=method,
        strategy=strategy,
        batch_size=options.batch,
        max_length=options.length,
        epochs=1,
        max_steps=options.steps,
        evaluate_every=options.steps,
    )
    scratch = options.folder / "scratch"
    scratch.mkdir(exist_ok=True)
    cut = options.batch
    return Job(config, examples[cut:], examples[:cut], FAMILIES["qwen2"], 7, options.folder / "out", scratch)


def _planned(options: argparse.Namespace, method: str, strategy: str, shape: dict[str, Any], ranks: int) -> float:
    """What the memory planner says of one card, GiB."""
    from seekforge.core.config import TrainConfig
    from seekforge.core.families import FAMILIES
    from seekforge.train.memory import predict
    from seekforge.train.plan import Device, setup_of
    from seekforge.train.shapes import shape_of

    config = TrainConfig(method=method, batch_size=options.batch, max_length=options.length)
    setup = setup_of(config, FAMILIES["qwen2"], Device("cuda", 0), ranks=ranks, sharded=strategy == "fsdp")
    return predict(shape_of(shape | {"model_type": "qwen2"}), setup).peak / 2**30


class Clock:
    """A progress that notes when each step ended, the device's work included, and the peak from the second step on."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.ends: list[float] = []
        self._options = options

    def say(self, text: str) -> None:
        """Into the log."""
        print(text, flush=True)

    @contextmanager
    def task(self, title: str, total: int, done: int = 0) -> Iterator[Clock]:
        """The training."""
        yield self

    def advance(self, steps: int = 1, note: str = "") -> None:
        """One step is done."""
        import torch

        if torch.cuda.is_available():
            torch.cuda.synchronize()
            if len(self.ends) == 1:
                torch.cuda.reset_peak_memory_stats()
        self.ends.append(time.perf_counter())
        if self._options.case == "dying" and len(self.ends) == DIES_AT and os.environ["RANK"] == "1":
            (self._options.folder / "died").write_text(str(time.time()))
            os._exit(9)


if __name__ == "__main__":
    sys.exit(main())
