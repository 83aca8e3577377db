"""Supervised fine-tuning through TRL and PEFT."""

from __future__ import annotations

import gc
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from seekforge.core.config import TrainConfig
from seekforge.core.config.environment import quiet_libraries
from seekforge.core.errors import SeekforgeError
from seekforge.core.families import Family
from seekforge.core.files import disk_errors
from seekforge.core.progress import Progress
from seekforge.train import checkpoints
from seekforge.train.adapters import attach, freeze_routers
from seekforge.train.checkpoints import Rollback
from seekforge.train.examples import Example
from seekforge.train.packing import PackedCollator, Row, rows_of
from seekforge.train.ranks import Ranks, same_folder
from seekforge.train.shares import share_of

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
        rollback: Whether it went back to an earlier checkpoint, and why.
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
    rollback: Rollback | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """All that `train` needs besides the model.

    Attributes:
        config: The train part of the recipe; its method is settled, and on several devices strategy and arithmetic.
        train: Training examples.
        validation: Validation examples.
        family: Decides the default LoRA targets.
        seed: Of shuffling and initialisation.
        output: Where the adapter or the model goes.
        scratch: Where checkpoints go; those of a killed attempt are taken up.
        watch: Told of each validation, step and loss, those before a kill included; what it raises ends the training.
    """

    config: TrainConfig
    train: Sequence[Example]
    validation: Sequence[Example]
    family: Family
    seed: int
    output: Path
    scratch: Path
    watch: Callable[[int, float], None] | None = None


def train(model: Any, tokenizer: Any, job: Job, progress: Progress, ranks: Ranks | None = None) -> Trained:  # noqa: ANN401
    """Trains and saves the best weights: `output/adapter` for LoRA and QLoRA, `output/model` for full.

    Args:
        model: The base model, on the CPU; on every rank the same.
        tokenizer: The model's.
        job: What to do; on every rank the same.
        progress: Where to say how far it is.
        ranks: Those that train together, each of which calls this; by default this process alone.

    Raises:
        ConfigError: The LoRA settings do not suit the model, or the devices cannot share a step.
        SeekforgeError: Training diverged, and going back to the last good checkpoint did not help.
    """
    quiet_libraries()
    ranks = ranks or Ranks()
    same_folder(ranks, job.scratch)
    total = total_steps(job)
    resume = ranks.lead(lambda: checkpoints.latest(job.scratch))
    began = checkpoints.step_of(resume) if resume else 0
    if resume:
        progress.say(f"          taking up training at step {began} of {total}")
    model = ranks.together(lambda: _prepared(model, job))
    if _sharded(job, ranks):
        from seekforge.train.sharded import shard

        shard(model, ranks.size, rounded=job.config.method == "full" and _in_bfloat16(job.config))
    rollback = ranks.lead(lambda: checkpoints.rolled_back(job.scratch))
    with progress.task("training", total, began) as task, disk_errors(job.output):
        started = time.monotonic()
        while True:
            attempt = _attempt(model, tokenizer, job, task, rollback, ranks)
            attempt.trainer.train(resume_from_checkpoint=str(resume) if resume else None)
            if not attempt.divergence.reason:
                break
            rollback = ranks.lead(partial(_go_back, job, attempt.divergence, rollback))
            progress.say(
                f"          {rollback.reason}: back to step {rollback.step}, "
                f"from there with a rate of {rollback.rate:.3g}"
            )
            resume = ranks.lead(lambda: checkpoints.latest(job.scratch))
            del attempt
            gc.collect()  # DDP's hooks on the gradients go with it
        seconds = time.monotonic() - started
        _save(attempt.trainer, tokenizer, job, ranks)
    return _summarise(attempt, job, began, seconds, rollback)


def _prepared(model: Any, job: Job) -> Any:  # noqa: ANN401
    """The model with adapters, or with frozen routers."""
    from transformers import set_seed

    set_seed(job.seed)  # adapters begin at random, and on every rank the same
    if job.config.method == "full":
        freeze_routers(model, job.family)
        return model
    return attach(model, job.family, job.config.lora)


def _in_bfloat16(config: TrainConfig) -> bool:
    """Whether products are computed so."""
    from seekforge.engines.transformers import fast_dtype

    return config.arithmetic(fast_dtype()) == "bfloat16"


def _sharded(job: Job, ranks: Ranks) -> bool:
    return ranks.size > 1 and job.config.strategy == "fsdp"


def total_steps(job: Job) -> int:
    """Optimiser steps of the whole run."""
    per_epoch = math.ceil(math.ceil(len(train_rows(job)) / job.config.batch_size) / job.config.accumulate)
    planned = max(1, math.ceil(per_epoch * job.config.epochs))
    return min(planned, job.config.max_steps or planned)


def train_rows(job: Job) -> list[Row]:
    """The lines of the training batches: an example each, or packed."""
    return rows_of(job.train, job.config.max_length if job.config.packing else None)


@dataclass(frozen=True, slots=True)
class _Attempt:
    """A trainer and its guards."""

    trainer: Any
    overfit: Any
    divergence: Any


