"""Renders a comparison as one self-contained HTML page, in the style of a run's report and as closed as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from seekforge.core.report.html import environment, hardware_line
from seekforge.core.report.scatter import Point, scatter
from seekforge.core.report.sections import View, most, share
from seekforge.core.report.svg import bar, parts
from seekforge.core.report.units import clip, duration, format_value, label, number, period
from seekforge.evaluate.side_by_side.marks import differences
from seekforge.evaluate.side_by_side.verdict import against, chance, verdict

_TITLES = {
    "models": "The models",
    "trade": "Quality against cost and time",
    "quality": "Quality",
    "duels": "Won and lost",
    "labels": "By label",
    "failures": "What was not answered",
    "reading": "How to read this",
}
_SIZES = ((500, 330), (340, 300))  # two beside each other on wide pages, one on phones
_OUTCOMES = {"win": ("pass", "won"), "loss": ("fail", "lost"), "tie": ("step", "tie")}
_NAME, _CHART_NAME, _TEXT = 60, 22, 600


def render(report: Mapping[str, Any]) -> str:
    """The page of one comparison.

    Args:
        report: The content of compare.json.

    Returns:
        The page, in text that can be written as UTF-8.
    """
    views: View = {
        "models": _models(report),
        "trade": _trade(report),
        "quality": _quality(report),
        "duels": [_duel(pair, report) for pair in report["pairs"]],
        "labels": _labels(report),
        "failures": _failures(report),
        "reading": _reading(report),
    }
    page = (
        environment(Path(__file__).parent)
        .get_template("page.html.j2")
        .render(
            title=_together([clip(model["name"], _NAME) for model in report["models"]]),
            verdict=verdict(report),
            facts=_facts(report),
            views=views,
            sections=[(key, title) for key, title in _TITLES.items() if views[key]],
            titles=_TITLES,
        )
    )
    # A model can emit half of a surrogate pair; one of them must not keep the whole page from being written.
    return page.encode("utf-8", "replace").decode("utf-8").replace("\x00", "\ufffd")


def _together(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)


def _facts(report: Mapping[str, Any]) -> list[View]:
    test = report["test"]
    asked = report.get("asking")
    how = f"greedily, {asked['max_new_tokens']} tokens at most, {asked['concurrency']} at once" if asked else ""
    rows = [
        ("When", period(report["started"], report["finished"]), False),
        ("Test", f"{test['name']}: {report['items']:,} items that every model answered", False),
        ("Asked", how, False),
        ("Hardware", hardware_line(report["hardware"]), False),
        ("Command", report["command"], True),
    ]
    return [{"name": name, "text": text, "code": code} for name, text, code in rows if text]


def _of(report: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    """The pair in which a model stands against the first; None for the first."""
    return next((pair for pair in report["pairs"] if pair["model"] == name), None)


def _models(report: Mapping[str, Any]) -> View:
    """A row a model: what it is worth, how far from the first, how fast, how dear."""
    metric = report["metrics"][0]
    rows = []
    for model in report["models"]:
        speed, score, pair = model["speed"] or {}, model["scores"].get(metric), _of(report, model["name"])
        cost = speed.get("cost_per_1000")
        rows.append(
            {
                "name": clip(model["name"], _NAME),
                "engine": model["engine"],
                "failed": model["failure"],
                "first": model["name"] == report["first"],
                "score": format_value(score["value"], score["unit"]) if score else "",
                "span": _span(score["interval"], score["unit"]) if score else "",
                "difference": against(pair["metrics"][0]) if pair else "",
                "chance": chance(pair.get("holm")) if pair else "",
                "p50": format_value(speed["p50"], "seconds") if speed else "",
                "p95": format_value(speed["p95"], "seconds") if speed else "",
                "tokens": format_value(speed["tokens_per_second"]) if speed else "",
                "time": duration(speed["device_seconds_per_1000"]) if speed else "",
                "cost": format_value(cost, model["price"]["currency"]) if cost is not None else "",
            }
        )
    return {
        "rows": rows,
        "metric": label(metric),
        "timed": any(row["p50"] for row in rows),
        "priced": any(row["cost"] for row in rows),
        "paired": bool(report["pairs"]),
    }


def _span(ends: Sequence[float], unit: str) -> str:
    return f"{format_value(ends[0], unit).removesuffix(' %')} to {format_value(ends[1], unit)}"


def _trade(report: Mapping[str, Any]) -> list[View]:
    """Two plots, if two models at least were timed."""
    models = [m for m in report["models"] if m["speed"] and m["scores"]]
    if len(models) < 2:
        return []
    priced = all(m["speed"]["cost_per_1000"] is not None for m in models)
    currency = models[0]["price"]["currency"] if priced else ""
    cost = (
        ("cost_per_1000", f"{currency} for 1,000 answers")
        if priced
        else (
            "device_seconds_per_1000",
            "device seconds for 1,000 answers",
        )
    )
    plots = [("cost", *cost), ("p95", "p95", "seconds to the whole answer, p95")]
    return [_plot(report, models, *plot) for plot in plots]


def _plot(report: Mapping[str, Any], models: Sequence[Mapping[str, Any]], axis: str, key: str, title: str) -> View:
    metric = report["metrics"][0]
    on = report["pareto"][axis]
    points = []
    for model in models:
        score = model["scores"][metric]
        times = 100 if score["unit"] == "fraction" else 1
        low, high = (times * end for end in score["interval"])
        name = clip(model["name"], 200)
        name = name if len(name) <= _CHART_NAME else f"{name[: _CHART_NAME - 1]}…"
        points.append(Point(name, model["speed"][key], times * score["value"], (low, high), model["name"] in on))
    unit = ", %" if models[0]["scores"][metric]["unit"] == "fraction" else ""
    names = ", ".join(clip(name, _NAME) for name in on)
    words = f"{label(metric)} against {title}. On the front: {names}."
    titles = (title, f"{label(metric)}{unit}")
    charts = [scatter(points, summary=words, titles=titles, width=width, height=height) for width, height in _SIZES]
    return {"charts": charts, "title": "By cost" if axis == "cost" else "By time", "front": names}


def _quality(report: Mapping[str, Any]) -> list[View]:
    """Every metric: a bar a model, and each difference to the first."""
    found = []
    for metric in report["metrics"]:
        scores = [(m, m["scores"][metric]) for m in report["models"] if m["scores"]]
        unit = scores[0][1]["unit"]
        full = max(
            1.0 if unit == "fraction" else 0.0, most([end for _, s in scores for end in (s["value"], *s["interval"])])
        )
        rows = []
        for model, score in scores:
            style = "base" if model["name"] == report["first"] else "tuned"
            ends = [number(end) for end in score["interval"]]
            span = (
                (ends[0] / full, ends[1] / full) if full > 0 and ends[0] is not None and ends[1] is not None else None
            )
            pair = _of(report, model["name"])
            row = next((row for row in pair["metrics"] if row["metric"] == metric), None) if pair else None
            note = f"{against(row)}, {chance(row['p'])}" if row else f"({_span(score['interval'], unit)})"
            rows.append(
                {
                    "name": clip(model["name"], _NAME),
                    "bar": bar(share(score["value"], full), style, whisker=span),
                    "text": format_value(score["value"], unit),
                    "note": note,
                }
            )
        found.append({"metric": label(metric), "rows": rows, "lower": _is_lower(report, metric)})
    return found


def _is_lower(report: Mapping[str, Any], metric: str) -> bool:
    return any(row["lower_is_better"] for pair in report["pairs"] for row in pair["metrics"] if row["metric"] == metric)


def _duel(pair: Mapping[str, Any], report: Mapping[str, Any]) -> View:
    counts = [("win", pair["wins"]), ("tie", pair["ties"]), ("loss", pair["losses"])]
    total = sum(count for _, count in counts)
    names = clip(pair["against"], _NAME), clip(pair["model"], _NAME)
    return {
        "first": names[0],
        "second": names[1],
        "metric": label(report["metrics"][0]),
        "bar": parts([(kind, count / total) for kind, count in counts]),
        **{kind: format_value(count, "count") for kind, count in counts},
        "examples": [_example(row, names) for row in pair["examples"]],
    }


def _example(row: Mapping[str, Any], names: tuple[str, str]) -> View:
    kind, word = _OUTCOMES[row["outcome"]]
    texts = [clip(answer["text"], _TEXT) for answer in row["answers"]]
    marked = [_marked(pieces) for pieces in differences(*texts)]
    answers = [
        {
            "who": name,
            "text": text or Markup('<span class="soft">(an empty answer)</span>'),
            "decision": answer["decision"] if row["label"] else "",
            "right": answer["decision"] == row["label"],
            "cut": answer["finish_reason"] == "length",
        }
        for name, text, answer in zip(names, marked, row["answers"], strict=True)
    ]
    return {
        "kind": kind,
        "word": f"{names[1]}: {word}" if row["outcome"] != "tie" else "as good as each other",
        "id": clip(row["id"], _NAME),
        "question": clip(row["question"], _TEXT),
        "reference": clip(row["reference"], _TEXT),
        "label": row["label"],
        "answers": answers,
    }


def _marked(pieces: Sequence[tuple[str, bool]]) -> Markup:
    texts = (Markup("<mark>{}</mark>" if only else "{}").format(text) for text, only in pieces)
    return Markup("").join(texts)


def _labels(report: Mapping[str, Any]) -> list[View]:
    return [
        {
            "label": row["label"],
            "count": format_value(row["count"], "count"),
            "sides": [
                {
                    "name": clip(name, _NAME),
                    "text": format_value(value, "fraction"),
                    "bar": bar(value, "base" if name == report["first"] else "tuned"),
                }
                for name, value in row["accuracy"].items()
            ],
        }
        for row in report["by_label"]
    ]


def _failures(report: Mapping[str, Any]) -> list[View]:
    found = []
    for model in report["models"]:
        name = clip(model["name"], _NAME)
        if model["failure"]:
            found.append({"name": name, "what": "The model failed", "why": clip(model["failure"])})
        elif model["unanswered"]:
            first = model["unanswered"][0]
            what = f"{len(model['unanswered'])} questions, left out for every model"
            found.append({"name": name, "what": what, "why": clip(f"{first['id']}: {first['why']}")})
    return found


def _reading(report: Mapping[str, Any]) -> list[str]:
    """What a reader who was not there needs to know, of what the page shows."""
    first, better = clip(report["first"], _NAME), "lower" if report["lower_is_better"] else "higher"
    notes = [
        "An interval says where the figure would lie, in 95 of 100 cases, on other test items of the same kind.",
        f"p is how likely luck alone would make a difference as large to {first}; below 0.05 it is called clear. "
        "With several models it is corrected for their number (Holm).",
        f"An item is won by the model whose answer to it scores {better} by {label(report['metrics'][0])}. Marked "
        "words are in that answer alone.",
    ]
    if any(model["speed"] for model in report["models"]):
        notes += [
            "On the front (filled points, joined by the line) are the models that no other beats in quality at the "
            "same cost or less.",
            "Time is from the question to the whole answer, with as many questions at once as said above: half of the "
            "answers took no longer than p50, 95 of 100 no longer than p95. Device seconds are those that the "
            "machine was at it; cost is these times its price.",
        ]
    return notes
