"""Config of a rubric: by which criteria, with which weights and on which scale answers are judged."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from seekforge.core.config.base import Config

_ROUNDING = 1e-6  # three thirds written as 0.333333 are a whole
_NAME = r"^[a-z][a-z0-9_]{0,31}$"


class WordingConfig(Config):
    """The same text in both languages."""

    en: str = Field(min_length=1, description="English.")
    zh: str = Field(min_length=1, description="Chinese.")


class CriterionConfig(Config):
    """One thing that an answer is scored for."""

    name: str = Field(pattern=_NAME, description="Its key in ratings and results.")
    weight: float = Field(gt=0, le=1, description="Its part of the whole; the weights of a rubric sum to 1.")
    title: WordingConfig = Field(description="In a word or two.")
    question: WordingConfig = Field(description="What a rater is to ask.")


class ScaleConfig(Config):
    """Whole numbers from the lowest to the highest."""

    lowest: int = Field(0, ge=0, le=9, description="The worst score.")
    highest: int = Field(3, ge=1, le=10, description="The best score.")

    @model_validator(mode="after")
    def _rises(self) -> Self:
        if self.highest <= self.lowest:
            raise PydanticCustomError("scale", "highest is to be above lowest")
        return self


class RubricConfig(Config):
    """A rubric: weighted criteria on one scale."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$", description="Names it in results.")
    scale: ScaleConfig = Field(ScaleConfig(), description="Of every criterion.")
    levels: dict[int, WordingConfig] = Field({}, description="What a score means; none, or one for each score.")
    criteria: tuple[CriterionConfig, ...] = Field(min_length=1, description="What is scored.")

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        names = [criterion.name for criterion in self.criteria]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise PydanticCustomError("twice", "the criterion '{name}' stands twice", {"name": twice[0]})
        total = sum(criterion.weight for criterion in self.criteria)
        if abs(total - 1) > _ROUNDING:
            facts = {"total": f"{total:g}", "all": " + ".join(f"{c.weight:g}" for c in self.criteria)}
            raise PydanticCustomError("weights", "the weights sum to {total} ({all}), not to 1", facts)
        scores = list(range(self.scale.lowest, self.scale.highest + 1))
        if self.levels and sorted(self.levels) != scores:
            facts = {"scores": ", ".join(map(str, scores))}
            raise PydanticCustomError("levels", "levels are to be given for each of {scores}, or left out", facts)
        return self


class StudyConfig(Config):
    """What a study of human ratings asks, of whom and how often; kept inside its file."""

    kind: Literal["single", "pair"] = Field(description="One answer at a time, or two side by side.")
    ask: Literal["scores", "choice"] = Field(
        "scores", description="scores: the rubric for each answer, and of a pair the better one; choice: that alone."
    )
    rubric: RubricConfig = Field(description="What is scored.")
    overlap: int = Field(2, ge=1, le=100, description="How many raters each item gets.")
    lease: float = Field(86_400.0, gt=0, description="Seconds of silence after which others may take a rater's items.")
    seed: int = Field(7, ge=0, description="Of the draw of items, orders and sides.")
    with_reference: bool = Field(False, description="Whether raters see the record's own answer.")

    @model_validator(mode="after")
    def _choice_needs_two(self) -> Self:
        if self.kind == "single" and self.ask == "choice":
            raise PydanticCustomError("choice", "a single answer leaves no choice: ask for scores, or make pairs")
        return self
