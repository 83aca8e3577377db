"""The train stage: a dataset artifact to an adapter artifact."""

from __future__ import annotations

import resource
from collections.abc import Mapping
from typing import Any, ClassVar

from seekforge.core.config import Recipe
from seekforge.core.files import write_json
from seekforge.core.gates import Measurement
from seekforge.core.models import family_of_folder, fingerprint, resolve
from seekforge.core.records import read_records
from seekforge.core.stage import StageContext, StageResult
from seekforge.engines.weights import hf_folder
from seekforge.train.examples import encode_all
from seekforge.train.sft import Job, Trained, answer_tokens, train


class TrainStage:
    """Fine-tunes the recipe's model on the training split, watched by the validation split."""

    name: ClassVar[str] = "train"
    kind: ClassVar[str] = "adapter"
    version: ClassVar[int] = 1
    needs: ClassVar[tuple[str, ...]] = ("data",)

    def config(self, recipe: Recipe) -> Mapping[str, Any]:
        """The train part, the seed, and the identity of the base weights."""
        model = {"reference": recipe.model, "fingerprint": fingerprint(resolve(recipe.model))}
        return {"train": recipe.train.model_dump(mode="json"), "seed": recipe.seed, "model": model}

    def run(self, context: StageContext) -> StageResult:
        """Trains from the last checkpoint of a killed attempt, or from the start."""
        from seekforge.engines.transformers import load_model, load_tokenizer

        recipe = context.recipe
        base = hf_folder(resolve(recipe.model), context.environment, context.progress)
        tokenizer = load_tokenizer(base)
        data = context.parents["data"]
        examples = {
            split: encode_all(read_records(data.file(f"{split}.jsonl")), tokenizer, recipe.train.max_length, split)
            for split in ("train", "validation")
        }
        job = Job(
            recipe.train,
            examples["train"],
            examples["validation"],
            family_of_folder(base),
            recipe.seed,
            context.folder,
            context.scratch,
        )
        trained = train(load_model(base, weight_dtype(recipe.train.method)), tokenizer, job, context.progress)
        write_json(context.folder / "base.json", {"model": recipe.model, "method": recipe.train.method})
        return _result(context, job, trained)


def weight_dtype(method: str) -> str:
    """Frozen weights may be bfloat16; weights that are trained must not.

    At a rate of 3e-5 most of AdamW's updates are smaller than half a bfloat16 step and would be rounded away.
    """
    return "float32" if method == "full" else "bfloat16"


def _result(context: StageContext, job: Job, trained: Trained) -> StageResult:
    config = job.config
    settings = {
        "base model": context.recipe.model,
        "family": job.family.title,
        "method": config.method,
        "learning rate": config.rate,
        "epochs": config.epochs,
        "batch size": config.batch_size * config.accumulate,
        "schedule": config.schedule,
        "trained parameters": f"{trained.trainable:,} of {trained.parameters:,}",
        "answer tokens an epoch": f"{answer_tokens(job.train):,}",
    }
    if config.method == "lora":
        settings |= {"rank": config.lora.rank, "alpha": config.lora.alpha}
    return StageResult(
        summary=f"{trained.steps} steps, validation loss {trained.first_loss:.3f} to {trained.best_loss:.3f}",
        measurements=tuple(_measurements(context, trained)),
        details={
            "curve": trained.curve,
            "best_step": trained.best_step,
            "stop_reason": trained.stop_reason,
            "settings": settings,
        },
    )


def _measurements(context: StageContext, trained: Trained) -> list[Measurement]:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return [
        context.measure("train.validation_loss", trained.best_loss, "nats/token", "Best validation loss"),
        context.measure("train.first_validation_loss", trained.first_loss, "nats/token", "First validation loss"),
        context.measure("train.steps", trained.steps, "count", "Optimiser steps"),
        context.measure("train.best_step", trained.best_step, "count", "Step whose weights were kept"),
        context.measure("train.tokens_per_second", trained.tokens_per_second, "tokens/s", "Training speed"),
        context.measure(
            "train.trainable_share", trained.trainable / trained.parameters, "fraction", "Parameters trained"
        ),
        context.measure("train.peak_memory", peak, "bytes", "Peak memory of the process"),
    ]
