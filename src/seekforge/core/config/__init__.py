"""Config models and how they are read. A recipe is `load_recipe(path)`."""

from seekforge.core.config.access import (
    FeedbackConfig,
    KeyEntry,
    RateLimitsConfig,
    TemplateFile,
    TemplatesConfig,
)
from seekforge.core.config.base import Config
from seekforge.core.config.data import (
    DataConfig,
    LeakConfig,
    SourceConfig,
    SplitConfig,
)
from seekforge.core.config.embed import EmbedConfig
from seekforge.core.config.endpoint import EndpointConfig, RestartConfig, WorkerConfig
from seekforge.core.config.environment import Cluster, Environment, Group, environment
from seekforge.core.config.gateway import (
    GatewayConfig,
    LimitsConfig,
    ModelConfig,
    RetryConfig,
    TargetConfig,
    TracingConfig,
    UpstreamConfig,
)
from seekforge.core.config.guard import GuardConfig, InputGuardConfig, WordListConfig
from seekforge.core.config.load import load_endpoint, load_file, load_recipe, validate
from seekforge.core.config.ops import OP_NAMES, ExactConfig, MinhashConfig, NormaliseConfig, OpConfig, SemanticConfig
from seekforge.core.config.recipe import (
    CompressConfig,
    EvaluateConfig,
    ParityConfig,
    PriceConfig,
    Recipe,
    ServeConfig,
)
from seekforge.core.config.search import FloatRange, IntRange, PruneConfig, SearchConfig, SearchSpace
from seekforge.core.config.train import LoraSettings, TrainConfig
from seekforge.core.config.vllm import VllmConfig

__all__ = [
    "OP_NAMES",
    "Cluster",
    "CompressConfig",
    "Config",
    "DataConfig",
    "EmbedConfig",
    "EndpointConfig",
    "Environment",
    "EvaluateConfig",
    "ExactConfig",
    "FeedbackConfig",
    "FloatRange",
    "GatewayConfig",
    "Group",
    "GuardConfig",
    "InputGuardConfig",
    "IntRange",
    "KeyEntry",
    "LeakConfig",
    "LimitsConfig",
    "LoraSettings",
    "MinhashConfig",
    "ModelConfig",
    "NormaliseConfig",
    "OpConfig",
    "ParityConfig",
    "PriceConfig",
    "PruneConfig",
    "RateLimitsConfig",
    "Recipe",
    "RestartConfig",
    "RetryConfig",
    "SearchConfig",
    "SearchSpace",
    "SemanticConfig",
    "ServeConfig",
    "SourceConfig",
    "SplitConfig",
    "TargetConfig",
    "TemplateFile",
    "TemplatesConfig",
    "TracingConfig",
    "TrainConfig",
    "UpstreamConfig",
    "VllmConfig",
    "WordListConfig",
    "WorkerConfig",
    "environment",
    "load_endpoint",
    "load_file",
    "load_recipe",
    "validate",
]
