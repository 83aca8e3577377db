"""What the report shows of the evaluation: base against tuned, tests of the difference, parts of the test, examples."""

from collections.abc import Mapping
from typing import Any, Final

from seekforge.core.report.sections import View, mapping, mappings, most, share
from seekforge.core.report.svg import bar
from seekforge.core.report.units import clip, finite, format_value, label

MOST_EXAMPLES = 8
_SLICES: Final = {
    "label": "By label",
    "length": "By length of the question, in characters",
    "language": "By language of the question",
}


def _interval(value: object) -> tuple[float, float] | None:
    ends = [finite(end) for end in value] if isinstance(value, list | tuple) else []
    if len(ends) != 2 or ends[0] is None or ends[1] is None:
        return None
    return min(ends[0], ends[1]), max(ends[0], ends[1])


def _compared(row: Mapping[str, Any]) -> View:
    unit = row.get("unit")
    spans = {side: _interval(row.get(f"{side}_interval")) for side in ("base", "tuned")}
    ends = [end for span in spans.values() if span for end in span]
    full = max(1.0 if unit == "fraction" else 0.0, most([row.get("base"), row.get("tuned"), *ends]))
    sides = []
    for side, name in (("base", "Base"), ("tuned", "Tuned")):
        span = spans[side]
        whisker = (span[0] / full, span[1] / full) if span and full > 0 else None
        sides.append(
            {
                "name": name,
                "bar": bar(share(row.get(side), full), side, whisker=whisker),
                "text": format_value(row.get(side), unit),
                "note": f"({format_value(span[0], unit)} to {format_value(span[1], unit)})" if span else "",
            }
        )
    base, tuned = finite(row.get("base")), finite(row.get("tuned"))
    gain = ""
    if unit == "fraction" and base is not None and tuned is not None:
        gain = format_value(100 * (tuned - base), "points")
    less = row.get("better") == "lower"
    return {"metric": label(row.get("metric")), "sides": sides, "gain": gain, "less": less, "test": _tested(row)}


def _tested(row: Mapping[str, Any]) -> str:
    """What the paired tests say of the difference."""
    found, unit = mapping(row.get("difference")), row.get("unit")
    span, p = _interval(found.get("interval")), finite(found.get("p"))
    if span is None or p is None:
        return ""
    times, of = (100, "points") if unit == "fraction" else (1, "")
    low, high = (format_value(times * end, of) for end in span)
    text = f"Tuned minus base on the same items: {low} to {high} (95 %), p = {format_value(p, 'p')}"
    counts = mapping(row.get("mcnemar"))
    exact = finite(counts.get("p"))
    if exact is None:
        return f"{text}."
    one, other = (format_value(counts.get(key), "count") for key in ("only_first", "only_second"))
    return f"{text}. Only base right: {one}; only tuned right: {other}; McNemar exact p = {format_value(exact, 'p')}."


def comparison(details: Mapping[str, Any]) -> View | None:
    """Base against tuned: metrics, labels and examples."""
    metrics = [_compared(row) for row in mappings(details.get("comparison"))]
    examples = []
    for row in mappings(details.get("examples"))[:MOST_EXAMPLES]:
        answers = [
            {"who": name, "text": clip(row.get(side)), "correct": row.get(f"{side}_correct")}
            for side, name in (("base", "Base"), ("tuned", "Tuned"))
        ]
        examples.append(
            {"prompt": clip(row.get("prompt")), "reference": clip(row.get("reference")), "answers": answers}
        )
    slices = _sliced(details)
    whiskers = any(side["note"] for metric in metrics for side in metric["sides"])
    found: View = {"metrics": metrics, "examples": examples, "slices": slices, "whiskers": whiskers}
    return found if metrics or examples or slices else None


def _sliced(details: Mapping[str, Any]) -> list[View]:
    """The headline by the parts of the test, a table for each way to cut it."""
    sliced = mapping(details.get("slices"))
    unit, rows = sliced.get("unit"), mappings(sliced.get("rows"))
    # Runs of older versions had the accuracy of each label and nothing else.
    old = [{**row, "by": "label", "name": row.get("label")} for row in mappings(details.get("by_label"))]
    tables = []
    for by, title in _SLICES.items():
        own = [row for row in rows or old if row.get("by") == by]
        full = 1.0 if unit in (None, "fraction") else most([row.get(side) for row in own for side in ("base", "tuned")])
        of = f"{label(sliced.get('metric'))} by" if rows else "Accuracy by"
        drawn = [_part(row, unit or "fraction", full) for row in own]
        if drawn:
            tables.append({"title": title.replace("By", of, 1), "rows": drawn})
    return tables


def _part(row: Mapping[str, Any], unit: object, full: float) -> View:
    sides = []
    for side, name in (("base", "Base"), ("tuned", "Tuned")):
        span = _interval(row.get(f"{side}_interval"))
        whisker = (min(1.0, span[0] / full), min(1.0, span[1] / full)) if span and full > 0 else None
        note = f"({format_value(span[0], unit)} to {format_value(span[1], unit)})" if span else ""
        drawn = bar(share(row.get(side), full), side, whisker=whisker)
        sides.append({"name": name, "text": format_value(row.get(side), unit), "note": note, "bar": drawn})
    return {"name": row.get("name"), "count": format_value(row.get("count"), "count"), "sides": sides}
