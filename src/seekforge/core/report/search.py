"""What the report shows of a search: how the best loss came down, which trials were given up, what mattered."""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from seekforge.core.report.sections import View, mapping, mappings, most
from seekforge.core.report.svg import Series, bar, line_chart
from seekforge.core.report.units import duration, finite, format_value, label, plain, significant

_SIZES = ((880, 300), (340, 260))  # one for wide pages, one for phones
_KINDS = {"complete": "pass", "pruned": "step", "failed": "fail", "running": "open"}


def search(details: Mapping[str, Any]) -> View | None:
    """History, validation curves, importance, and a row for every trial."""
    trials = mappings(details.get("trials"))
    if not trials:
        return None
    full = most([*mapping(details.get("importance")).values()])
    return {
        "history": _history(trials, finite(details.get("best"))),
        "curves": _curves(trials, finite(details.get("best"))),
        "importance": [
            {"name": str(name), "bar": bar((finite(share) or 0.0) / full if full else 0.0), "text": _percent(share)}
            for name, share in mapping(details.get("importance")).items()
        ],
        "whole": sum(trial.get("state") == "complete" for trial in trials),
        "space": [(str(name), str(words)) for name, words in mapping(details.get("space")).items()],
        "settings": [(label(name), _short(value)) for name, value in mapping(details.get("settings")).items()],
        "rows": [_row(trial, details.get("best")) for trial in trials],
    }


def _history(trials: Sequence[Mapping[str, Any]], best: float | None) -> list[Markup]:
    """The loss of each trial that came to its end, and the lowest so far as a falling line."""
    done = [(number, loss) for trial in trials if (number := finite(trial.get("number"))) is not None
            and trial.get("state") == "complete" and (loss := finite(trial.get("loss"))) is not None]  # fmt: skip
    falling: list[tuple[float, float]] = []
    for number, loss in sorted(done):
        if falling and loss < falling[-1][1]:
            falling.append((number, falling[-1][1]))
        falling.append((number, min(loss, falling[-1][1]) if falling else loss))
    series = [Series("valid", falling), Series("train", done, dots=True, line=False)]
    words = f"Validation loss of {len(done)} trials that came to their end, and the lowest so far."
    ring = next((point for point in done if point[0] == best), None)
    titles = ("trial", "validation loss")
    return [line_chart(series, summary=words, titles=titles, best=ring, width=w, height=h) for w, h in _SIZES]


def _curves(trials: Sequence[Mapping[str, Any]], best: float | None) -> list[Markup]:
    """Validation loss over the validations: pale where the trial was given up or beaten, the best one in colour."""
    pale: list[Series] = []
    leading: list[Series] = []
    for trial in trials:
        losses = mapping(trial.get("losses")).items()
        points = sorted((int(at), loss) for at, value in losses if (loss := finite(value)) is not None)
        if points:
            found = leading if finite(trial.get("number")) == best else pale
            found.append(Series("valid" if found is leading else "train", points, dots=found is leading))
    words = f"Validation loss of {len(pale) + len(leading)} trials over their course."
    titles = ("validation", "validation loss")
    series = [*pale, *leading]
    return [line_chart(series, summary=words, titles=titles, width=w, height=h) for w, h in _SIZES] if series else []


def _row(trial: Mapping[str, Any], best: object) -> View:
    state, began, ended = str(trial.get("state")), finite(trial.get("began")), finite(trial.get("ended"))
    values = ", ".join(f"{name} {_short(value)}" for name, value in mapping(trial.get("values")).items())
    own = "the recipe's own settings" if trial.get("recipe") is True else ""
    retry = finite(trial.get("retry_of"))
    return {
        "number": plain(trial.get("number")),
        "kind": _KINDS.get(state, "open"),
        "state": state,
        "best": trial.get("number") == best,
        "loss": format_value(trial.get("loss"), "nats/token") if finite(trial.get("loss")) is not None else "",
        "values": "; ".join(part for part in (own, values) if part),
        "seconds": "" if began is None or ended is None else duration(ended - began),
        "note": " ".join(
            part
            for part in (str(trial.get("note") or ""), f"(trial {retry:g} again)" if retry is not None else "")
            if part
        ),
    }


def _short(value: object) -> str:
    found = finite(value)
    return plain(value) if found is None else significant(found, 3)


def _percent(share: object) -> str:
    return format_value(share, "fraction")
