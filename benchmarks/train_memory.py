"""The memory planner against the peak of real trainings on the CPU: predicted and measured, within 10 %.

    python benchmarks/train_memory.py --json memory.json

Each configuration trains a random model of SmolLM2-135M's shape for two optimiser steps in a process of its own,
through `seekforge.train.sft`. Measured is the growth of the process's largest resident set from after the imports to
the end, with glibc told to map every block from 128 KiB on: what it frees is then given back, so the resident set is
what torch holds. Left to itself glibc keeps freed blocks in its heap (`--heap` measures that), for which the planner
has its margin on a CPU. Ten minutes on two cores.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Literal

from seekforge.core import hardware
from seekforge.engines.transformers import fast_dtype
from seekforge.train.memory import Setup, predict
from seekforge.train.shapes import shape_of

SHAPE: dict[str, Any] = {
    "model_type": "llama",
    "hidden_size": 576,
    "intermediate_size": 1536,
    "num_hidden_layers": 30,
    "num_attention_heads": 9,
    "num_key_value_heads": 3,
    "vocab_size": 49152,
    "tie_word_embeddings": True,
    "max_position_embeddings": 8192,
    "pad_token_id": 0,
    "eos_token_id": 2,
}
TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
# Method, batch, length, answer, checkpointing.
CASES = (
    ("lora", 8, 256, 64, False),
    ("lora", 2, 1024, 256, False),
    ("lora", 8, 512, 512, True),
    ("full", 1, 256, 64, False),
    ("full", 8, 256, 64, False),
    ("full", 4, 512, 128, True),
)
_MIB = 1 << 20


def setup_of(method: Literal["lora", "full"], batch: int, length: int, answer: int, checkpointing: bool) -> Setup:
    """As the planner takes it, in what this processor computes fastest."""
    targets = () if method == "full" else TARGETS
    return Setup(method, batch, length, answer, checkpointing, compute=fast_dtype(), targets=targets)


def measure(case: tuple[Any, ...], heap: bool) -> int:
    """Bytes by which a child process grew."""
    command = [sys.executable, __file__, "--child", json.dumps(case)]
    if not heap:
        command = ["env", "MALLOC_MMAP_THRESHOLD_=131072", *command]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return int(done.stdout.splitlines()[-1])


def child(method: str, batch: int, length: int, answer: int, checkpointing: bool) -> None:
    """Trains and prints the growth in bytes."""
    import resource

    import psutil
    import torch
    import trl  # noqa: F401  all that is imported later anyway is imported before the first look
    from transformers import AutoConfig, AutoModelForCausalLM

    from seekforge.core.config import TrainConfig
    from seekforge.core.families import FAMILIES
    from seekforge.core.progress import Silent
    from seekforge.train import adapters, callbacks, trainer  # noqa: F401
    from seekforge.train.examples import IGNORED, Example
    from seekforge.train.sft import Job, train

    config = AutoConfig.for_model(**SHAPE)
    before = psutil.Process().memory_info().rss
    torch.manual_seed(1)
    dtype = torch.float32 if method == "full" else getattr(torch, fast_dtype())  # as `load_base` has it
    model = AutoModelForCausalLM.from_config(config, dtype=dtype)
    rows = torch.randint(3, SHAPE["vocab_size"], (2 * batch, length)).tolist()  # records that begin alike share work
    examples = [Example(ids, [IGNORED] * (length - answer) + ids[length - answer :]) for ids in rows]
    settings = {"method": method, "batch_size": batch, "max_steps": 2, "checkpointing": checkpointing}
    with tempfile.TemporaryDirectory() as folder:
        job = Job(
            TrainConfig.model_validate({**settings, "max_length": length}),
            examples,
            examples[:1],
            FAMILIES["llama"],
            seed=1,
            output=Path(folder, "out"),
            scratch=Path(folder, "scratch"),
        )
        train(model, _tokenizer(), job, Silent())
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before)


def _tokenizer() -> Any:  # noqa: ANN401  transformers has no types here
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from transformers import PreTrainedTokenizerFast

    words = {"<pad>": 0, "<unk>": 1, "<eos>": 2}
    bare = Tokenizer(WordLevel(words, unk_token="<unk>"))
    return PreTrainedTokenizerFast(tokenizer_object=bare, pad_token="<pad>", eos_token="<eos>", unk_token="<unk>")


def main() -> None:
    """Prints a table, and writes JSON if asked."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", type=Path)
    parser.add_argument("--child")
    parser.add_argument("--only", type=int, help="the number of one case")
    parser.add_argument("--heap", action="store_true", help="leave glibc's malloc as it is")
    options = parser.parse_args()
    if options.child:
        child(*json.loads(options.child))
        return
    shape, rows = shape_of(SHAPE), []
    print(f"{hardware.where()}\n{'':52}predicted  measured  off")
    for case in CASES if options.only is None else [CASES[options.only]]:
        prediction, measured = predict(shape, setup_of(*case)), measure(case, options.heap)
        off = prediction.peak / measured - 1
        name = "{}, batch {}, length {}, answer {}{}".format(*case[:4], ", checkpointed" if case[4] else "")
        print(f"{name:52}{prediction.peak / _MIB:5.0f} MiB {measured / _MIB:5.0f} MiB  {off:+.1%}", flush=True)
        rows.append({"case": name, "predicted": prediction.peak, "measured": measured, "moment": prediction.moment})
    if options.json:
        options.json.write_text(json.dumps({"where": hardware.where(), "rows": rows}, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
