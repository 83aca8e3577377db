"""Base against tuned: figures with intervals, paired tests, and examples that show the difference."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from seekforge.core.errors import ConfigError, DataError
from seekforge.evaluate import metrics
from seekforge.evaluate.bootstrap import Interval as Interval
from seekforge.evaluate.bootstrap import spread
from seekforge.evaluate.metrics.base import Metric, Rows
from seekforge.evaluate.paired import Difference, McNemar, difference, mcnemar
from seekforge.evaluate.predict import Prediction

_RIGHT_OR_WRONG = frozenset({"accuracy", "exact_match"})


@dataclass(frozen=True, slots=True)
class Comparison:
    """One metric for two models; the intervals are of 95 %.

    Attributes:
        metric: Its name.
        unit: Its unit.
        base: Of the first model.
        tuned: Of the second.
        base_interval: Of the first model's figure.
        tuned_interval: Of the second one's.
        better: Whether `higher` or `lower` figures are better.
        difference: Tuned minus base on the same items, with its interval and p.
        mcnemar: For metrics whose items are right or wrong.
    """

    metric: str
    unit: str
    base: float
    tuned: float
    base_interval: Interval
    tuned_interval: Interval
    better: str = "higher"
    difference: Difference | None = None
    mcnemar: McNemar | None = None

    @property
    def gain(self) -> float:
        """By how much tuned is better than base; fractions in points of a hundred."""
        gain = self.tuned - self.base if self.better == "higher" else self.base - self.tuned
        return gain * (100 if self.unit == "fraction" else 1)


def score(
    metric: str, predictions: Sequence[Prediction], resamples: int, seed: int, terms: frozenset[str] = frozenset()
) -> tuple[float, Interval]:
    """One metric of one model with its interval.

    Args:
        metric: Its name.
        predictions: Of one model.
        resamples: Of the bootstrap.
        seed: Of the bootstrap.
        terms: Chinese words of the domain that stay whole.

    Raises:
        ConfigError: The metric needs labels, or what only the model's logits tell, and the predictions have none.
        DataError: There is nothing to score, or nothing to score it by.
    """
    measured = metrics.metric(metric, terms)
    rows = rows_of(metric, measured, predictions)
    return measured.figure(rows), spread(measured, rows, resamples, seed)


def rows_of(name: str, metric: Metric, predictions: Sequence[Prediction]) -> Rows:
    """The metric's rows, one a prediction; `Raises` as `score`'s."""
    return metric.rows(*sides(name, metric, predictions))


def sides(name: str, metric: Metric, predictions: Sequence[Prediction]) -> tuple[list[Any], list[Any]]:
    """What the metric reads of the predictions and of their references (`metrics/base.py`); `Raises` as `score`'s."""
    if not predictions:
        raise DataError("no test records to score", mend="Raise data.split.test")
    if metric.reads == "texts" and (empty := [p.id for p in predictions if not p.reference.strip()]):
        raise DataError(
            f"{len(empty)} of {len(predictions)} reference answers are empty, '{empty[0]}' first: {name} needs them",
            mend="Give each record its answer or take it out",
        )
    return _read(name, metric, predictions)


def compare(
    metric: str,
    base: Sequence[Prediction],
    tuned: Sequence[Prediction],
    resamples: int,
    seed: int,
    terms: frozenset[str] = frozenset(),
) -> Comparison:
    """One metric for both models, and the tests of their difference; arguments as `score`'s.

    Raises:
        ConfigError: As `score`.
        DataError: As `score`; or the models did not answer the same records.
    """
    same_items(base, tuned)
    measured = metrics.metric(metric, terms)
    first, second = (rows_of(metric, measured, side) for side in (base, tuned))
    is_right = [[bool(x) for x in side[:, 0]] for side in (first, second)] if metric in _RIGHT_OR_WRONG else None
    return Comparison(
        metric,
        measured.unit,
        measured.figure(first),
        measured.figure(second),
        spread(measured, first, resamples, seed),
        spread(measured, second, resamples, seed),
        measured.better,
        difference(measured, first, second, resamples, seed),
        mcnemar(*is_right) if is_right else None,
    )


