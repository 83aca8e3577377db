"""The rubric that people and judges score answers by: read from a file, and from scores to one weighted figure."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path
from typing import Literal

from seekforge.core.config import load_file
from seekforge.core.config.rubric import RubricConfig, WordingConfig
from seekforge.core.errors import ConfigError, DataError
from seekforge.core.registry import nearest
from seekforge.evaluate.text import mostly_chinese

Language = Literal["en", "zh"]
Scores = Mapping[str, int]
BUILT_IN = "guide"


def load_rubric(path: Path | None = None) -> RubricConfig:
    """A rubric from its YAML file; without one the guide's, which comes with the package.

    Raises:
        ConfigError: There is no such file, a key or value is wrong, or the weights do not sum to 1.
    """
    if path is None:
        return _built_in()
    if not path.is_file():
        mend = "docs/evaluation.md shows one; without --rubric the guide's is taken"
        raise ConfigError("no such rubric file", where=str(path), mend=mend)
    return load_file(RubricConfig, path)


@cache
def _built_in() -> RubricConfig:
    with as_file(files("seekforge.evaluate") / "rubrics" / f"{BUILT_IN}.yaml") as path:
        return load_file(RubricConfig, path)


def names(rubric: RubricConfig) -> list[str]:
    """The criteria's keys, in the rubric's order."""
    return [criterion.name for criterion in rubric.criteria]


def weighted(rubric: RubricConfig, scores: Mapping[str, float]) -> float:
    """The weighted mean of one answer's scores, on the rubric's scale: the sum of weight times score.

    >>> round(weighted(load_rubric(), {"relevance": 3, "accuracy": 2, "readability": 1}), 6)
    2.1
    """
    return sum(criterion.weight * scores[criterion.name] for criterion in rubric.criteria)


def check_scores(rubric: RubricConfig, scores: Mapping[str, object], where: str, *, whole: bool = True) -> None:
    """Are these an answer's scores?

    Args:
        rubric: Its criteria and scale.
        scores: Criterion to score.
        where: What the message calls them.
        whole: Every criterion must be there; otherwise those that are there are looked at.

    Raises:
        DataError: A criterion is unknown or missing, or a score is no whole number of the scale.
    """
    known, scale = names(rubric), rubric.scale
    for name, score in scores.items():
        if name not in known:
            raise DataError(f"unknown criterion '{name}'", where=where, mend=nearest(name, known))
        if isinstance(score, bool) or not isinstance(score, int) or not scale.lowest <= score <= scale.highest:
            mend = f"Give a whole number from {scale.lowest} to {scale.highest}"
            raise DataError(f"{name} {score!r} is no score", where=where, mend=mend)
    if whole and (missing := [name for name in known if name not in scores]):
        raise DataError(f"no score for {missing[0]}", where=where, mend=f"Score {', '.join(known)}")


def language_of(text: str) -> Language:
    """In which of the two languages an item is shown and judged."""
    return "zh" if mostly_chinese([text]) else "en"


def said(wording: WordingConfig, language: Language) -> str:
    """The text in one language."""
    return wording.zh if language == "zh" else wording.en
