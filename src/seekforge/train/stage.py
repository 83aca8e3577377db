"""The train stage: a dataset artifact to an adapter artifact."""

from __future__ import annotations

import resource
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, ClassVar

from seekforge.core.config import Recipe
from seekforge.core.files import write_json
from seekforge.core.gates import Measurement
from seekforge.core.models import fingerprint, resolve
from seekforge.core.stage import StageContext, StageResult
from seekforge.train.examples import answer_tokens
from seekforge.train.plan import Plan
from seekforge.train.prepare import choose, prepare
from seekforge.train.settle import settle
from seekforge.train.sft import Job, Trained
from seekforge.train.team import Work, train_together

_LISTED = 100  # long records in the report; all of them are in long.json


class TrainStage:
    """Fine-tunes the recipe's model on the training split, watched by the validation split."""

    name: ClassVar[str] = "train"
    kind: ClassVar[str] = "adapter"
    version: ClassVar[int] = 3
    needs: ClassVar[tuple[str, ...]] = ("data",)

    def config(self, recipe: Recipe) -> Mapping[str, Any]:
        """The train part, the seed, and the identity of the base weights."""
        model = {"reference": recipe.model, "fingerprint": fingerprint(resolve(recipe.model))}
        return {"train": recipe.train.model_dump(mode="json"), "seed": recipe.seed, "model": model}

    def run(self, context: StageContext) -> StageResult:
        """Trains from the last checkpoint of a killed attempt, or from the start."""
        recipe = context.recipe
        ready = prepare(context)
        choice = choose(context, ready)
        config, plan = settle(context, ready, recipe.train.model_copy(update={"method": choice.method}))
        job = ready.job(config, recipe.seed, context.folder, context.scratch)
        trained = train_together(Work(ready.base.absolute(), job), context.environment, context.progress)
        write_json(context.folder / "base.json", {"model": recipe.model, "method": config.method})
        long = {split: encoded.long for split, encoded in ready.splits.items() if encoded.long}
        if long:
            write_json(context.folder / "long.json", long)
        details = _details(context, job, trained, choice.reason, plan.setup.ranks)
        for split, rows in long.items():
            details["settings"][f"left out of {split}"] = f"{len(rows)} records above {config.max_length} tokens"
        return StageResult(
            summary=f"{config.method}, {trained.steps} steps, "
            f"validation loss {trained.first_loss:.3f} to {trained.best_loss:.3f}",
            measurements=tuple(_measurements(context, trained, plan)),
            details={**details, "long": {split: rows[:_LISTED] for split, rows in long.items()}},
        )


def _details(context: StageContext, job: Job, trained: Trained, reason: str, ranks: int) -> dict[str, Any]:
    config = job.config
    settings = {
        "base model": context.recipe.model,
        "family": job.family.title,
        "method": f"{config.method} ({reason})",
        "learning rate": config.rate,
        "epochs": config.epochs,
        "batch size": config.batch_size * config.accumulate,
        "schedule": config.schedule,
        "trained parameters": f"{trained.trainable:,} of {trained.parameters:,}",
        "answer tokens an epoch": f"{answer_tokens(job.train):,}",
    }
    if config.compile:
        settings["decoder layers"] = "compiled"
    if ranks > 1:
        settings["devices"] = f"{ranks}, {config.strategy}"
    if config.method != "full":
        switches = [name for name in ("dora", "rslora", "experts") if getattr(config.lora, name)]
        settings |= {"rank": config.lora.rank, "alpha": config.lora.alpha}
        settings |= {"adapters": ", ".join(switches)} if switches else {}
    if trained.rollback:
        back = trained.rollback
        settings["rolled back"] = f"to step {back.step} with a rate of {back.rate:.3g}: {back.reason}"
    return {
        "curve": trained.curve,
        "best_step": trained.best_step,
        "stop_reason": trained.stop_reason,
        "rollback": asdict(trained.rollback) if trained.rollback else None,
        "settings": settings,
    }


def _measurements(context: StageContext, trained: Trained, plan: Plan) -> list[Measurement]:
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
        context.measure("train.planned_memory", plan.prediction.peak, "bytes", "Peak memory by the planner"),
    ]
