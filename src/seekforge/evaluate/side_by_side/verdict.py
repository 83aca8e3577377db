"""The one line at the top: which model is better, and whether that is more than luck. Pure, from compare.json."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seekforge.core.report.units import clip, format_value, label, significant

CLEAR = 0.05  # p below which a difference is called clear
_NAME = 60


def verdict(report: Mapping[str, Any]) -> dict[str, str]:
    """Kind (`pass`: a clear winner, `open`: none, `fail`: a model failed), headline, and what it rests on."""
    failed = [clip(model["name"], _NAME) for model in report["models"] if model["failure"]]
    pairs = report["pairs"]
    if not pairs:
        return {"kind": "fail", "text": "Nothing to compare", "note": f"{', '.join(failed)} failed."}
    first = clip(report["first"], _NAME)
    sign = -1 if report["lower_is_better"] else 1
    best = max(pairs, key=lambda pair: sign * pair["metrics"][0]["difference"])
    gain, name = sign * best["metrics"][0]["difference"], clip(best["model"], _NAME)
    clear = [pair for pair in pairs if (pair.get("holm") or 0.0) < CLEAR]
    if gain > 0 and best in clear:
        kind, text = "pass", f"{name} is better than {first}"
    elif len(clear) == len(pairs) and gain < 0:
        kind, text = "pass", f"{first} is better than {name if len(pairs) == 1 else 'all others'}"
    else:
        kind, text = "open", f"No clear difference between {first} and {name}"
    note = f"{_rests_on(best, report)} {_in_passing(best, report)}".strip()
    if failed:
        note = f"{note} {', '.join(failed)} failed and could not be compared."
    return {"kind": kind if not failed else "open", "text": text, "note": note}


def against(row: Mapping[str, Any]) -> str:
    """A difference with its interval: `+3.1 points (+1.0 to +5.2)`."""
    times = 100 if row["unit"] == "fraction" else 1
    values = [times * value for value in (row["difference"], *row["interval"])]
    if row["unit"] == "perplexity":
        shown = [f"{value:+.2f}" for value in values]
        return f"{shown[0]} ({shown[1]} to {shown[2]})"
    shown = [format_value(value, "points") for value in values]
    return f"{shown[0]} ({shown[1].removesuffix(' points')} to {shown[2].removesuffix(' points')})"


def chance(p: float | None) -> str:
    """A p-value as it is read: `p = 0.034`, `p < 0.001`."""
    if p is None or p != p:
        return ""
    return "p < 0.001" if p < 0.001 else f"p = {significant(round(p, 3), 2)}"


def ratio(one: float, other: float) -> str:
    """How often `other` goes into `one`: `0.31×`."""
    return format_value(one / other, "ratio") if other > 0 else ""


def _rests_on(pair: Mapping[str, Any], report: Mapping[str, Any]) -> str:
    row = pair["metrics"][0]
    scores = {model["name"]: model["scores"] for model in report["models"]}
    two, one = (scores[name][row["metric"]]["value"] for name in (pair["model"], pair["against"]))
    shown = f"{format_value(two, row['unit'])} against {format_value(one, row['unit'])}"
    return f"{label(row['metric'])} {shown}: {against(row)}, {chance(pair.get('holm'))}, on {report['items']:,} items."


def _in_passing(pair: Mapping[str, Any], report: Mapping[str, Any]) -> str:
    """What it costs and how long it takes, beside the first."""
    speeds = {model["name"]: model["speed"] for model in report["models"]}
    two, one = speeds[pair["model"]], speeds[pair["against"]]
    if two is None or one is None:
        return ""
    priced = two["cost_per_1000"] is not None and one["cost_per_1000"] is not None
    key = "cost_per_1000" if priced else "device_seconds_per_1000"
    what = "cost" if priced else "machine time"
    name, first = clip(pair["model"], _NAME), clip(pair["against"], _NAME)
    cost, time = ratio(two[key], one[key]), ratio(two["p95"], one["p95"])
    return f"{name} takes {cost} the {what} of {first} and {time} its time to a whole answer (p95)."
