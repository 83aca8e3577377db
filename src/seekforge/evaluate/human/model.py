"""The data model of a study: items, who rates them, what is said of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from pydantic import Field, StrictInt

from seekforge.core.config.base import Config
from seekforge.core.config.rubric import StudyConfig
from seekforge.core.errors import DataError, InputError
from seekforge.evaluate.rubric import Language, check_scores, names

Role = Literal["rater", "lead"]
Outcome = Literal["stored", "draft", "revised", "unchanged"]
TIE = "tie"  # a choice, beside a side or a model
SIDES = {"single": ("answer",), "pair": ("left", "right")}
_LONGEST_COMMENT = 4_000


class NotHere(InputError):
    """There is no such item or rater."""


class Conflict(InputError):
    """It goes against what is kept already."""


class Submission(Config):
    """What a rater says of one item; what is left out is still open."""

    item: str = Field(min_length=1, max_length=64, description="The item's id.")
    scores: dict[str, dict[str, StrictInt]] = Field(
        {}, description="Side (answer; of a pair left and right) to criterion to score."
    )
    choice: Literal["left", "right", "tie"] | None = Field(None, description="The better side of a pair.")
    comment: str = Field("", max_length=_LONGEST_COMMENT, description="In words.")
    replaces: int | None = Field(
        None,
        ge=0,
        description="The revision that the rater has seen (0: none); if there is a later one, it is refused.",
    )

    def content(self) -> dict[str, Any]:
        """All that is said, as it is kept."""
        return {"scores": self.scores, "choice": self.choice, "comment": self.comment}


@dataclass(frozen=True, slots=True)
class Item:
    """What is rated once by each of several raters.

    Attributes:
        id: Says nothing of the model.
        record: The question's id: what belongs together when figures are resampled.
        prompt: What was asked.
        reference: The record's own answer.
        language: In which the rubric is shown.
        models: One, or the two of a pair.
        texts: What they answered.
    """

    id: str
    record: str
    prompt: str
    reference: str
    language: Language
    models: tuple[str, ...]
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class View:
    """An item as its rater sees it: blind.

    Attributes:
        answers: Side to text.
        said: What the rater has said of it so far, `{}` for nothing.
        revision: Of that; 0 for nothing.
    """

    item: str
    kind: str
    ask: str
    language: Language
    prompt: str
    reference: str | None
    answers: Mapping[str, str]
    said: Mapping[str, Any]
    revision: int

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a submission.

    Attributes:
        outcome: `stored`: the item's first complete rating. `draft`: kept, and the item stays open. `revised`: took the
            place of another complete one, which is kept too. `unchanged`: the same is there already.
        revision: Under which it is kept, from 1.
        missing: What is still open: `left.accuracy`, `choice`.
    """

    item: str
    outcome: Outcome
    revision: int
    missing: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Rating:
    """A complete rating in force, sides turned back into models.

    Attributes:
        scores: Model to criterion to score; empty where only the choice was asked.
        choice: Of a pair: the better model, or `tie`.
        left: Of a pair: the model that stood left.
        revision: How many were sent for this item by this rater, drafts included.
        time: Seconds since 1970.
    """

    item: str
    record: str
    rater: str
    models: tuple[str, ...]
    scores: Mapping[str, Mapping[str, int]]
    choice: str | None
    left: str | None
    comment: str
    revision: int
    time: float


def check_submission(study: StudyConfig, sent: Submission) -> tuple[str, ...]:
    """What is still open in it: `left.accuracy`, `choice`; empty for a complete rating.

    Raises:
        DataError: A side, a criterion, a score or a choice does not belong there.
    """
    sides = SIDES[study.kind]
    for side, scores in sent.scores.items():
        if side not in sides:
            raise DataError(f"unknown side '{side}'", where="scores", mend=f"Here: {', '.join(sides)}")
        check_scores(study.rubric, scores, f"scores.{side}", whole=False)
    if study.kind == "single" and sent.choice is not None:
        raise DataError("there is nothing to choose from", where="choice", mend="Send scores alone")
    if study.ask == "choice" and sent.scores:
        raise DataError("this study asks for the choice alone", where="scores", mend="Leave them out")
    wanted = [f"{side}.{name}" for side in sides for name in names(study.rubric)] if study.ask == "scores" else []
    given = {f"{side}.{name}" for side, scores in sent.scores.items() for name in scores}
    open_choice = ["choice"] if study.kind == "pair" and sent.choice is None else []
    return (*(place for place in wanted if place not in given), *open_choice)


def resolved(item: Item, swapped: bool, content: Mapping[str, Any]) -> tuple[dict[str, dict[str, int]], str | None]:
    """Scores by model, and the chosen model, of what was said by side."""
    if len(item.models) == 1:
        return {item.models[0]: content["scores"]["answer"]}, None
    models = item.models[::-1] if swapped else item.models
    by_side = dict(zip(SIDES["pair"], models, strict=True))
    scores = {by_side[side]: said for side, said in content["scores"].items()}
    return scores, by_side.get(content["choice"], TIE)
