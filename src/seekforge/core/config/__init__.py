"""Config models and how they are read. A recipe is `load_recipe(path)`."""

from seekforge.core.config.base import Config
from seekforge.core.config.data import (
    DataConfig,
    ExactConfig,
    LeakConfig,
    MinhashConfig,
    NormaliseConfig,
    SourceConfig,
    SplitConfig,
)
from seekforge.core.config.environment import Environment, environment
from seekforge.core.config.load import load_recipe, validate
from seekforge.core.config.recipe import (
    CompressConfig,
    EvaluateConfig,
    ParityConfig,
    PriceConfig,
    Recipe,
    ServeConfig,
)
from seekforge.core.config.train import LoraSettings, TrainConfig

__all__ = [
    "CompressConfig",
    "Config",
    "DataConfig",
    "Environment",
    "EvaluateConfig",
    "ExactConfig",
    "LeakConfig",
    "LoraSettings",
    "MinhashConfig",
    "NormaliseConfig",
    "ParityConfig",
    "PriceConfig",
    "Recipe",
    "ServeConfig",
    "SourceConfig",
    "SplitConfig",
    "TrainConfig",
    "environment",
    "load_recipe",
    "validate",
]
