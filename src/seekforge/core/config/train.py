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
        None, min_length=1, description="Module names; by default the model family's linear layers."
    )
    dora: bool = Field(False, description="Weight-decomposed update (Liu et al. 2024): direction and length apart.")
    rslora: bool = Field(False, description="Scale by alpha / sqrt(rank) (Kalajdzievski 2023), for high ranks.")
    experts: bool = Field(False, description="Adapters on the routed experts of a mixture too; never on its router.")


Method = Literal["auto", "lora", "qlora", "full"]
Strategy = Literal["auto", "ddp", "fsdp"]
Arithmetic = Literal["bfloat16", "float32"]
# Of an adapter; every parameter together takes a tenth of it, which is the guide's 3e-5.
BASE_RATE = 3e-4


class TrainConfig(Config):
    """The train stage."""

    method: Method = Field(
        "lora",
        description="Adapters, adapters on 4-bit weights, every parameter, or what suits the number of records.",
    )
    learning_rate: float | None = Field(None, gt=0, description="By default 3e-4 for adapters, a tenth of it for full.")
    epochs: float = Field(3, gt=0, description="Passes over the training split.")
    max_steps: int | None = Field(None, ge=1, description="Stop after this many optimiser steps, whatever the epochs.")
    batch_size: int = Field(8, ge=1, description="Records a forward pass, at the most, of one device.")
    accumulate: int = Field(
        1,
        ge=1,
        description="Forward passes an optimiser step of one device. A step has batch_size * accumulate records, "
        "which several devices share.",
    )
    strategy: Strategy = Field(
        "auto",
        description="On several devices: each holds the whole model (ddp), or a part of it (fsdp: FSDP2); "
        "auto takes ddp where the model fits one device.",
    )
    warmup_ratio: float = Field(0.05, ge=0, lt=1, description="Share of the steps in which the rate rises.")
    warmup_steps: int | None = Field(None, ge=0, description="The same in steps; it goes before warmup_ratio.")
    schedule: Literal["cosine", "linear", "constant"] = Field("cosine", description="How the rate falls.")
    weight_decay: float = Field(0.0, ge=0, description="AdamW's decay.")
    max_length: int = Field(1024, ge=8, description="Longest record in tokens; a longer one is never cut.")
    long: Literal["refuse", "drop"] = Field(
        "refuse", description="What becomes of longer records: the run ends, or they are left out and reported."
    )
    think: Literal["keep", "no_loss", "drop"] = Field(
        "keep",
        description="Reasoning between `<think>` and `</think>`: learnt, shown without being learnt, or left out.",
    )
    packing: bool = Field(
        False, description="Several records in one row of up to max_length tokens, none of which sees another."
    )
    evaluate_every: int | None = Field(None, ge=1, description="Steps between validations; by default eight a run.")
    overfit_tolerance: float = Field(0.05, ge=0, description="Stop when validation loss is this share above its best.")
    spike_factor: float = Field(
        3.0, gt=1, description="A training loss this many times the median of the last eight is called divergence."
    )
    checkpointing: bool = Field(False, description="Trade time for memory by recomputing activations.")
    precision: Literal["float32", "bfloat16"] = Field(
        "float32",
        description="Of trained weights (method full). bfloat16 halves the memory and rounds small steps away.",
    )
    compute: Literal["auto", "bfloat16", "float32"] = Field(
        "auto", description="Arithmetic: bfloat16 where the device has instructions for it, float32 elsewhere."
    )
    compile: bool | None = Field(
        None,
        description="Compile the decoder layers, which takes a minute once; by default on one GPU where it pays.",
    )
    memory_check: bool = Field(
        True, description="Refuse, before the weights are loaded, what by the memory planner does not fit the device."
    )
    lora: LoraSettings = Field(LoraSettings(), description="Used by methods lora and qlora.")

    def arithmetic(self, fast: Arithmetic) -> Arithmetic:
        """What products are computed in, on a device that is fastest in `fast`.

        Four bits always become bfloat16, and weights that are bfloat16 while they are trained stay so.
        """
        if self.method == "qlora" or (self.method == "full" and self.precision == "bfloat16"):
            return "bfloat16"
        return fast if self.compute == "auto" else self.compute

    @property
    def warmup(self) -> float:
        """As `transformers` takes it: a number of steps, or below 1 a share of them."""
        return self.warmup_ratio if self.warmup_steps is None else self.warmup_steps

    @property
    def rate(self) -> float:
        """The learning rate in force; full fine-tuning takes a tenth of an adapter's."""
        return self.learning_rate or (BASE_RATE / 10 if self.method == "full" else BASE_RATE)
