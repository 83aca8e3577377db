"""The recipe: one file that says what a run does, and the smaller configs that it is composed of."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from seekforge.core.config.base import Config
from seekforge.core.config.data import DataConfig
from seekforge.core.config.parity import ParityConfig
from seekforge.core.config.search import SearchConfig
from seekforge.core.config.train import TrainConfig
from seekforge.core.errors import ConfigError
from seekforge.core.gates import Gate, parse_rule

PARITY_BUDGET = "parity.over_budget"
Metric = Literal[
    "accuracy",
    "macro_f1",
    "exact_match",
    "f1",
    "bleu",
    "chrf",
    "rouge1",
    "rouge2",
    "rougeL",
    "distinct1",
    "distinct2",
    "repetition",
    "ece",
    "perplexity",
]
SliceBy = Literal["label", "length", "language"]
# The first metric of a recipe is its headline: models and files are compared by it, and more of it must be better.
NO_HEADLINE = frozenset({"repetition", "ece", "perplexity"})


class ContaminationConfig(Config):
    """When training data counts as having given a test record away."""

    threshold: float = Field(0.7, gt=0, le=1, description="Jaccard similarity from which a question counts as known.")
    shingle: int = Field(5, ge=1, le=50, description="Characters in a shingle; 3 suits Chinese, 5 English.")
    ngram: int = Field(13, ge=2, le=50, description="Words (Chinese: characters) in a run.")
    containment: float = Field(
        0.5, gt=0, le=1, description="Share of a test question's runs that a training record must hold."
    )


class EvaluateConfig(Config):
    """The evaluate stage: base against tuned on the held-out test."""

    metrics: tuple[Metric, ...] = Field(
        ("exact_match", "f1", "bleu", "rougeL"),
        min_length=1,
        description="The first is the headline. `accuracy`, `macro_f1` and `ece` need `data.labels`.",
    )
    max_new_tokens: int = Field(64, ge=1, description="Longest answer.")
    batch_size: int = Field(16, ge=1, description="Prompts generated at once.")
    limit: int | None = Field(None, ge=1, description="Use at most this many test records.")
    resamples: int = Field(1000, ge=100, description="Bootstrap resamples for the 95 % interval.")
    slices: tuple[SliceBy, ...] = Field(
        ("label", "length", "language"), description="What the headline is also given by the parts of."
    )
    length_edges: tuple[int, ...] = Field(
        (), description="Longest question of each slice by length, in characters; thirds of the test without."
    )
    lexicon: Path | None = Field(None, description="Terms that stay whole where Chinese is cut into words (F1, ROUGE).")
    contamination: ContaminationConfig = Field(
        ContaminationConfig(), description="For `evaluate.contaminated`: test records that training gave away."
    )

    @field_validator("metrics")
    @classmethod
    def _headline_is_one(cls, metrics: tuple[Metric, ...]) -> tuple[Metric, ...]:
        if metrics[0] in NO_HEADLINE:
            raise PydanticCustomError(
                "headline",
                "{metric} cannot be the first: put one of the answers' right before it",
                {"metric": metrics[0]},
            )
        return metrics


class CompressConfig(Config):
    """The compress stage."""

    formats: tuple[Literal["F16", "Q8_0", "Q4_0"], ...] = Field(
        ("F16", "Q8_0"), min_length=1, description="GGUF files to write."
    )
    calibration: int = Field(
        0,
        ge=0,
        description="Training records (64, say) on which INT8's activations are measured: faster on CPUs with AMX, "
        "less exact in texts unlike them.",
    )


class PriceConfig(Config):
    """What the device costs."""

    per_device_hour: float = Field(0.10, gt=0, description="Price of this machine for an hour.")
    currency: str = Field("USD", description="For display only.")


class ServeConfig(Config):
    """The serve stage: bring the endpoint up, prove it, measure it."""

    format: Literal["F16", "Q8_0", "Q4_0"] = Field("Q8_0", description="The GGUF file that is served.")
    concurrency: int = Field(16, ge=1, description="Requests at once in the throughput measurement.")
    requests: int = Field(192, ge=1, description="Test records asked in the throughput measurement, each once.")
    max_new_tokens: int = Field(64, ge=1, description="Longest answer in the throughput measurement.")
    price: PriceConfig = Field(PriceConfig(), description="For the cost per 1,000 requests.")


class Recipe(Config):
    """A whole run, from records to an endpoint."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", description="Names the run and the registered model.")
    description: str = Field("", description="One line for the report.")
    model: str = Field(description="`demo`, a folder, a .gguf file, a hub id, `champion` or `challenger`.")
    seed: int = Field(7, ge=0, description="Of everything random.")
    data: DataConfig = Field(description="Records in.")
    train: TrainConfig = Field(TrainConfig(), description="Fine-tuning.")
    search: SearchConfig = Field(SearchConfig(), description="Settings to try with `seekforge train search`.")
    evaluate: EvaluateConfig = Field(EvaluateConfig(), description="Base against tuned.")
    compress: CompressConfig = Field(CompressConfig(), description="Smaller files.")
    parity: ParityConfig = Field(ParityConfig(), description="Served against trained.")
    serve: ServeConfig = Field(ServeConfig(), description="The endpoint.")
    gates: dict[str, str] = Field({}, description="Measurement name to rule: `evaluate.accuracy: '>= 0.9'`.")

    @field_validator("gates")
    @classmethod
    def _rules_parse(cls, gates: dict[str, str]) -> dict[str, str]:
        for name, rule in gates.items():
            try:
                parse_rule(rule)
            except ConfigError as error:
                facts = {"key": name, "problem": str(error)}
                raise PydanticCustomError("gate_rule", "{key}: {problem}", facts) from error
        return gates

    def gate_list(self) -> list[Gate]:
        """The gates in the recipe's order."""
        return [Gate(name, rule) for name, rule in self.gates.items()]

    def standing_gates(self) -> list[Gate]:
        """What a recipe with gates promises without saying so, where the stage is reached: parity keeps its budget."""
        return [Gate(PARITY_BUDGET, "== 0")] if self.gates and PARITY_BUDGET not in self.gates else []
