"""What the report shows of each stage's details: training, compression, parity, serving.

Each function takes one stage's `details` as they stand in report.json, keeps what it knows and can read, and returns
what the template writes, or None where there is nothing to show.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from seekforge.core.report.svg import Series, bar, line_chart
from seekforge.core.report.units import (
    duration,
    finite,
    format_value,
    label,
    number,
    plain,
    significant,
    token,
)

View = dict[str, Any]
MOST_DIFFERENCES = 50


def mapping(value: object) -> Mapping[str, Any]:
    """Return the value if it is a mapping, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def mappings(value: object) -> list[Mapping[str, Any]]:
    """Return the mappings of a list; anything else in it, or in its place, is left out."""
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list | tuple) else []


def share(value: object, full: float) -> float | None:
    """A number as a part of the full one."""
    found = finite(value)
    return None if found is None else found / full if full > 0 else 0.0


def most(values: Sequence[object]) -> float:
    """The largest of the numbers among them, 0 if there is none."""
    return max((found for value in values if (found := finite(value)) is not None), default=0.0)


def _points(curve: Sequence[Mapping[str, Any]], key: str) -> list[tuple[float, float]]:
    pairs = [(finite(row.get("step")), finite(row.get(key))) for row in curve]
    return sorted((step, loss) for step, loss in pairs if step is not None and loss is not None)


def _curve_in_words(train: list[tuple[float, float]], best: tuple[float, float] | None) -> str:
    words = "Loss over training steps."
    if train:
        ends = significant(train[0][1], 3), significant(train[-1][1], 3)
        words += f" Train loss from {ends[0]} to {ends[1]} at step {significant(train[-1][0])}."
    if best:
        words += f" Best validation loss {significant(best[1], 3)} at step {significant(best[0])}."
    return words


def train(details: Mapping[str, Any]) -> View | None:
    """The loss curve, why training stopped, and its settings."""
    curve = mappings(details.get("curve"))
    losses, checks = _points(curve, "train_loss"), _points(curve, "eval_loss")
    best = next((point for point in checks if point[0] == finite(details.get("best_step"))), None)
    series = [one for one in (Series("train", losses), Series("valid", checks, dots=True)) if one.points]
    words = _curve_in_words(losses, best)
    # The same drawing at two sizes: one picture scaled down to a phone's width would leave labels too small to read.
    charts = [
        line_chart(series, summary=words, titles=("step", "loss"), best=best, width=width, height=height)
        for width, height in ((880, 300), (340, 260))
    ]
    broken = sum(1 for row in curve for key in ("train_loss", "eval_loss") if key in row and finite(row[key]) is None)
    found: View = {
        "charts": charts if series else [],
        "lines": [one.style for one in series],
        "words": words,
        "best": best and {"step": significant(best[0]), "loss": significant(best[1])},
        "broken": broken,
        "stop": details.get("stop_reason") or "",
        "settings": [(label(name), plain(value)) for name, value in mapping(details.get("settings")).items()],
    }
    return found if found["charts"] or found["stop"] or found["settings"] else None


def compress(details: Mapping[str, Any]) -> View | None:
    """The files made, and their sizes beside the full-precision model's."""
    files = mappings(details.get("files"))
    sizes = []
    for row in files:
        size, ratio = finite(row.get("bytes")), finite(row.get("to_fp32"))
        sizes.append((size, size / ratio if size is not None and ratio is not None and ratio > 0 else None))
    full = most([size for pair in sizes for size in pair])
    rows = []
    for row, (size, original) in zip(files, sizes, strict=True):
        ratios = [
            f"{format_value(row.get(key), 'ratio')} of {name}"
            for key, name in (("to_fp32", "FP32"), ("to_bf16", "BF16"))
            if number(row.get(key)) is not None
        ]
        drawn = bar(share(size, full), "tuned", ghost=share(original, full))
        name = f"{row.get('name') or ''} ({row['format']})" if row.get("format") else row.get("name")
        rows.append({"name": name, "bar": drawn, "text": format_value(size, "bytes"), "note": ", ".join(ratios)})
    return {"files": rows, "ghost": any(pair[1] is not None for pair in sizes)} if rows else None


def _agreement(details: Mapping[str, Any], same: str, of: str, words: str) -> View | None:
    part, whole = number(details.get(same)), number(details.get(of))
    if part is None or whole is None:
        return None
    share = format_value(part / whole, "fraction") if whole > 0 else ""
    return {
        "text": f"{format_value(part, 'count')} of {format_value(whole, 'count')}",
        "share": share,
        "words": words,
        "bar": bar(part / whole if whole > 0 else None, "tuned"),
    }


def parity(details: Mapping[str, Any]) -> View | None:
    """How often the compressed model says the same, and where it does not."""
    counts = [
        found
        for found in (
            _agreement(details, "agreeing", "positions", "token positions agree"),
            _agreement(details, "prompts_equal", "prompts", "answers are the same in full"),
        )
        if found
    ]
    all_differences = mappings(details.get("differences"))
    differences = [
        {
            "item": row.get("item"),
            "position": format_value(row.get("position"), "count"),
            "expected": token(row.get("expected")),
            "got": token(row.get("got")),
            "margin": format_value(row.get("margin")),
        }
        for row in all_differences[:MOST_DIFFERENCES]
    ]
    scores = [
        {
            "name": row.get("model"),
            "bar": bar(finite(row.get("accuracy")), "tuned"),
            "text": format_value(row.get("accuracy"), "fraction"),
            "note": "",
        }
        for row in mappings(details.get("scores"))
    ]
    more = len(all_differences) - len(differences)
    found: View = {"counts": counts, "differences": differences, "more": more, "scores": scores}
    return found if counts or differences or scores else None


def serve(details: Mapping[str, Any]) -> View | None:
    """How fast the model answers, and what that costs."""
    rows = mappings(details.get("throughput"))
    full = most([row.get("tokens_per_second") for row in rows])
    throughput = [
        {
            "engine": row.get("engine"),
            "concurrency": format_value(row.get("concurrency"), "count"),
            "tokens": format_value(row.get("tokens_per_second"), "tokens/s"),
            "bar": bar(share(row.get("tokens_per_second"), full), "tuned"),
            "requests": format_value(row.get("requests_per_second"), "requests/s"),
        }
        for row in rows
    ]
    cost = [
        {
            "engine": row.get("engine"),
            "time": duration(row.get("device_seconds_per_1000")),
            "price": format_value(row.get("cost_per_1000"), row.get("currency")),
        }
        for row in mappings(details.get("cost"))
    ]
    return {"throughput": throughput, "cost": cost} if throughput or cost else None
