"""Base against tuned: figures with intervals, by label, and examples that show the difference."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from seekforge.core.errors import ConfigError, DataError
from seekforge.evaluate import metrics
from seekforge.evaluate.bootstrap import interval
from seekforge.evaluate.predict import Prediction

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Comparison:
    """One metric for two models; the intervals are 95 % bootstrap intervals."""

    metric: str
    unit: str
    base: float
    tuned: float
    base_interval: Interval
    tuned_interval: Interval

    @property
    def gain(self) -> float:
        """Tuned minus base, in points of a hundred."""
        return (self.tuned - self.base) * (100 if self.unit == "fraction" else 1)


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
        ConfigError: `accuracy` on a task without labels.
        DataError: There is nothing to score.
    """
    if not predictions:
        raise DataError("no test records to score", mend="Raise data.split.test")
    measured = metrics.metric(metric, terms)
    answers, references = _sides(metric, predictions)
    rows = measured.rows(answers, references)
    return measured.figure(rows), interval(rows, measured.figure, resamples, seed)


def compare(
    metric: str,
    base: Sequence[Prediction],
    tuned: Sequence[Prediction],
    resamples: int,
    seed: int,
    terms: frozenset[str] = frozenset(),
) -> Comparison:
    """One metric for both models; arguments as `score`'s."""
    base_value, base_interval = score(metric, base, resamples, seed, terms)
    tuned_value, tuned_interval = score(metric, tuned, resamples, seed, terms)
    unit = metrics.metric(metric).unit
    return Comparison(metric, unit, base_value, tuned_value, base_interval, tuned_interval)


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
    """What a reader should see: some of what was mended, and first of all what is still wrong."""
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


def _sides(metric: str, predictions: Sequence[Prediction]) -> tuple[list[str], list[str]]:
    if metric != "accuracy":
        return [p.text for p in predictions], [p.reference for p in predictions]
    if not all(p.label for p in predictions):
        raise ConfigError("evaluate.metrics: accuracy needs labels", mend="Set data.labels, or take accuracy out")
    return [p.decision for p in predictions], [p.label for p in predictions]
