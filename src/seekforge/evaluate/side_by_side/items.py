"""One metric on the same items for every model: the common items, their rows, each item's own figure, who wins it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from seekforge.core.errors import ConfigError, DataError
from seekforge.evaluate import metrics
from seekforge.evaluate.compare import rows_of, sides
from seekforge.evaluate.metrics import Metric, Rows
from seekforge.evaluate.predict import Prediction
from seekforge.evaluate.side_by_side.answers import Answered

_SAME = 1e-9  # what rounding may make of two equal figures


@dataclass(frozen=True, slots=True)
class Duel:
    """Items of one model against another's, by their places.

    Attributes:
        wins: The second model is better, by most first.
        losses: It is worse, by most first.
        ties: Neither.
    """

    wins: tuple[int, ...]
    losses: tuple[int, ...]
    ties: tuple[int, ...]


def metric_rows(
    name: str, predictions: Sequence[Prediction], terms: frozenset[str] = frozenset()
) -> tuple[Metric, Rows]:
    """A metric and its rows for one model.

    Args:
        name: The metric's.
        predictions: Of the model.
        terms: Chinese words of the domain that stay whole.

    Raises:
        ConfigError: No such metric, or as `check_metric`.
        DataError: As `evaluate.compare.rows_of`.
    """
    measured = metrics.metric(name, terms)
    return measured, rows_of(name, measured, predictions)


def check_metric(name: str, one: Answered) -> None:
    """Looks whether a metric can be taken of a model's answers, and takes none.

    Raises:
        ConfigError: It needs labels where there are none, or more than answers can tell.
        DataError: It needs references where there are none.
    """
    measured, where = metrics.metric(name), one.candidate.reference
    if measured.reads == "decisions" and not all(p.label for p in one.predictions):
        mend = "Take it out, or give data with labels"
        raise ConfigError(f"--metric {name}: the records have no labels", where=where, mend=mend)
    if measured.reads not in ("texts", "answers", "decisions"):
        mend = "Use it in a recipe's evaluate.metrics"
        raise ConfigError(f"--metric {name}: answers alone do not tell it", where=where, mend=mend)
    sides(name, measured, one.predictions)


def is_worse(metric: Metric) -> bool:
    """Whether more of a metric is worse, as of perplexity."""
    return metric.better == "lower"


def duel(metric: Metric, first: Rows, second: Rows) -> Duel:
    """Who wins which item, by the metric of that item alone."""
    sign = -1 if is_worse(metric) else 1
    gains = [
        sign * (metric.figure(second[place : place + 1]) - metric.figure(first[place : place + 1]))
        for place in range(len(first))
    ]
    wins = sorted((place for place, gain in enumerate(gains) if gain > _SAME), key=lambda place: -gains[place])
    losses = sorted((place for place, gain in enumerate(gains) if gain < -_SAME), key=lambda place: gains[place])
    ties = tuple(place for place, gain in enumerate(gains) if not abs(gain) > _SAME)
    return Duel(tuple(wins), tuple(losses), ties)


def same_items(answered: Sequence[Answered]) -> list[Answered]:
    """The models with those items alone that every one of them has an answer to, in the first one's order.

    A model whose saved answers are to other items is refused; a question that a model could not answer is left out.

    Raises:
        DataError: Ids, questions or references are not the same, or no item is left.
    """
    first = answered[0]
    for other in answered[1:]:
        check_same(first, other)
    common = set.intersection(*({p.id for p in one.predictions} for one in answered))
    if not common:
        raise DataError("no question has an answer of every model", mend="See the failures that were said")
    order = [p.id for p in first.predictions if p.id in common]
    found = []
    for one in answered:
        by_id = {p.id: p for p in one.predictions}
        found.append(replace(one, predictions=tuple(by_id[name] for name in order)))
    return found


def check_same(first: Answered, other: Answered) -> None:
    """Looks whether two models have answers to the same items; what one could not answer aside.

    Raises:
        DataError: Ids, questions or references are not the same.
    """
    one = {p.id: p for p in first.predictions}
    two = {p.id: p for p in other.predictions}
    names = first.candidate.name, other.candidate.name
    missing = [name for name in one if name not in two and name not in other.unanswered]
    extra = [name for name in two if name not in one and name not in first.unanswered]
    if missing or extra:
        told = [
            f"{len(ids)} only {who} has, such as {ids[0]!r}"
            for ids, who in ((missing, names[0]), (extra, names[1]))
            if ids
        ]
        raise DataError(
            f"{len(two)} answers, and {names[0]} has {len(one)}, not to the same items: {'; '.join(told)}",
            where=other.candidate.reference,
            mend="Compare answers to one and the same test",
        )
    for name in one:
        if name in two and (what := _differs(one[name], two[name])):
            raise DataError(
                f"item {name!r} has another {what} than {names[0]} has",
                where=other.candidate.reference,
                mend="Compare answers to one and the same test",
            )


def _differs(one: Prediction, two: Prediction) -> str:
    """What is not the same of an item; empty where all is, or where one side has no label."""
    if (one.prompt, one.reference) != (two.prompt, two.reference):
        return "question or reference"
    return "label" if one.label and two.label and one.label != two.label else ""


def check_references(answered: Sequence[Answered], chosen: Sequence[str]) -> None:
    """Looks whether everything has a reference that a metric on texts can be taken against.

    Raises:
        DataError: Some have none.
    """
    if not any(metrics.metric(name).reads == "texts" for name in chosen):
        return
    for one in answered:
        missing = [p.id for p in one.predictions if not p.reference.strip()]
        if missing:
            raise DataError(
                f"{len(missing)} of {len(one.predictions)} items have no reference answer, {missing[0]!r} first",
                where=one.candidate.reference,
                mend="Give them references, or compare labels alone: --metric accuracy",
            )
