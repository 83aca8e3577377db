"""Config of the train stage."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from seekforge.core.config.base import Config


class LoraSettings(Config):
    """Low-rank adapters (Hu et al. 2021)."""

    rank: int = Field(16, ge=1, description="Rank of the update.")
    alpha: int = Field(32, ge=1, description="Scale: the update is multiplied by alpha / rank.")
    dropout: float = Field(0.0, ge=0, lt=1, description="Dropout before the adapter.")
    targets: tuple[str, ...] | None = Field(
        None, description="Module names; by default the model family's linear layers."
    )


class TrainConfig(Config):
    """The train stage."""

    method: Literal["lora", "full"] = Field("lora", description="Adapters, or every parameter.")
    learning_rate: float | None = Field(None, gt=0, description="By default 2e-4 for lora, 3e-5 for full.")
    epochs: float = Field(3, gt=0, description="Passes over the training split.")
    max_steps: int | None = Field(None, ge=1, description="Stop after this many optimiser steps, whatever the epochs.")
    batch_size: int = Field(8, ge=1, description="Records a forward pass.")
    accumulate: int = Field(1, ge=1, description="Forward passes an optimiser step.")
    warmup_ratio: float = Field(0.05, ge=0, lt=1, description="Share of the steps in which the rate rises.")
    schedule: Literal["cosine", "linear", "constant"] = Field("cosine", description="How the rate falls.")
    weight_decay: float = Field(0.0, ge=0, description="AdamW's decay.")
    max_length: int = Field(
        1024, ge=8, description="Longest record in tokens; longer ones are refused, never cut in silence."
    )
    evaluate_every: int | None = Field(None, ge=1, description="Steps between validations; by default eight a run.")
    overfit_tolerance: float = Field(0.05, ge=0, description="Stop when validation loss is this share above its best.")
    checkpointing: bool = Field(False, description="Trade time for memory by recomputing activations.")
    lora: LoraSettings = Field(LoraSettings(), description="Used by method lora.")

    @property
    def rate(self) -> float:
        """The learning rate in force; full fine-tuning takes about a tenth of an adapter's."""
        return self.learning_rate or (2e-4 if self.method == "lora" else 3e-5)