def same_items(base: Sequence[Prediction], tuned: Sequence[Prediction]) -> None:
    """Refuses answers to different records, or to the same in another order.

    Raises:
        DataError: They are.
    """
    if len(base) != len(tuned):
        raise DataError(f"{len(base)} answers of one model and {len(tuned)} of the other", mend="Ask both the same")
    for number, (b, t) in enumerate(zip(base, tuned, strict=True), 1):
        if b.id != t.id:
            raise DataError(f"answer {number} is to '{b.id}' of one model and to '{t.id}' of the other")


def check_metrics(names: Sequence[str], labels: Sequence[str]) -> None:
    """Looks, before any model is loaded, whether the metrics are known and have the labels that they need.

    Raises:
        ConfigError: One is not, or has not.
    """
    for name in names:
        if metrics.metric(name).reads in {"decisions", "confidence"} and not labels:
            raise _needs_labels(name)


def by_label(base: Sequence[Prediction], tuned: Sequence[Prediction]) -> list[dict[str, Any]]:
    """Accuracy of both models on the records of each label."""
    rows = []
    for label in sorted({p.label for p in base if p.label}):
        pairs = [(b, t) for b, t in zip(base, tuned, strict=True) if b.label == label]
        rows.append(
            {
                "label": label,
                "count": len(pairs),
                "base": sum(b.decision == label for b, _ in pairs) / len(pairs),
                "tuned": sum(t.decision == label for _, t in pairs) / len(pairs),
            }
        )
    return rows


def majority(predictions: Sequence[Prediction]) -> float:
    """Accuracy of always answering the commonest label: what a model must beat to know anything; 0 without labels."""
    labels = Counter(p.label for p in predictions if p.label)
    return max(labels.values(), default=0) / len(predictions)


def examples(base: Sequence[Prediction], tuned: Sequence[Prediction], count: int) -> list[dict[str, Any]]:
    """What a reader should see: what was mended, what is still wrong, and what was right before."""
    pairs = list(zip(base, tuned, strict=True))
    wrong = [pair for pair in pairs if not _right(pair[1])]
    mended = [pair for pair in pairs if _right(pair[1]) and not _right(pair[0])]
    kept = [pair for pair in pairs if _right(pair[1]) and _right(pair[0])]
    chosen = (mended[: count // 2] + wrong[: count // 4] + kept)[:count]
    return [
        {
            "prompt": b.prompt,
            "reference": b.reference,
            "base": b.text,
            "tuned": t.text,
            "base_correct": _right(b),
            "tuned_correct": _right(t),
        }
        for b, t in chosen
    ]


def _right(prediction: Prediction) -> bool:
    if prediction.label:
        return prediction.decision == prediction.label
    return prediction.text.strip() == prediction.reference.strip()


def _read(name: str, metric: Metric, predictions: Sequence[Prediction]) -> tuple[list[Any], list[Any]]:
    if metric.reads in {"decisions", "confidence"} and not all(p.label for p in predictions):
        raise _needs_labels(name)
    if metric.reads == "decisions":
        return [p.decision for p in predictions], [p.label for p in predictions]
    if metric.reads == "confidence":
        if all(p.confidence is None for p in predictions) and any(p.decision for p in predictions):
            raise _needs_logits(name)
        return [p.confidence for p in predictions], [p.decision == p.label for p in predictions]
    if metric.reads == "likelihood":
        if any(p.log_probability is None for p in predictions):
            raise _needs_logits(name)
        return [p.log_probability for p in predictions], [p.reference_tokens for p in predictions]
    return [p.text for p in predictions], [p.reference for p in predictions]


def _needs_labels(name: str) -> ConfigError:
    mend = f"Set data.labels, give --label once for each, or take {name} out"
    return ConfigError(f"the metric {name} needs labels", mend=mend)


def _needs_logits(name: str) -> ConfigError:
    what = f"{name} needs the model's logits, which were not read for these answers"
    return ConfigError(what, mend="Score the model's folder, which transformers runs")
