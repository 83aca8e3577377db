"""What the report shows of the data: the funnel with its cost, every reason with examples, what records are like."""

from collections.abc import Mapping
from typing import Any

from seekforge.core.report.sections import View, mapping, mappings, most, share
from seekforge.core.report.svg import bar
from seekforge.core.report.units import clip, duration, finite, format_value, label

MOST_DROPS = 12
_EXAMPLES = 3  # of each reason
_DISTRIBUTIONS = {"labels": "Labels", "scripts": "Scripts"}


def data(details: Mapping[str, Any]) -> View | None:
    """What was read, what each step kept, and what was dropped and why."""
    steps, splits = mappings(details.get("funnel")), mapping(details.get("splits"))
    full = most([*(step.get("kept") for step in steps), *splits.values()])
    rows = [_step(step, full) for step in steps]
    parts = [
        {"name": label(name), "bar": bar(share(size, full), "split"), "text": format_value(size, "count"), "note": ""}
        for name, size in splits.items()
    ]
    all_drops = mappings(details.get("drops"))
    drops = [_shown(drop) for drop in all_drops[:MOST_DROPS]]
    reasons = _reasons(details)
    found: View = {
        "steps": rows,
        "splits": parts,
        "drops": [] if reasons else drops,  # a report of an older run has only these
        "more": len(all_drops) - len(drops),
        "reasons": reasons,
        "rejected": _rejected(mapping(details.get("rejected"))),
        "distributions": _distributions(mapping(details.get("distributions"))),
    }
    return found if rows or parts or drops else None


def _step(step: Mapping[str, Any], full: float) -> View:
    kept, dropped = finite(step.get("kept")), finite(step.get("dropped")) or 0.0
    before = None if kept is None else share(kept + dropped, full)
    notes = [f"{format_value(dropped, 'count')} dropped"] if dropped else []
    for what in ("changed", "added", "refused"):
        if count := finite(step.get(what)):
            notes.append(f"{format_value(count, 'count')} {what}")
    if finite(step.get("seconds")):
        notes.append(duration(step.get("seconds")))
    return {
        "name": label(step.get("step")),
        "bar": bar(share(kept, full), "step", ghost=before),
        "text": format_value(kept, "count"),
        "note": ", ".join(notes),
    }


def _shown(drop: Mapping[str, Any]) -> View:
    evidence = mapping(drop.get("evidence"))
    return {
        "op": drop.get("op"),
        "reason": drop.get("reason"),
        "text": clip(drop.get("text"), 400),
        "kept": clip(drop.get("kept_text"), 400) if drop.get("kept_text") else None,
        "after": clip(drop.get("after"), 400) if drop.get("after") else None,
        "evidence": [{"name": label(name), "text": clip(str(value), 300)} for name, value in evidence.items()],
    }


def _reasons(details: Mapping[str, Any]) -> list[View]:
    """Every kind of reason of every op with how often it came and its first examples; then the notes likewise."""
    examples: dict[tuple[object, object], list[View]] = {}
    for shown in mappings(details.get("examples")):
        examples.setdefault((shown.get("op"), shown.get("kind")), []).append(_shown(shown))
    found = []
    for key, stays in (("reasons", False), ("notes", True)):
        for op, kinds in mapping(details.get(key)).items():
            for kind, count in sorted(mapping(kinds).items(), key=lambda pair: -(finite(pair[1]) or 0)):
                row = {"op": op, "kind": kind, "count": format_value(count, "count"), "stays": stays}
                found.append({**row, "examples": examples.get((op, kind), [])[:_EXAMPLES]})
    return found


def _rejected(rejected: Mapping[str, Any]) -> View | None:
    rows = finite(rejected.get("rows"))
    if not rows:
        return None
    examples = [{**row, "raw": clip(row.get("raw"), 300)} for row in mappings(rejected.get("examples"))]
    return {"count": format_value(rows, "count"), "file": rejected.get("file"), "examples": examples}


def _distributions(found: Mapping[str, Any]) -> list[View]:
    """Lengths, labels and scripts, before and after, as shares of all records."""
    shown = [{"title": title, "rows": _compared(mappings(found.get(key)))} for key, title in _DISTRIBUTIONS.items()]
    lengths = mapping(found.get("lengths"))
    begins, before, after = (list(lengths.get(key) or []) for key in ("from", "before", "after"))
    rows = []
    for place, (begin, one, other) in enumerate(zip(begins, before, after, strict=False)):
        end = f" to {begins[place + 1] - 1:,}" if place + 1 < len(begins) else " and more"
        rows.append({"name": f"{begin:,}{end}", "before": one, "after": other})
    filled = [place for place, row in enumerate(rows) if row["before"]]
    if filled:
        title = "Length of question and answer, characters"
        shown.insert(0, {"title": title, "rows": _compared(rows[filled[0] : filled[-1] + 1])})
    return [table for table in shown if table["rows"]]


def _compared(rows: list[Any]) -> list[View]:
    totals = {side: sum(finite(row.get(side)) or 0.0 for row in rows) for side in ("before", "after")}
    compared = []
    for row in rows:
        sides = [
            {
                "name": side.title(),
                "bar": bar(share(row.get(side), totals[side]), "base" if side == "before" else "tuned"),
                "text": format_value(row.get(side), "count"),
            }
            for side in ("before", "after")
        ]
        compared.append({"name": row.get("name"), "sides": sides})
    return compared
