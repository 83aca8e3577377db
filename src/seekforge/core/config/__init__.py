"""Config models and how they are read. A recipe is `load_recipe(path)`."""

from seekforge.core.config.access import (
    FeedbackConfig,
    KeyEntry,
    RateLimitsConfig,
    TemplateFile,
    TemplatesConfig,
)
from seekforge.core.config.augment import (
    BackTranslateConfig,
    CedictTranslatorConfig,
    ChatTranslatorConfig,
    DirectionConfig,
    GrowConfig,
    GuardedConfig,
    OpenaiGrammarConfig,
    OpenaiTranslatorConfig,
    RuleGrammarConfig,
    Seq2seqTranslatorConfig,
    SynonymsConfig,
    WindowConfig,
)
from seekforge.core.config.base import Config
from seekforge.core.config.chat import RemoteConfig
from seekforge.core.config.cleaning import (
    LabelNoiseConfig,
    LanguageConfig,
    LeakageConfig,
    LengthConfig,
    PiiConfig,
    RepetitionConfig,
    SensitiveConfig,
)
from seekforge.core.config.data import (
    DataConfig,
    LeakConfig,
    SourceConfig,
    SplitConfig,
)
from seekforge.core.config.embed import EmbedConfig
from seekforge.core.config.endpoint import EndpointConfig, RestartConfig, WorkerConfig
from seekforge.core.config.environment import Cluster, Environment, Group, environment
from seekforge.core.config.facts import FactsConfig
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
from seekforge.core.config.parity import ParityBudget, ParityConfig, StepBudget
from seekforge.core.config.recipe import (
    CompressConfig,
    ContaminationConfig,
    EvaluateConfig,
    PriceConfig,
    Recipe,
    ServeConfig,
)
from seekforge.core.config.search import FloatRange, IntRange, PruneConfig, SearchConfig, SearchSpace
from seekforge.core.config.train import LoraSettings, TrainConfig
from seekforge.core.config.vllm import VllmConfig

__all__ = [
    "OP_NAMES",
    "BackTranslateConfig",
    "CedictTranslatorConfig",
    "ChatTranslatorConfig",
    "Cluster",
    "CompressConfig",
    "Config",
    "ContaminationConfig",
    "DataConfig",
    "DirectionConfig",
    "EmbedConfig",
    "EndpointConfig",
    "Environment",
    "EvaluateConfig",
    "ExactConfig",
    "FactsConfig",
    "FeedbackConfig",
    "FloatRange",
    "GatewayConfig",
    "Group",
    "GrowConfig",
    "GuardConfig",
    "GuardedConfig",
    "InputGuardConfig",
    "IntRange",
    "KeyEntry",
    "LabelNoiseConfig",
    "LanguageConfig",
    "LeakConfig",
    "LeakageConfig",
    "LengthConfig",
    "LimitsConfig",
    "LoraSettings",
    "MinhashConfig",
    "ModelConfig",
    "NormaliseConfig",
    "OpConfig",
    "OpenaiGrammarConfig",
    "OpenaiTranslatorConfig",
    "ParityBudget",
    "ParityConfig",
    "PiiConfig",
    "PriceConfig",
    "PruneConfig",
    "RateLimitsConfig",
    "Recipe",
    "RemoteConfig",
    "RepetitionConfig",
    "RestartConfig",
    "RetryConfig",
    "RuleGrammarConfig",
    "SearchConfig",
    "SearchSpace",
    "SemanticConfig",
    "SensitiveConfig",
    "Seq2seqTranslatorConfig",
    "ServeConfig",
    "SourceConfig",
    "SplitConfig",
    "StepBudget",
    "SynonymsConfig",
    "TargetConfig",
    "TemplateFile",
    "TemplatesConfig",
    "TracingConfig",
    "TrainConfig",
    "UpstreamConfig",
    "VllmConfig",
    "WindowConfig",
    "WordListConfig",
    "WorkerConfig",
    "environment",
    "load_endpoint",
    "load_file",
    "load_recipe",
    "validate",
]
