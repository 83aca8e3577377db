"""What one process of `train_trl.py` and `train_llamafactory.py` does in our environment: one training, or the judging.

    python -m benchmarks.train_children ours|trl|evaluate job.json

A training leaves `result.json` and an adapter beside its job; the judging prints nats a record.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

_FEW = 8  # validation records that our training insists on; its last look at them is not counted


def ours(job: dict[str, Any], folder: Path) -> None:
    """`seekforge train`, as the stage calls it."""
    from benchmarks.train_clock import Clock

    from seekforge.core.config import TrainConfig
    from seekforge.core.models import family_of_folder
    from seekforge.core.progress import Silent
    from seekforge.core.records import read_records
    from seekforge.engines.transformers import load_tokenizer
    from seekforge.train import sft, trainer
    from seekforge.train.examples import encode
    from seekforge.train.loading import load_base

    clock = Clock()

    class Timed(trainer.Trainer):
        """Ours, with the clock."""

        def __init__(self, *args: Any, **settings: Any) -> None:  # noqa: ANN401
            super().__init__(*args, **settings)
            self.add_callback(clock)

    trainer.Trainer = Timed  # type: ignore[misc]
    base = Path(job["model"])
    tokenizer = load_tokenizer(base)
    train, validation = (
        [example for record in read_records(Path(job[name])) for example in encode(record, tokenizer)]
        for name in ("train", "validation")
    )
    config = TrainConfig.model_validate(
        {
            "method": "lora",
            "learning_rate": job["rate"],
            "epochs": 1,
            "max_steps": job["steps"],
            "batch_size": job["batch"],
            "warmup_ratio": job["warmup"],
            "schedule": job["schedule"],
            "max_length": job["max_length"],
            "evaluate_every": job["steps"],
            "lora": {"rank": job["rank"], "alpha": job["alpha"]},
            **job["options"],
        }
    )
    family = family_of_folder(base)
    task = sft.Job(config, train, validation[:_FEW], family, job["seed"], output=folder, scratch=folder / "scratch")
    sft.train(load_base(base, config), tokenizer, task, Silent())
    clock.write(folder / "result.json")


def trl(job: dict[str, Any], folder: Path) -> None:
    """TRL and PEFT as their documentation writes it: a path, prompts and completions, an `SFTConfig`, a `LoraConfig`.

    Told are the model, the records, the method and how it optimises. All else is TRL's own: bfloat16 autocast over
    float32 weights, gradient checkpointing, loss on completions, batches in random order padded to their longest, and
    what `options` of the job says against that.
    """
    import torch
    from benchmarks.train_clock import Clock
    from datasets import Dataset
    from peft import LoraConfig
    from trl import SFTConfig, SFTTrainer

    from seekforge.core.records import read_records

    clock = Clock()
    rows = [
        {"prompt": record.prompt, "completion": [record.messages[-1].to_dict()]}
        for record in read_records(Path(job["train"]))
    ]
    arguments = SFTConfig(
        output_dir=str(folder / "scratch"),
        per_device_train_batch_size=job["batch"],
        max_steps=job["steps"],
        learning_rate=job["rate"],
        lr_scheduler_type=job["schedule"],
        warmup_steps=job["warmup"],
        seed=job["seed"],
        report_to="none",
        disable_tqdm=True,
        use_cpu=not torch.cuda.is_available(),  # without it bfloat16, its default, is refused where there is no GPU
        **job["options"],
    )
    adapters = LoraConfig(
        r=job["rank"], lora_alpha=job["alpha"], target_modules="all-linear", lora_dropout=0.0, task_type="CAUSAL_LM"
    )
    trainer = SFTTrainer(
        model=job["model"],
        args=arguments,
        train_dataset=Dataset.from_list(rows),
        peft_config=adapters,
        callbacks=[clock],
    )
    trainer.train()
    trainer.save_model(str(folder / "adapter"))
    clock.write(folder / "result.json")


def evaluate(job: dict[str, Any], _: Path) -> None:
    """Each adapter in plain PEFT on plain `transformers` in float32: the loss of every validation record's answer.

    Writes `losses`: of each adapter, and of the base model under an empty name, the sum of each record's answer in
    nats, and `tokens`, how many there are in it, end token included.
    """
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    from seekforge.core.records import read_records
    from seekforge.engines.transformers import load_tokenizer
    from seekforge.train.examples import encode

    tokenizer = load_tokenizer(Path(job["model"]))
    records = read_records(Path(job["validation"]))
    examples = [example for record in records for example in encode(record, tokenizer)]
    losses: dict[str, list[float]] = {}
    for name in ("", *job["adapters"]):
        model = AutoModelForCausalLM.from_pretrained(job["model"], dtype=torch.float32)
        model = (PeftModel.from_pretrained(model, name) if name else model).eval()
        with torch.inference_mode():
            losses[name] = [_nats(model, example.input_ids, example.labels) for example in examples]
    tokens = [sum(label >= 0 for label in example.labels[1:]) for example in examples]
    Path(job["output"]).write_text(json.dumps({"losses": losses, "tokens": tokens}), encoding="utf-8")


def _nats(model: Any, ids: list[int], labels: list[int]) -> float:  # noqa: ANN401
    import torch

    wanted = torch.tensor(labels[1:])
    at = (wanted >= 0).nonzero().squeeze(1)
    logits = model(input_ids=torch.tensor([ids]), logits_to_keep=at).logits[0]
    return float(torch.nn.functional.cross_entropy(logits.float(), wanted[at], reduction="sum"))


def main() -> None:
    """Does what the first argument says with the job of the second."""
    what, path = sys.argv[1], Path(sys.argv[2])
    {"ours": ours, "trl": trl, "evaluate": evaluate}[what](json.loads(path.read_text(encoding="utf-8")), path.parent)


if __name__ == "__main__":
    main()
