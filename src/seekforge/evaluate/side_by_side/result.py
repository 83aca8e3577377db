"""From the models' answers to `compare.json`: figures, differences, wins, labels, cost and speed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seekforge.core.config import PriceConfig
from seekforge.evaluate.bootstrap import spread
from seekforge.evaluate.compare import by_label
from seekforge.evaluate.metrics import Metric, Rows, metric
from seekforge.evaluate.paired import difference, holm
from seekforge.evaluate.predict import Prediction
from seekforge.evaluate.side_by_side.answers import Answered, Speed
from seekforge.evaluate.side_by_side.items import (
    check_metric,
    check_references,
    duel,
    is_worse,
    metric_rows,
    same_items,
)
from seekforge.evaluate.side_by_side.pareto import front

_Tables = dict[str, tuple[Metric, Rows]]  # metric to its rows for one model


@dataclass(frozen=True, slots=True)
class Judging:
    """How answers are compared.

    Attributes:
        metrics: Names; wins, the plot and the verdict go by the first.
        resamples: Of the bootstrap.
        seed: Of the bootstrap.
        terms: Chinese words of the domain that stay whole.
        examples: Shown of each pair of models.
    """

    metrics: tuple[str, ...]
    resamples: int = 1000
    seed: int = 7
    terms: frozenset[str] = frozenset()
    examples: int = 9


def side_by_side(answered: Sequence[Answered], judging: Judging) -> dict[str, Any]:
    """The comparison as JSON-serialisable data; every other model against the first that did not fail.

    Args:
        answered: At least one of them has answers.
        judging: How.

    Raises:
        DataError: Their items are not the same, or lack references.
        ConfigError: A metric cannot be taken of them.
    """
    whole = same_items([one for one in answered if not one.failure])
    check_references(whole, judging.metrics)
    for one in whole:
        for name in judging.metrics:
            check_metric(name, one)
    tables = {one.candidate.name: _tables(one, judging) for one in whole}
    models = [_model(one, _scores(tables.get(one.candidate.name, {}), judging)) for one in answered]
    pairs = [_pair(whole[0], other, tables, judging) for other in whole[1:]]
    for pair, p in zip(pairs, holm([pair["metrics"][0]["p"] for pair in pairs]), strict=True):
        pair["holm"] = p
    measured = metric(judging.metrics[0])
    return {
        "items": len(whole[0].predictions),
        "metrics": list(judging.metrics),
        "lower_is_better": is_worse(measured),
        "first": whole[0].candidate.name,
        "models": models,
        "pairs": pairs,
        "by_label": _by_label(whole),
        "pareto": {axis: _front(models, judging.metrics[0], axis, is_worse(measured)) for axis in ("cost", "p95")},
    }


def _tables(one: Answered, judging: Judging) -> _Tables:
    return {name: metric_rows(name, one.predictions, judging.terms) for name in judging.metrics}


def _scores(tables: _Tables, judging: Judging) -> dict[str, Any]:
    found = {}
    for name, (measured, rows) in tables.items():
        span = spread(measured, rows, judging.resamples, judging.seed)
        found[name] = {"value": measured.figure(rows), "unit": measured.unit, "interval": list(span)}
    return found


def _model(one: Answered, scores: dict[str, Any]) -> dict[str, Any]:
    price = one.candidate.price
    return {
        "name": one.candidate.name,
        "reference": one.candidate.reference,
        "engine": one.engine,
        "failure": one.failure,
        "unanswered": [{"id": name, "why": why} for name, why in one.unanswered.items()],
        "scores": scores,
        "speed": _speed(one.speed, price),
        "price": price.model_dump() if price else None,
    }


def _speed(speed: Speed | None, price: PriceConfig | None) -> dict[str, Any] | None:
    if speed is None:
        return None
    return {
        "answers": speed.answers,
        "seconds": speed.seconds,
        "p50": speed.p50,
        "p95": speed.p95,
        "tokens_per_second": speed.tokens_per_second if speed.tokens_per_second > 0 else None,
        "device_seconds_per_1000": speed.per_1000,
        "cost_per_1000": speed.per_1000 * price.per_device_hour / 3600 if price else None,
    }


def _pair(first: Answered, other: Answered, tables: Mapping[str, _Tables], judging: Judging) -> dict[str, Any]:
    rows = []
    ones, twos = tables[first.candidate.name], tables[other.candidate.name]
    for name in judging.metrics:
        (measured, one), (_, two) = ones[name], twos[name]
        found = difference(measured, one, two, judging.resamples, judging.seed)
        row = {"metric": name, "unit": measured.unit, "lower_is_better": is_worse(measured)}
        rows.append({**row, "difference": found.value, "interval": list(found.interval), "p": found.p})
    (measured, one), (_, two) = ones[judging.metrics[0]], twos[judging.metrics[0]]
    won = duel(measured, one, two)
    return {
        "model": other.candidate.name,
        "against": first.candidate.name,
        "metrics": rows,
        "wins": len(won.wins),
        "losses": len(won.losses),
        "ties": len(won.ties),
        "examples": [
            {**_example(first.predictions[place], other.predictions[place]), "outcome": outcome}
            for outcome, place in _chosen(won.wins, won.losses, won.ties, judging.examples)
        ],
    }


def _chosen(wins: Sequence[int], losses: Sequence[int], ties: Sequence[int], count: int) -> list[tuple[str, int]]:
    """What was lost and won in like number, then what stayed as it was: a page that shows wins alone is no evidence."""
    third = -(-count // 3)
    lost, won = losses[:third], wins[:third]
    kept = ties[: max(0, min(third, count - len(lost) - len(won)))]
    return [*(("loss", p) for p in lost), *(("win", p) for p in won), *(("tie", p) for p in kept)][:count]


def _example(first: Prediction, other: Prediction) -> dict[str, Any]:
    return {
        "id": first.id,
        "question": first.prompt,
        "reference": first.reference,
        "label": first.label,
        "answers": [{"text": p.text, "decision": p.decision, "finish_reason": p.finish_reason} for p in (first, other)],
    }


def _by_label(whole: Sequence[Answered]) -> list[dict[str, Any]]:
    tables = [by_label(whole[0].predictions, one.predictions) for one in whole]
    return [
        {
            "label": rows[0]["label"],
            "count": rows[0]["count"],
            "accuracy": {one.candidate.name: row["tuned"] for one, row in zip(whole, rows, strict=True)},
        }
        for rows in zip(*tables, strict=True)
    ]


def _front(models: Sequence[dict[str, Any]], metric: str, axis: str, worse: bool) -> list[str]:
    """Names of the models on the front of quality against one thing that it costs."""
    key = {"cost": _cost_key(models), "p95": "p95"}[axis]
    placed = [m for m in models if m["speed"] and m["scores"] and m["speed"][key] is not None]
    sign = -1 if worse else 1
    on = front([(m["speed"][key], sign * m["scores"][metric]["value"]) for m in placed])
    return [m["name"] for m, there in zip(placed, on, strict=True) if there]


def _cost_key(models: Sequence[dict[str, Any]]) -> str:
    """Money where every model that was timed has a price, else the machine's time."""
    timed = [m["speed"] for m in models if m["speed"] and m["scores"]]
    return (
        "cost_per_1000" if timed and all(s["cost_per_1000"] is not None for s in timed) else "device_seconds_per_1000"
    )
