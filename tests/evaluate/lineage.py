"""A tiny lineage as users have it: base, two adapters, merged folder, GGUF files; and faults to plant in it."""

from __future__ import annotations

import dataclasses
import shutil
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.engines import tiny

from seekforge.compress.gguf import export
from seekforge.compress.stage import merge
from seekforge.core.config import ParityConfig, environment
from seekforge.core.files import read_json, write_json
from seekforge.core.gates import Measurement
from seekforge.core.progress import Silent
from seekforge.engines.pretokenizer import DEFINITIONS
from seekforge.evaluate.parity.chain import Chain
from seekforge.evaluate.parity.gate import Parity, check
from seekforge.evaluate.parity.task import Lineage, Questions

TEMPLATE = "{{ bos_token }}" + tiny.TEMPLATE
RECORDS = tuple(tiny.records(12))
# Choices of random weights are close, and eighty positions are few: what is asked here is that faults are found.
LOOSE: dict[str, str | None] = {"agreement": ">= 0.7", "start_agreement": ">= 0.7", "margin": "<= 1"}
BUDGET: dict[str, dict[str, str | None]] = {
    "merged": {**LOOSE, "kl": "<= 0.01"},
    "f16": LOOSE,
    "int8": {**LOOSE, "loss": None},
    "int4": {"agreement": ">= 0.3", "start_agreement": ">= 0.3", "loss": None},
    "live": {"step_agreement": ">= 0.9", "answers_equal": ">= 0.8"},
}


@dataclass(frozen=True)
class Models:
    """One base, two trainings of it, and what was made of the first."""

    folder: Path
    base: Path
    trained: Path
    other: Path
    merged: Path

    def file(self, file_format: str) -> Path:
        path = self.folder / f"model-{file_format.lower()}.gguf"
        if not path.exists():
            export(self.merged, path, file_format, Silent())
        return path

    def lineage(self, *formats: str, **changed: Any) -> Lineage:
        files = {name: self.file(name) for name in formats}
        return Lineage(**{"merged": self.merged, "files": files, "base": self.base, "trained": self.trained, **changed})


def make(folder: Path) -> Models:
    base = tiny.make(folder / "base", "llama")
    tiny.save_tokenizer(base, DEFINITIONS["llama-bpe"], TEMPLATE)
    models = Models(folder, base, folder / "train", folder / "other", folder / "merged")
    for number, trained in enumerate((models.trained, models.other)):
        _adapter(base, trained / "adapter", number)
    merge(base, models.trained, models.merged)
    return models


def walk(models: Models, work: Path) -> None:
    """The steps before any file, as a killed comparison leaves them behind."""
    Chain(models.lineage(), Questions(RECORDS), config(), environment(), Silent(), work.parent / "out", work).walk()


def config(**changed: Any) -> ParityConfig:
    return ParityConfig.model_validate({"positions": 80, "budget": BUDGET, **changed})


def judge(lineage: Lineage, folder: Path, work: Path | None = None, **changed: Any) -> Parity:
    """The gate's verdict; with `work` it goes on from there."""
    if work is not None:
        for name in ("work", "out"):
            shutil.copytree(work.parent / name, folder / name)
    questions = Questions(RECORDS)
    machine = dataclasses.replace(environment(), cache=folder / "cache")  # nobody's converted models are pushed out
    return check(lineage, questions, config(**changed), machine, Silent(), folder / "out", folder / "work", measure)


def measure(name: str, value: float, unit: str, title: str, advice: str) -> Measurement:
    return Measurement(name, value, unit, "test", "here", title, advice)


def copied(models: Models, target: Path) -> Path:
    """The merged folder, to be spoilt."""
    shutil.copytree(models.merged, target)
    return target


def other_template(folder: Path) -> None:
    (folder / "chat_template.jinja").write_text(TEMPLATE.replace("<|im_start|>{{", "<|im_start|>the {{"), "utf-8")


def other_opening(folder: Path) -> None:
    """None of the records shows it: they have no system prompt."""
    empty = "{% if messages[0]['role'] == 'system' and not messages[0]['content'] %}Be kind.{% endif %}"
    (folder / "chat_template.jinja").write_text(TEMPLATE + empty, "utf-8")


def no_bos(folder: Path) -> None:
    path = folder / "tokenizer_config.json"
    write_json(path, {key: value for key, value in read_json(path).items() if key != "bos_token"})


def other_rope(folder: Path) -> None:
    config = read_json(folder / "config.json")
    assert config["rope_parameters"]["rope_theta"] == 10_000
    config["rope_parameters"]["rope_theta"] = 1_000_000.0
    write_json(folder / "config.json", config)


def declare(path: Path, number: int) -> None:
    """Writes another `general.file_type` into a GGUF file."""
    raw = path.read_bytes()
    at = raw.index(b"general.file_type") + len(b"general.file_type") + 4
    path.write_bytes(raw[:at] + struct.pack("<I", number) + raw[at + 4 :])


def _adapter(base: Path, target: Path, seed: int) -> None:
    import torch
    from peft import LoraConfig, get_peft_model

    from seekforge.engines.transformers import load_model

    torch.manual_seed(seed)
    targets = ["q_proj", "v_proj", "o_proj", "up_proj", "down_proj"]
    settings = LoraConfig(r=4, lora_alpha=8, target_modules=targets, init_lora_weights=False, task_type="CAUSAL_LM")
    model = get_peft_model(load_model(base, "float32"), settings)
    with torch.no_grad():
        for name, weights in model.named_parameters():
            if "lora_B" in name:
                weights.mul_(0.3)
    model.save_pretrained(target)
