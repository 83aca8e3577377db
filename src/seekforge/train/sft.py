"""Supervised fine-tuning through TRL and PEFT."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seekforge.core.config import TrainConfig
from seekforge.core.config.environment import quiet_libraries
from seekforge.core.errors import ConfigError, SeekforgeError
from seekforge.core.families import Family
from seekforge.core.files import disk_errors
from seekforge.core.progress import Progress
from seekforge.train.examples import IGNORED, Example

_EVALUATIONS = 8


@dataclass(frozen=True, slots=True)
class Trained:
    """What a training run did.

    Attributes:
        curve: Rows with `step` and `train_loss` or `eval_loss`.
        steps: Optimiser steps taken, earlier attempts included.
        best_step: The step whose weights were kept.
        best_loss: Validation loss there, nats a token.
        first_loss: Validation loss at the first evaluation.
        stop_reason: Why it ended, in words.
        tokens_per_second: Real tokens (no padding) a second, of this attempt.
        trainable: Parameters that were trained.
        parameters: Parameters in all.
    """

    curve: list[dict[str, float]]
    steps: int
    best_step: int
    best_loss: float
    first_loss: float
    stop_reason: str
    tokens_per_second: float
    trainable: int
    parameters: int
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Job:
    """All that `train` needs besides the model.

    Attributes:
        config: The train part of the recipe.
        train: Training examples.
        validation: Validation examples.
        family: Decides the default LoRA targets.
        seed: Of shuffling and initialisation.
        output: Where the adapter or the model goes.
        scratch: Where checkpoints go; those of a killed attempt are taken up.
    """

    config: TrainConfig
    train: Sequence[Example]
    validation: Sequence[Example]
    family: Family
    seed: int
    output: Path
    scratch: Path


def train(model: Any, tokenizer: Any, job: Job, progress: Progress) -> Trained:  # noqa: ANN401
    """Trains and saves the best weights: `output/adapter` for LoRA, `output/model` for full.

    Raises:
        ConfigError: The LoRA targets are not in the model.
        SeekforgeError: The loss is not a number.
    """
    quiet_libraries()
    from seekforge.train import checkpoints

    total = total_steps(job)
    resume = checkpoints.latest(job.scratch)
    done = checkpoints.step_of(resume) if resume else 0
    if resume:
        progress.say(f"          taking up training at step {done} of {total}")
    with progress.task("training", total, done) as task, disk_errors(job.output):
        trainer, guard = _trainer(model, tokenizer, job, task)
        started = time.monotonic()
        trainer.train(resume_from_checkpoint=str(resume) if resume else None)
        seconds = time.monotonic() - started
        _save(trainer, tokenizer, job)
    return _summarise(trainer, guard.reason, job, done, seconds)


def total_steps(job: Job) -> int:
    """Optimiser steps of the whole run."""
    per_epoch = math.ceil(math.ceil(len(job.train) / job.config.batch_size) / job.config.accumulate)
    planned = max(1, math.ceil(per_epoch * job.config.epochs))
    return min(planned, job.config.max_steps or planned)


def lora_targets(model: Any, family: Family, wanted: Sequence[str] | None) -> list[str]:  # noqa: ANN401
    """The target modules that exist in this model.

    Raises:
        ConfigError: A name that the user gave matches no linear layer.
    """
    linear = {name.rpartition(".")[2] for name, module in model.named_modules() if type(module).__name__ == "Linear"}
    if model.config.tie_word_embeddings:
        linear.discard("lm_head")  # merging its adapter would change the embedding too
    if wanted is None:
        return sorted(linear & set(family.lora_targets))
    for name in wanted:
        if name not in linear:
            known = ", ".join(sorted(linear - {"lm_head"}))
            raise ConfigError(f"train.lora.targets: the model has no layer '{name}'", mend=f"It has: {known}")
    return list(wanted)


def _trainer(model: Any, tokenizer: Any, job: Job, task: Any) -> tuple[Any, Any]:  # noqa: ANN401
    from datasets import Dataset
    from transformers import PrinterCallback, ProgressCallback

    from seekforge.train.callbacks import MarkCheckpoint, OverfitGuard, ShowProgress
    from seekforge.train.trainer import Trainer

    guard = OverfitGuard(job.config.overfit_tolerance)

    def rows(examples: Sequence[Example]) -> Any:  # noqa: ANN401
        return Dataset.from_dict({"input_ids": [e.input_ids for e in examples], "labels": [e.labels for e in examples]})

    trainer = Trainer(
        model=model,
        args=_arguments(job),
        train_dataset=rows(job.train),
        eval_dataset=rows(job.validation),
        processing_class=tokenizer,
        peft_config=_lora(model, job) if job.config.method == "lora" else None,
        callbacks=[ShowProgress(task), guard, MarkCheckpoint()],
    )
    trainer.remove_callback(PrinterCallback)
    trainer.remove_callback(ProgressCallback)
    return trainer, guard


def _lora(model: Any, job: Job) -> Any:  # noqa: ANN401
    from peft import LoraConfig

    settings = job.config.lora
    return LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
        target_modules=lora_targets(model, job.family, settings.targets),
        task_type="CAUSAL_LM",
    )


def _arguments(job: Job) -> Any:  # noqa: ANN401
    import torch
    from trl import SFTConfig

    config = job.config
    total = total_steps(job)
    every = min(total, config.evaluate_every or math.ceil(total / _EVALUATIONS))
    return SFTConfig(
        output_dir=str(job.scratch),
        learning_rate=config.rate,
        num_train_epochs=config.epochs,
        max_steps=config.max_steps or -1,
        per_device_train_batch_size=config.batch_size,
        per_device_eval_batch_size=config.batch_size,
        gradient_accumulation_steps=config.accumulate,
        warmup_steps=config.warmup_ratio,
        lr_scheduler_type=config.schedule,
        weight_decay=config.weight_decay,
        max_length=config.max_length,
        gradient_checkpointing=config.checkpointing,
        # The weights are bfloat16 already, the adapters float32. Without autocast every product with them is computed
        # in float32: 119 tokens/s on two Zen 4 cores in place of 317.
        bf16=True,
        use_cpu=not torch.cuda.is_available(),
        eval_strategy="steps",
        save_strategy="steps",
        eval_steps=every,
        save_steps=every,
        logging_steps=max(1, every // 4),
        save_total_limit=2,
        load_best_model_at_end=True,
        metric_for_best_model="eval_loss",
        greater_is_better=False,
        dataloader_pin_memory=False,
        seed=job.seed,
        data_seed=job.seed,
        report_to=[],
        disable_tqdm=True,
    )


def _save(trainer: Any, tokenizer: Any, job: Job) -> None:  # noqa: ANN401
    folder = job.output / ("adapter" if job.config.method == "lora" else "model")
    trainer.model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _summarise(trainer: Any, guard_reason: str, job: Job, done: int, seconds: float) -> Trained:  # noqa: ANN401
    history = trainer.state.log_history
    curve = [{"step": r["step"], "train_loss": float(r["loss"])} for r in history if "loss" in r]
    evaluations = [{"step": r["step"], "eval_loss": float(r["eval_loss"])} for r in history if "eval_loss" in r]
    if not evaluations or not math.isfinite(evaluations[-1]["eval_loss"]):
        raise SeekforgeError("training diverged: the loss is not a number", mend="Lower train.learning_rate")
    best = min(evaluations, key=lambda row: row["eval_loss"])
    steps = trainer.state.global_step
    tokens = sum(len(e.input_ids) for e in job.train) / len(job.train) * job.config.batch_size * job.config.accumulate
    return Trained(
        curve=sorted(curve + evaluations, key=lambda row: row["step"]),
        steps=steps,
        best_step=int(best["step"]),
        best_loss=best["eval_loss"],
        first_loss=evaluations[0]["eval_loss"],
        stop_reason=guard_reason or f"all {steps} steps done",
        tokens_per_second=tokens * (steps - done) / seconds,
        trainable=sum(p.numel() for p in trainer.model.parameters() if p.requires_grad),
        parameters=sum(p.numel() for p in trainer.model.parameters()),
    )


def answer_tokens(examples: Sequence[Example]) -> int:
    """Tokens that the loss is taken on."""
    return sum(label != IGNORED for example in examples for label in example.labels)