def _attempt(
    model: Any,  # noqa: ANN401
    tokenizer: Any,  # noqa: ANN401
    job: Job,
    task: Any,  # noqa: ANN401
    rollback: Rollback | None,
    ranks: Ranks,
) -> _Attempt:
    from datasets import Dataset
    from transformers import PrinterCallback, ProgressCallback, set_seed

    from seekforge.train.callbacks import DivergenceGuard, MarkCheckpoint, OverfitGuard, SetRate, ShowProgress, Watch

    overfit = OverfitGuard(job.config.overfit_tolerance, ranks)
    divergence = DivergenceGuard(job.config.spike_factor, ranks)

    def dataset(rows: Sequence[Row]) -> Any:  # noqa: ANN401
        columns = {"input_ids": [r.input_ids for r in rows], "labels": [r.labels for r in rows]}
        packed = {"seq_lengths": [r.lengths for r in rows]} if job.config.packing else {}
        return Dataset.from_dict(columns | packed)

    trainer = _trainer_class(job, ranks)(
        model=model,
        args=_arguments(job, ranks),
        train_dataset=dataset(train_rows(job)),
        eval_dataset=dataset(rows_of(job.validation, None)),
        processing_class=tokenizer,
        data_collator=PackedCollator(tokenizer.pad_token_id) if job.config.packing else None,
        compiled=bool(job.config.compile),
        callbacks=[
            ShowProgress(task),
            divergence,
            overfit,
            *([SetRate(rollback.rate)] if rollback else []),
            *([Watch(job.watch)] if job.watch else []),
            MarkCheckpoint(ranks),
        ],
    )
    if ranks.size > 1:
        set_seed(job.seed + ranks.group.rank)  # dropout is another on each
    trainer.remove_callback(PrinterCallback)
    trainer.remove_callback(ProgressCallback)
    return _Attempt(trainer, overfit, divergence)


def _trainer_class(job: Job, ranks: Ranks) -> Any:  # noqa: ANN401
    if _sharded(job, ranks):
        from seekforge.train.sharded import ShardedTrainer

        return ShardedTrainer
    from seekforge.train.trainer import Trainer

    return Trainer


def _go_back(job: Job, divergence: Any, earlier: Rollback | None) -> Rollback:  # noqa: ANN401
    """Rolls back once.

    Raises:
        SeekforgeError: It was done before, or no checkpoint is good.
    """
    if earlier is not None:
        raise SeekforgeError(
            f"training diverged again after it went back to step {earlier.step} with half the rate: "
            f"{divergence.reason}",
            mend=f"Set train.learning_rate below {earlier.rate:.3g}",
        )
    rollback = checkpoints.roll_back(job.scratch, divergence.good_until, job.config.rate, divergence.reason)
    if rollback is None:
        raise SeekforgeError(
            f"training diverged before its first good checkpoint: {divergence.reason}",
            mend=f"Set train.learning_rate below {job.config.rate:.3g}",
        )
    return rollback


def _arguments(job: Job, ranks: Ranks) -> Any:  # noqa: ANN401
    import torch
    from trl import SFTConfig

    config = job.config
    total = total_steps(job)
    every = min(total, config.evaluate_every or math.ceil(total / _EVALUATIONS))
    share = share_of(config.batch_size, config.accumulate, ranks.size)
    arguments = SFTConfig(
        output_dir=str(job.scratch),
        learning_rate=config.rate,
        num_train_epochs=config.epochs,
        max_steps=config.max_steps or -1,
        per_device_train_batch_size=share.batch,
        per_device_eval_batch_size=share.batch,
        gradient_accumulation_steps=share.accumulate,
        ddp_find_unused_parameters=False,  # every adapter and every weight has a part in every step
        warmup_steps=config.warmup,
        lr_scheduler_type=config.schedule,
        weight_decay=config.weight_decay,
        max_length=config.max_length,
        gradient_checkpointing=config.checkpointing,
        # Where the weights are bfloat16 the adapters are float32 all the same. Without autocast every product with them
        # is computed in float32: 119 tokens/s on two Zen 4 cores in place of 317.
        bf16=_in_bfloat16(config),
        use_cpu=not torch.cuda.is_available(),
        eval_strategy="steps",
        save_strategy="steps",
        eval_steps=every,
        save_steps=every,
        logging_steps=max(1, every // 4),
        logging_nan_inf_filter=False,  # it would write the mean of the other steps in the place of what is no number
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
    if arguments.n_gpu > 1:  # this process sees several and is alone: `nn.DataParallel` would take them all, badly
        arguments._n_gpu = 1
    return arguments


def _save(trainer: Any, tokenizer: Any, job: Job, ranks: Ranks) -> None:  # noqa: ANN401
    folder = job.output / ("model" if job.config.method == "full" else "adapter")
    weights = None
    if _sharded(job, ranks):
        from seekforge.train.sharded import whole_weights

        weights = whole_weights(trainer.model)
    if ranks.leads:
        trainer.model.save_pretrained(folder, state_dict=weights)
        tokenizer.save_pretrained(folder)
    ranks.wait()


def _summarise(attempt: _Attempt, job: Job, done: int, seconds: float, rollback: Rollback | None) -> Trained:
    trainer = attempt.trainer
    history = trainer.state.log_history
    curve = [{"step": r["step"], "train_loss": float(r["loss"])} for r in history if "loss" in r]
    evaluations = [{"step": r["step"], "eval_loss": float(r["eval_loss"])} for r in history if "eval_loss" in r]
    best = min(evaluations, key=lambda row: row["eval_loss"])
    steps = trainer.state.global_step
    a_row = sum(len(e.input_ids) for e in job.train) / len(train_rows(job))
    tokens = a_row * job.config.batch_size * job.config.accumulate
    return Trained(
        curve=sorted(curve + evaluations, key=lambda row: row["step"]),
        steps=steps,
        best_step=int(best["step"]),
        best_loss=best["eval_loss"],
        first_loss=evaluations[0]["eval_loss"],
        stop_reason=attempt.overfit.reason or f"all {steps} steps done",
        tokens_per_second=tokens * (steps - done) / seconds,
        trainable=sum(p.numel() for p in trainer.model.parameters() if p.requires_grad),
        parameters=sum(p.numel() for p in trainer.model.parameters()),
        rollback=rollback,
    )
