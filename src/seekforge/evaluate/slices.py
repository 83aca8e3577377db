"""Parts of a test set, so that a good figure cannot hide a part that is bad: by label, by length, by language."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from seekforge.core.config.recipe import SliceBy
from seekforge.core.language import language
from seekforge.evaluate.bootstrap import Interval
from seekforge.evaluate.compare import score
from seekforge.evaluate.predict import Prediction


@dataclass(frozen=True, slots=True)
class Slice:
    """One part: what it was cut by, its name, and its records' numbers, ascending."""

    by: SliceBy
    name: str
    members: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class SliceScore:
    """One metric of one model on one slice; a figure of few records has a wide interval."""

    by: SliceBy
    name: str
    count: int
    value: float
    interval: Interval


def slices(by: SliceBy, predictions: Sequence[Prediction], edges: Sequence[int] = ()) -> list[Slice]:
    """Cuts a test set; every record is in exactly one slice, but by label those without a label are in none.

    Args:
        by: `label` in the alphabet's order, `length` of the question in characters, shortest first, or `language` of
            the question, commonest first.
        predictions: Answers to the test set; only questions and labels are looked at.
        edges: Lengths that are the last ones of their slices; by default such that the slices are thirds. Records
            of the same length are always together.
    """
    if by == "label":
        names = [p.label for p in predictions]
        return _cut(by, names, sorted({*names} - {""}))
    if by == "language":
        names = [language(p.prompt).code for p in predictions]
        return _cut(by, names, sorted(set(names), key=lambda name: (-names.count(name), name)))
    lengths = [len(p.prompt) for p in predictions]
    bounds = sorted(set(edges)) or _thirds(lengths)
    called = _names(bounds)
    return _cut(by, [called[bisect_left(bounds, length)] for length in lengths], called)


def score_slices(
    metric: str,
    predictions: Sequence[Prediction],
    parts: Sequence[Slice],
    resamples: int,
    seed: int,
    terms: frozenset[str] = frozenset(),
) -> list[SliceScore]:
    """One metric of one model on each slice; arguments as `compare.score`'s.

    Macro-F1 is not cut by label: within one label it would be a mean with those that others were taken for.
    """
    found = []
    for part in parts:
        if (metric, part.by) == ("macro_f1", "label"):
            continue
        value, span = score(metric, [predictions[i] for i in part.members], resamples, seed, terms)
        found.append(SliceScore(part.by, part.name, len(part.members), value, span))
    return found


def compare_slices(
    metric: str,
    base: Sequence[Prediction],
    tuned: Sequence[Prediction],
    parts: Sequence[Slice],
    resamples: int,
    seed: int,
    terms: frozenset[str] = frozenset(),
) -> list[dict[str, Any]]:
    """One metric of two models on each slice, for a report: `by`, `name`, `count`, and figure and interval of each."""
    sides = [score_slices(metric, side, parts, resamples, seed, terms) for side in (base, tuned)]
    return [
        {
            "by": b.by,
            "name": b.name,
            "count": b.count,
            "base": b.value,
            "base_interval": b.interval,
            "tuned": t.value,
            "tuned_interval": t.interval,
        }
        for b, t in zip(*sides, strict=True)
    ]


def _cut(by: SliceBy, names: Sequence[str], order: Sequence[str]) -> list[Slice]:
    members = {name: tuple(i for i, own in enumerate(names) if own == name) for name in order}
    return [Slice(by, name, found) for name, found in members.items() if found]


def _thirds(lengths: Sequence[int]) -> list[int]:
    ordered = sorted(lengths)
    cuts = {ordered[math.ceil(len(ordered) * part / 3) - 1] for part in (1, 2)} if ordered else set()
    return sorted(cuts - {ordered[-1]}) if ordered else []


def _names(bounds: Sequence[int]) -> list[str]:
    starts = [0, *(bound + 1 for bound in bounds)]
    inner = [f"{start} to {end}" if start else f"up to {end}" for start, end in zip(starts, bounds, strict=False)]
    return [*inner, f"{starts[-1]} and more" if bounds else "all"]
