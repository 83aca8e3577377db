"""Whether several devices each hold the model or share it: a pure decision from what fits."""

from __future__ import annotations

from typing import Literal, NamedTuple

from seekforge.core.config import TrainConfig
from seekforge.core.errors import ConfigError


class Strategy(NamedTuple):
    """How several devices hold the model, and why, in words."""

    name: Literal["ddp", "fsdp"]
    reason: str


def choose_strategy(config: TrainConfig, devices: int, fits_whole: bool) -> Strategy:
    """As the recipe says; by itself whole models on each device where they fit, for then only gradients travel.

    Args:
        config: The train part of the recipe, its method settled.
        devices: That train together.
        fits_whole: Whether one device holds the whole training by the memory planner.

    Raises:
        ConfigError: What the recipe asks for cannot be.

    >>> config = TrainConfig(method="full")
    >>> choose_strategy(config, 8, fits_whole=False)
    Strategy(name='fsdp', reason='the whole training does not fit one device')
    >>> choose_strategy(config, 8, fits_whole=True).name
    'ddp'
    """
    if config.strategy == "fsdp":
        if devices == 1:
            raise ConfigError(
                "one device has nothing to share a model with",
                where="train.strategy",
                mend="Set train.strategy=auto, or start more processes with --devices",
            )
        _check(config)
        return Strategy("fsdp", "set in the recipe")
    if config.strategy == "ddp":
        return Strategy("ddp", "set in the recipe")
    if fits_whole or devices == 1:
        return Strategy("ddp", "the whole training fits one device")
    if not _shards(config):
        return Strategy("ddp", "it cannot be sharded")
    return Strategy("fsdp", "the whole training does not fit one device")


def _check(config: TrainConfig) -> None:
    """What FSDP2 cannot shard.

    Raises:
        ConfigError: Four-bit weights, which bitsandbytes packs into bytes, or adapters of experts, for which PEFT
            computes a weight outside of the layer that FSDP2 fetches.
    """
    if not _shards(config):
        what = "four-bit weights" if config.method == "qlora" else "experts with adapters"
        raise ConfigError(f"fsdp cannot shard {what}", where="train.strategy", mend="Set train.strategy=ddp")


def _shards(config: TrainConfig) -> bool:
    return config.method == "full" or not (config.method == "qlora" or config.lora.experts)
