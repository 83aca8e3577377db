"""Config of the parity gate: how much is compared and how far each step may drift."""

from __future__ import annotations

from typing import Any

from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from seekforge.core.config.base import Config
from seekforge.core.errors import ConfigError
from seekforge.core.gates import parse_rule

# Fewer than a thousand positions, one of which is a tie that rounding decides, are below 0.999 already.
_ALL = {"prompts_equal": "== 1", "token_id_mismatches": "== 0", "faults": "== 0"}
_DEFAULTS: dict[str, dict[str, str]] = {
    "merged": {**_ALL, "agreement": ">= 0.99", "margin": "<= 0.25", "kl": "<= 0.001"},
    "f16": {**_ALL, "agreement": ">= 0.98", "start_agreement": ">= 0.98", "margin": "<= 0.5"},
    "int8": {**_ALL, "agreement": ">= 0.97", "start_agreement": ">= 0.97", "margin": "<= 1", "loss": "<= 2"},
    "int4": {**_ALL, "agreement": ">= 0.85", "start_agreement": ">= 0.85", "loss": "<= 10"},
    "live": {"prompts_equal": "== 1", "faults": "== 0", "step_agreement": ">= 0.98", "answers_equal": ">= 0.9"},
}


class StepBudget(Config):
    """Rules for one step, each a comparison and a number; null is no rule. What was not measured fails."""

    prompts_equal: str | None = Field(None, description="Share of rendered prompts equal to training's.")
    token_id_mismatches: str | None = Field(None, description="Texts that are cut into other tokens.")
    faults: str | None = Field(None, description="Faults whose cause is known: template, BOS, adapter, rope base ...")
    agreement: str | None = Field(
        None, description="Share of next tokens as the merged model's (its own: the start's)."
    )
    step_agreement: str | None = Field(None, description="Share of next tokens as the step before.")
    start_agreement: str | None = Field(None, description="Share of next tokens as base and adapter.")
    margin: str | None = Field(None, description="Largest logit margin among tokens that differ from those.")
    kl: str | None = Field(None, description="Mean KL divergence of next tokens from those, in nats.")
    start_kl: str | None = Field(None, description="Mean KL divergence from base and adapter, in nats.")
    score: str | None = Field(None, description="The task score.")
    loss: str | None = Field(None, description="Points of the task score lost against the trained model.")
    answers_equal: str | None = Field(None, description="Share of greedy answers equal to the step before, as texts.")

    @field_validator("*")
    @classmethod
    def _rule_parses(cls, rule: str | None) -> str | None:
        if rule is not None:
            try:
                parse_rule(rule)
            except ConfigError as error:
                raise PydanticCustomError("gate_rule", "{problem}", {"problem": str(error)}) from error
        return rule

    def rules(self) -> dict[str, str]:
        """Figure to rule, without those that are null."""
        return {name: rule for name, rule in self.model_dump().items() if rule is not None}


class ParityBudget(Config):
    """How far each step may drift. A rule that is given takes the place of the default one; the others stay."""

    merged: StepBudget = Field(StepBudget(**_DEFAULTS["merged"]), description="Base and adapter, merged.")
    f16: StepBudget = Field(StepBudget(**_DEFAULTS["f16"]), description="The F16 file in the engine.")
    int8: StepBudget = Field(StepBudget(**_DEFAULTS["int8"]), description="The Q8_0 file in the engine.")
    int4: StepBudget = Field(StepBudget(**_DEFAULTS["int4"]), description="The Q4_0 file in the engine.")
    live: StepBudget = Field(StepBudget(**_DEFAULTS["live"]), description="The endpoint.")

    @model_validator(mode="before")
    @classmethod
    def _lay_over_defaults(cls, data: Any) -> Any:  # noqa: ANN401  whatever stood in the YAML
        if not isinstance(data, dict):
            return data
        return {
            key: {**_DEFAULTS[key], **value} if key in _DEFAULTS and isinstance(value, dict) else value
            for key, value in data.items()
        }


class ParityConfig(Config):
    """Is the compressed model the trained one?"""

    positions: int = Field(1000, ge=1, description="Teacher-forced positions to compare, at least.")
    file_kl: bool = Field(
        False, description="Load each GGUF file in transformers too: the engine gives no distributions, its weights do."
    )
    budget: ParityBudget = Field(ParityBudget(), description="How far each step may drift.")
