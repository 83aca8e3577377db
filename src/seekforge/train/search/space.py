"""From the recipe's search space to Optuna's distributions, and from a trial's values to a training config."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from seekforge.core.config import FloatRange, SearchSpace, TrainConfig, validate
from seekforge.core.errors import ConfigError

Space = Mapping[str, BaseDistribution]


def space_of(space: SearchSpace, config: TrainConfig) -> Space:
    """What is tried, by the keys of `train` (`lora.rank`).

    Args:
        space: The recipe's.
        config: The recipe's training; its method is settled.

    Raises:
        ConfigError: Nothing is left to try.
    """
    found: dict[str, BaseDistribution] = {}
    _add_range(found, "learning_rate", space.rate(config.method))
    _add_choices(found, "batch_size", space.batch_size)
    if space.steps is not None:
        found["warmup_steps"] = IntDistribution(space.steps.low, space.steps.high, log=space.steps.log)
    _add_range(found, "warmup_ratio", space.warmup_ratio)
    if config.method != "full":
        _add_choices(found, "lora.rank", space.lora.rank)
        _add_choices(found, "lora.alpha", space.lora.alpha)
    if all(distribution.single() for distribution in found.values()):
        raise ConfigError("search.space: there is nothing to choose from", mend="Give a setting more than one value")
    return found


def check_warmup(space: Space, config: TrainConfig, records: int) -> None:
    """A rate that never reaches its peak is not the rate that was asked for.

    Args:
        space: What is tried.
        config: The recipe's training.
        records: Lines of the training batches, each epoch.

    Raises:
        ConfigError: The shortest training has no more steps than the longest warm-up.
    """
    warmup = space.get("warmup_steps")
    if not isinstance(warmup, IntDistribution):
        return
    batch = max(_choices(space, "batch_size") or [config.batch_size])
    steps = math.ceil(math.ceil(math.ceil(records / batch) / config.accumulate) * config.epochs)
    steps = min(steps, config.max_steps or steps)
    if warmup.high >= steps:
        raise ConfigError(
            f"search.space.warmup_steps goes to {warmup.high}, a training with batch_size={batch} has {steps} steps",
            mend="Set search.space.warmup_ratio={low: 0.0, high: 0.2}, or a smaller warmup_steps",
        )


def recipe_values(space: Space, config: TrainConfig) -> dict[str, Any]:
    """The recipe's own settings, as far as they lie in the space."""
    own = {**config.model_dump(), "learning_rate": config.rate}
    if config.warmup_steps is not None:
        own["warmup_ratio"] = None
    found = {key: own["lora"][key[5:]] if key.startswith("lora.") else own[key] for key in space}
    return {key: value for key, value in found.items() if value is not None and _holds(space[key], value)}


def with_values(config: TrainConfig, values: Mapping[str, Any]) -> TrainConfig:
    """The training config with other settings, by the keys of `train`."""
    tree = config.model_dump()
    if "warmup_ratio" in values:
        tree["warmup_steps"] = None
    for key, value in values.items():
        part, _, leaf = key.rpartition(".")
        (tree[part] if part else tree)[leaf] = value
    return validate(TrainConfig, tree, "search.space")


def in_words(distribution: BaseDistribution) -> str:
    """A range or the choices, for people.

    >>> in_words(FloatDistribution(1e-5, 5e-5, log=True))
    '1e-05 to 5e-05, logarithmic'
    >>> in_words(CategoricalDistribution((8, 16)))
    '8, 16'
    """
    if isinstance(distribution, CategoricalDistribution):
        return ", ".join(map(str, distribution.choices))
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    return f"{distribution.low:g} to {distribution.high:g}{', logarithmic' if distribution.log else ''}"


def _add_range(found: dict[str, BaseDistribution], key: str, values: FloatRange | None) -> None:
    if values is not None:
        found[key] = FloatDistribution(values.low, values.high, log=values.log)


def _add_choices(found: dict[str, BaseDistribution], key: str, values: Sequence[int] | None) -> None:
    if values:
        found[key] = CategoricalDistribution(tuple(dict.fromkeys(values)))


def _choices(space: Space, key: str) -> list[int]:
    distribution = space.get(key)
    return [int(str(c)) for c in distribution.choices] if isinstance(distribution, CategoricalDistribution) else []


def _holds(distribution: BaseDistribution, value: Any) -> bool:  # noqa: ANN401
    if isinstance(distribution, CategoricalDistribution):
        return value in distribution.choices
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    return bool(distribution.low <= value <= distribution.high)
