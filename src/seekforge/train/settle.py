"""Before a training starts: on which devices, how they hold the model, and whether it fits them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seekforge.core.config import TrainConfig
from seekforge.core.errors import ConfigError
from seekforge.core.files import read_json, write_json
from seekforge.core.stage import StageContext
from seekforge.train.compiling import chooses_compile, has_compiler, work_of
from seekforge.train.loading import shape_of_folder, visible_gpus
from seekforge.train.plan import Plan, check
from seekforge.train.prefix import shared_tokens
from seekforge.train.prepare import Devices, Ready, devices_of, plan_of
from seekforge.train.sft import total_steps
from seekforge.train.strategy import Strategy, choose_strategy

_KEPT = "strategy.json"  # beside the checkpoints: how they were written


def settle(context: StageContext, ready: Ready, config: TrainConfig) -> tuple[TrainConfig, Plan]:
    """The config with nothing left to `auto`, and what the training will need of each device.

    Args:
        context: Of the stage.
        ready: Model and tokens.
        config: The recipe's, its method settled.

    Raises:
        ConfigError: The strategy cannot be, or is not that of the checkpoints; the devices cannot share a step.
        ResourceError: It does not fit a device.
    """
    devices = devices_of(context.environment)
    if context.environment.cluster is None and devices.count == 1 and (seen := visible_gpus()) > 1:
        context.progress.say(f"          {seen} GPUs seen, one is used: --devices {seen} takes all")
    config = config.model_copy(update={"compute": config.arithmetic(devices.each.fast)})  # on all ranks the same
    path = context.scratch / _KEPT
    kept: Mapping[str, Any] = read_json(path) if path.is_file() else {}
    config = config.model_copy(update={"compile": _compiles(ready, config, devices, kept.get("compile"))})
    plan = plan_of(ready, config, devices)
    strategy = _strategy(context, config, devices.count, plan.fits, kept)
    if strategy.name == "fsdp":
        plan = plan_of(ready, config, devices, sharded=True)
    if config.memory_check:
        check(plan)
    write_json(path, {**strategy._asdict(), "compile": config.compile})
    return config.model_copy(update={"strategy": strategy.name}), plan


def _compiles(ready: Ready, config: TrainConfig, devices: Devices, before: bool | None) -> bool:
    """By `chooses_compile`, from the lengths of the records."""
    rows = ready.rows(config)
    length = sum(len(row.input_ids) for row in rows) / len(rows)
    steps = total_steps(ready.job(config, 0, Path(), Path()))
    tokens = length * config.batch_size * config.accumulate * steps
    work = work_of(config.method, shape_of_folder(ready.base).parameters, tokens)
    share = 0.0 if config.checkpointing else shared_tokens(rows) / length
    return chooses_compile(config, devices.each.kind, devices.count, work, share, has_compiler(), before)


def _strategy(
    context: StageContext, config: TrainConfig, devices: int, fits_whole: bool, kept: Mapping[str, Any]
) -> Strategy:
    """By `choose_strategy`; a run that is taken up keeps that of its checkpoints.

    Raises:
        ConfigError: Its checkpoints were written with another than is asked for.
    """
    if context.environment.group.sharded and config.strategy == "auto":  # as `accelerate launch` was told
        config = config.model_copy(update={"strategy": "fsdp"})
    chosen = choose_strategy(config, devices, fits_whole)
    before = Strategy(kept["name"], kept["reason"]) if kept else chosen
    if before.name == chosen.name or (config.strategy == "auto" and devices > 1):
        return before
    several = " and start several processes with --devices" if devices == 1 else ""
    raise ConfigError(
        f"its checkpoints were written with strategy {before.name}, and now it is {chosen.name}",
        where=str(context.folder),
        mend=f"Set train.strategy={before.name}{several}, or remove the folder",
    )
