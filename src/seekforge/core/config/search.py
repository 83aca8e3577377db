"""Config of `seekforge train search`: which settings are tried, how many, and when a trial is given up."""

from __future__ import annotations

from typing import Annotated, TypeVar

from pydantic import Field, model_validator

from seekforge.core.config.base import Config
from seekforge.core.config.train import Method

Choices = Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=1)]
Shares = Annotated[tuple[Annotated[float, Field(gt=0, lt=1)], ...], Field(min_length=1)]


class FloatRange(Config):
    """From `low` to `high`, both included."""

    low: float = Field(ge=0, description="Smallest value.")
    high: float = Field(ge=0, description="Greatest value.")
    log: bool = Field(False, description="Draw evenly on a logarithmic scale.")

    @model_validator(mode="after")
    def _in_order(self) -> FloatRange:
        return _checked(self)


class IntRange(Config):
    """Whole numbers from `low` to `high`, both included."""

    low: int = Field(ge=0, description="Smallest value.")
    high: int = Field(ge=0, description="Greatest value.")
    log: bool = Field(False, description="Draw evenly on a logarithmic scale.")

    @model_validator(mode="after")
    def _in_order(self) -> IntRange:
        return _checked(self)


class LoraSpace(Config):
    """Settings of `train.lora` to try; of no use with method full."""

    rank: Choices | None = Field((8, 16, 32), description="Ranks; null keeps the recipe's.")
    alpha: Choices | None = Field((16, 32, 64), description="Alphas; null keeps the recipe's.")


class SearchSpace(Config):
    """Settings of `train` to try. What is left out has the guide's range, what is null stays as the recipe has it."""

    learning_rate: FloatRange | None = Field(
        None, description="By default 1e-5 to 5e-5, logarithmic, for method full, and ten times that for adapters."
    )
    batch_size: Choices | None = Field((8, 16, 32), description="Records a step.")
    warmup_steps: IntRange | None = Field(
        None, description="Steps in which the rate rises; by default 100 to 200, unless warmup_ratio is given."
    )
    warmup_ratio: FloatRange | None = Field(
        None, description="The same as a share of the steps: for short runs, and where the batch size varies."
    )
    lora: LoraSpace = Field(LoraSpace(), description="Rank and alpha.")

    @model_validator(mode="after")
    def _one_warmup(self) -> SearchSpace:
        if self.warmup_steps is not None and self.warmup_ratio is not None:
            raise ValueError("warmup_steps and warmup_ratio say the same; leave one out")
        return self

    def rate(self, method: Method) -> FloatRange | None:
        """The range of the learning rate for a settled method."""
        if "learning_rate" in self.model_fields_set:
            return self.learning_rate
        times = 1 if method == "full" else 10
        return FloatRange(low=1e-5 * times, high=5e-5 * times, log=True)

    @property
    def steps(self) -> IntRange | None:
        """The range of the warm-up in steps."""
        if "warmup_steps" in self.model_fields_set or self.warmup_ratio is not None:
            return self.warmup_steps
        return IntRange(low=100, high=200)


class PruneConfig(Config):
    """At some points a trial is given up unless its best validation loss is among the best of all that came so far."""

    # In simulated searches of 12 trials, with one worker and two, these give up half nearly always. Earlier points save
    # more time and lose what learns slowly at first, as with a long warm-up.
    keep: float = Field(0.4, gt=0, lt=1, description="Share of the trials that came to that point it must be among.")
    at: Shares = Field((0.5, 0.75), description="Points, as shares of a training; the next validation counts.")
    startup: int = Field(1, ge=1, description="Other trials that must have come to that point.")


class SearchConfig(Config):
    """`seekforge train search`; `seekforge run` does not look at it."""

    space: SearchSpace = Field(SearchSpace(), description="What is tried.")
    trials: int | None = Field(12, ge=1, description="Trials in all, the recipe's own settings among them.")
    minutes: float | None = Field(None, gt=0, description="Or time in all; what is reached first ends the search.")
    validations: int = Field(8, ge=2, description="Validations a trial, evenly spread.")
    prune: PruneConfig | None = Field(PruneConfig(), description="null: every trial runs to its end.")

    @model_validator(mode="after")
    def _has_an_end(self) -> SearchConfig:
        if self.trials is None and self.minutes is None:
            raise ValueError("a search needs an end; set trials or minutes")
        return self


Range = TypeVar("Range", FloatRange, IntRange)


def _checked(values: Range) -> Range:
    if values.low > values.high:
        raise ValueError(f"low {values.low:g} is above high {values.high:g}")
    if values.log and not values.low:
        raise ValueError("a logarithmic range begins above 0")
    return values
