"""The parity gate on the terminal: the chain, the worst divergences, what is over budget, likely causes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from seekforge.cli.show import table
from seekforge.core.report.units import format_value
from seekforge.evaluate.parity.gate import Parity
from seekforge.evaluate.parity.positions import Agreement
from seekforge.evaluate.parity.result import Step

_NOTHING = "–"
_COLUMNS = (
    ("prompts_equal", "prompts"),
    ("token_id_mismatches", "miscut"),
    ("step_agreement", "as before"),
    ("start_agreement", "as start"),
    ("kl", "KL, nats"),
    ("score", ""),
    ("loss", "points lost"),
    ("answers_equal", "texts"),
)
_SHOWN = 40


def shown(found: Parity, title: str) -> str:
    """All of it as text."""
    parts = [_chain(found, title)]
    if rows := [row for step in found.steps for row in _divergences(step)]:
        heads = ("step", "against", "records", "first in the worst", "position", "expected", "got", "margin")
        parts.append(table("first divergences", heads, rows, numbers=(2, 4, 7)))
    return "\n\n".join([*parts, "\n".join(_lines(found))])


def _chain(found: Parity, title: str) -> str:
    rows = []
    for step in found.steps:
        figures = step.figures(found.metric)
        cells = [_cell(*figures[key][:2]) if key in figures else _NOTHING for key, _ in _COLUMNS]
        verdict = "start" if not step.before else "OVER" if step.over else "ok" if step.verdicts else "no rule"
        rows.append((step.seen.title, *cells, verdict))
    heads = ("step", *(head or found.metric.replace("_", " ") for _, head in _COLUMNS), "budget")
    whole = f"{title}: {found.positions:,} positions, {found.records:,} prompts"
    return table(whole, heads, rows, numbers=range(1, len(_COLUMNS) + 1))


def _cell(value: float, unit: str) -> str:
    """The column says what it is: nats and points need no word."""
    if unit == "nats":
        return f"{value:.1e}"
    return f"{value:+.1f}" if unit == "points" else format_value(value, unit)


def _divergences(step: Step) -> Iterator[tuple[str, ...]]:
    """For each comparison the record whose first divergence is the clearest; for texts the first record."""
    kinds: Sequence[tuple[str, Agreement | None]] = ((step.before, step.previous), ("start", step.start))
    seen: set[tuple[object, ...]] = set()
    for against, agreed in kinds:
        firsts = [] if agreed is None else agreed.firsts()
        if not firsts:
            continue
        worst = max(firsts, key=lambda difference: difference.margin)
        row = (str(len(firsts)), worst.record_id, str(worst.index), repr(worst.expected), repr(worst.got))
        if row not in seen:
            yield (step.seen.title, against, *row, f"{worst.margin:.3f}")
        seen.add(row)
    if step.seen.kind == "live" and step.first_text is not None:
        text, at = step.first_text, int(step.first_text["character"])
        expected, got = (repr(str(text[key])[at : at + _SHOWN]) for key in ("expected", "got"))
        where = f"character {at}"
        yield (step.seen.title, step.before, "text", str(text["record_id"]), where, expected, got, _NOTHING)


def _lines(found: Parity) -> Iterator[str]:
    notes: dict[str, list[str]] = {}
    for step in found.steps:
        for note in step.seen.notes:
            notes.setdefault(note, []).append(step.seen.title)
    for note, titles in notes.items():
        yield f"{', '.join(titles)}: {note}"
    for verdict in found.verdicts:
        if not verdict.passed:
            measured = format_value(verdict.value, verdict.unit) if verdict.value is not None else "not measured"
            yield f"over budget: {verdict.name} is {measured}, not {verdict.rule}"
    for step in found.steps:
        for cause in step.causes:
            yield f"{step.seen.title}: {'cause' if cause.certain else 'likely cause'}: {cause}"
    broken = sum(not verdict.passed for verdict in found.verdicts)
    yield f"{len(found.verdicts) - broken} of {len(found.verdicts)} rules of the drift budget kept"
