"""What the benchmarks of this folder share: the options of a list of cases, the machine, a random model."""

from __future__ import annotations

import argparse
import platform
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def arguments(description: str, names: Iterable[str], counted: str, **defaults: Any) -> argparse.ArgumentParser:  # noqa: ANN401
    """The options of a benchmark that runs each of its cases in processes of its own.

    Args:
        description: Its first line is shown.
        names: Of the cases.
        counted: What is counted as a step.
        defaults: Of `batch`, `steps`, `json`, and of the seconds: `budget`, `least`, `limit`.
    """
    parser = argparse.ArgumentParser(description=description.partition("\n")[0])
    parser.add_argument("--cases", help="names, with commas between them; by default all: " + ",".join(names))
    parser.add_argument("--batch", type=int, help="records of a step, those of all GPUs together")
    parser.add_argument("--length", type=int, default=1024)
    parser.add_argument("--steps", type=int, help=counted)
    parser.add_argument("--budget", type=float, help="seconds in all")
    parser.add_argument("--least", type=float, help="no case starts with fewer seconds left")
    parser.add_argument("--limit", type=float, help="seconds for one case")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--smoke", action="store_true", help="a tiny model on the CPU")
    parser.add_argument("--case", help=argparse.SUPPRESS)
    parser.set_defaults(**defaults)
    return parser


def child_options(name: str, options: argparse.Namespace) -> list[str]:
    """Those with which a process is started for one case."""
    words = ["--case", name, "--batch", str(options.batch), "--length", str(options.length)]
    return [*words, "--steps", str(options.steps), *(["--smoke"] if options.smoke else [])]


def machine() -> dict[str, Any]:
    """GPUs, or the processor where there is none, and versions."""
    from importlib.metadata import version

    import torch

    gpus = [torch.cuda.get_device_name(n) for n in range(torch.cuda.device_count())]
    chips = gpus or [platform.processor() or platform.machine()]
    names = ("torch", "transformers", "trl", "peft", "accelerate")
    return {"chips": chips, "python": platform.python_version()} | {name: version(name) for name in names}


def random_model(shape: dict[str, Any], dtype: str) -> Any:  # noqa: ANN401
    """A Qwen2 of a shape, on the GPU if there is one."""
    import torch
    from transformers import AutoModelForCausalLM, Qwen2Config

    torch.manual_seed(0)
    with torch.device("cuda" if torch.cuda.is_available() else "cpu"):
        return AutoModelForCausalLM.from_config(Qwen2Config(**shape), dtype=getattr(torch, dtype))


def tokenizer() -> Any:  # noqa: ANN401
    """Stands in for the model's: the rows are token ids already."""
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from transformers import PreTrainedTokenizerFast

    words = Tokenizer(WordLevel({"<pad>": 0, "<eos>": 1}, unk_token="<pad>"))
    return PreTrainedTokenizerFast(tokenizer_object=words, pad_token="<pad>", eos_token="<eos>")
