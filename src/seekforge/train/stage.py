"""The train stage: a dataset artifact to an adapter artifact."""

from __future__ import annotations

import resource
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar

from seekforge.core.config import Environment, Recipe, TrainConfig
from seekforge.core.errors import ConfigError
from seekforge.core.files import read_json, write_json
from seekforge.core.gates import Measurement
from seekforge.core.models import family_of_folder, fingerprint, resolve
from seekforge.core.records import read_records
from seekforge.core.stage import StageContext, StageResult
from seekforge.engines.weights import hf_folder
from seekforge.train.examples import Encoded, answer_tokens, check_vocabulary, encode_all
from seekforge.train.loading import check_qlora, shape_of_folder, this_device
from seekforge.train.method import Choice, choose_method
from seekforge.train.packing import Row, rows_of
from seekforge.train.plan import Device, Plan, check, check_positions, make_plan, setup_of
from seekforge.train.sft import Job, Trained
from seekforge.train.strategy import Strategy, choose_strategy
from seekforge.train.team import Work, train_together

_STRATEGY = "strategy.json"
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
        from seekforge.engines.transformers import load_tokenizer

        recipe = context.recipe
        if recipe.train.method == "qlora" and context.environment.cluster is None:
            check_qlora()
        base = hf_folder(resolve(recipe.model), context.environment, context.progress)
        tokenizer, family = load_tokenizer(base), family_of_folder(base)
        check_vocabulary(tokenizer, shape_of_folder(base).vocabulary, str(base))
        splits = {split: _encode(context, tokenizer, split) for split in ("train", "validation")}
        config, reason, plan = _settle(context, base, splits)
        job = Job(
            config=config,
            train=splits["train"].examples,
            validation=splits["validation"].examples,
            family=family,
            seed=recipe.seed,
            output=context.folder,
            scratch=context.scratch,
        )
        trained = train_together(Work(base.absolute(), job), context.environment, context.progress)
        write_json(context.folder / "base.json", {"model": recipe.model, "method": config.method})
        long = {split: encoded.long for split, encoded in splits.items() if encoded.long}
        if long:
            write_json(context.folder / "long.json", long)
        details = _details(context, job, trained, reason, plan.setup.ranks)
        for split, rows in long.items():
            details["settings"][f"left out of {split}"] = f"{len(rows)} records above {config.max_length} tokens"
        return StageResult(
            summary=f"{config.method}, {trained.steps} steps, "
            f"validation loss {trained.first_loss:.3f} to {trained.best_loss:.3f}",
            measurements=tuple(_measurements(context, trained, plan)),
            details={**details, "long": {split: rows[:_LISTED] for split, rows in long.items()}},
        )


def _encode(context: StageContext, tokenizer: Any, split: str) -> Encoded:  # noqa: ANN401
    config = context.recipe.train
    records = read_records(context.parents["data"].file(f"{split}.jsonl"))
    encoded = encode_all(records, tokenizer, config, split)
    if encoded.long:
        named = ", ".join(f"{name} ({tokens})" for name, tokens in encoded.long[:3])
        more = f" and {len(encoded.long) - 3} more" if len(encoded.long) > 3 else ""
        context.progress.say(
            f"          {split}: {len(encoded.long)} records above {config.max_length} tokens left out: {named}{more}"
        )
    return encoded


def _settle(context: StageContext, base: Path, splits: Mapping[str, Encoded]) -> tuple[TrainConfig, str, Plan]:
    """The config with its method, why it is that, and what it will need.

    Raises:
        ResourceError: It does not fit the device.
    """
    config = context.recipe.train
    ranks, device = _devices(context.environment)
    shape, family = shape_of_folder(base), family_of_folder(base)
    room = config.max_length if config.packing else None
    rows: list[Row] = rows_of(splits["train"].examples, room) + rows_of(splits["validation"].examples, None)
    check_positions(shape, rows, str(base))

    def plan(method: str, sharded: bool = False) -> Plan:
        of_method = config.model_copy(update={"method": method})
        return make_plan(shape, setup_of(of_method, family, device, rows, ranks, sharded), device)

    choice = _choice(context, splits["train"].records, plan)
    context.progress.say(f"          method {choice.method}: {choice.reason}")
    config = config.model_copy(update={"method": choice.method})
    whole = plan(choice.method)
    strategy = _strategy(context, config, ranks, whole.fits)
    planned = plan(choice.method, sharded=True) if strategy.name == "fsdp" else whole
    if config.memory_check:
        check(planned)
    write_json(context.scratch / _STRATEGY, strategy._asdict())
    return config.model_copy(update={"strategy": strategy.name}), choice.reason, planned


def _devices(machine: Environment) -> tuple[int, Device]:
    """Processes that will train, and the device of each."""
    if machine.cluster is None:
        return machine.group.size, this_device(machine.group.local_size)
    from seekforge.train.cluster import survey

    return survey(machine.cluster)


def _strategy(context: StageContext, config: TrainConfig, ranks: int, fits_whole: bool) -> Strategy:
    """By `choose_strategy`; a run that is taken up keeps that of its checkpoints.

    Raises:
        ConfigError: Its checkpoints were written with another than is asked for.
    """
    if context.environment.group.sharded and config.strategy == "auto":  # as `accelerate launch` was told
        config = config.model_copy(update={"strategy": "fsdp"})
    chosen = choose_strategy(config, ranks, fits_whole)
    kept = context.scratch / _STRATEGY
    before = Strategy(**read_json(kept)) if kept.is_file() else chosen
    if before.name == chosen.name or (config.strategy == "auto" and ranks > 1):
        return before
    several = " and start several processes with --devices" if ranks == 1 else ""
    raise ConfigError(
        f"its checkpoints were written with strategy {before.name}, and now it is {chosen.name}",
        where=str(context.folder),
        mend=f"Set train.strategy={before.name}{several}, or remove the folder",
    )


def _choice(context: StageContext, records: int, plan: Any) -> Choice:  # noqa: ANN401
    """As the recipe says, or by `choose_method`; a run that is taken up keeps what it began with."""
    method = context.recipe.train.method
    if method != "auto":
        return Choice(method, "set in the recipe")
    kept = context.scratch / "method.json"
    if kept.is_file():
        return Choice(**read_json(kept))
    choice = choose_method(records, plan("full").fits)
    write_json(kept, choice._asdict())
    return choice


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
