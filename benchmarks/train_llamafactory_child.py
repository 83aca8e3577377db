"""One training of LLaMA-Factory, run by the Python of its own environment: a job becomes its data set and its YAML.

    python -m benchmarks.train_llamafactory_child job.json

LLaMA-Factory 0.9.5 imports torchaudio whatever is trained. Text needs nothing of it, and a build for this torch is not
always at hand; without one an empty module stands in.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import json
import sys
import types
from pathlib import Path
from typing import Any

import yaml

_NAME = "demo"


def write_dataset(job: dict[str, Any], folder: Path) -> None:
    """The records in the shape that it calls `sharegpt`, and `dataset_info.json`, which says so."""
    lines = Path(job["train"]).read_text(encoding="utf-8").splitlines()
    rows = [{"messages": json.loads(line)["messages"]} for line in lines]
    (folder / "train.json").write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8")
    info = {
        "file_name": "train.json",
        "formatting": "sharegpt",
        "columns": {"messages": "messages"},
        "tags": {
            "role_tag": "role",
            "content_tag": "content",
            "user_tag": "user",
            "assistant_tag": "assistant",
            "system_tag": "system",
        },
    }
    (folder / "dataset_info.json").write_text(json.dumps({_NAME: info}, indent=1), encoding="utf-8")


def write_yaml(job: dict[str, Any], folder: Path) -> Path:
    """As its `examples/train_lora` write it; what is not said here is its own default."""
    options = dict(job["options"])
    model = float32_folder(Path(job["model"]), folder) if options.pop("float32_weights", False) else job["model"]
    settings = {
        "model_name_or_path": str(model),
        "stage": "sft",
        "do_train": True,
        "finetuning_type": "lora",
        "lora_rank": job["rank"],
        "lora_alpha": job["alpha"],
        "lora_target": "all",
        "dataset_dir": str(folder),
        "dataset": _NAME,
        "template": "smollm",
        "cutoff_len": job["max_length"],
        "output_dir": str(folder / "adapter"),
        "per_device_train_batch_size": job["batch"],
        "gradient_accumulation_steps": 1,
        "max_steps": job["steps"],
        "learning_rate": job["rate"],
        "lr_scheduler_type": job["schedule"],
        "warmup_steps": job["warmup"],
        "seed": job["seed"],
        "save_strategy": "no",
        "report_to": "none",
        **options,
    }
    path = folder / "train.yaml"
    path.write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")
    return path


def float32_folder(model: Path, folder: Path) -> Path:
    """The same model, loaded in float32: it takes the type of the weights from `config.json`."""
    copy = folder / "model"
    copy.mkdir()
    for file in model.iterdir():
        if file.name != "config.json":
            (copy / file.name).symlink_to(file)
    config = json.loads((model / "config.json").read_text(encoding="utf-8"))
    config = {key: value for key, value in config.items() if key != "torch_dtype"} | {"dtype": "float32"}
    (copy / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return copy


def stand_in(name: str) -> None:
    """An empty module of this name, unless there is a real one."""
    if importlib.util.find_spec(name) is None:
        module = types.ModuleType(name)
        module.__spec__ = importlib.machinery.ModuleSpec(name, None)
        sys.modules[name] = module


def main() -> None:
    """Trains and leaves the adapter and `result.json`."""
    path = Path(sys.argv[1])
    job, folder = json.loads(path.read_text(encoding="utf-8")), path.parent
    write_dataset(job, folder)
    sys.argv[1:] = [str(write_yaml(job, folder))]
    stand_in("torchaudio")

    from benchmarks.train_clock import Clock
    from llamafactory.train.tuner import run_exp

    clock = Clock()
    run_exp(callbacks=[clock])
    clock.write(folder / "result.json")


if __name__ == "__main__":
    main()
