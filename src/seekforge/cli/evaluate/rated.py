"""Ratings' figures as tables, whether people gave them or a judge."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from seekforge.cli.show import table

if TYPE_CHECKING:
    from seekforge.evaluate.human.results import Agreement, Figure, Match, ModelScore, Results


def shown(title: str, found: Results) -> str:
    """Scores, wins and agreement, as far as there are any."""
    if not found.models and not found.matches:
        return f"{title}: no complete ratings yet"
    parts = [scores(title, found.models), wins(found.matches), agreement(found.agreement)]
    if found.left is not None:
        parts.append(f"the left side was chosen in {found.left:.0%} of the choices that were no tie")
    return "\n".join(part for part in parts if part)


def scores(title: str, models: Sequence[ModelScore]) -> str:
    """A row a model, a column a criterion."""
    if not models:
        return ""
    columns = list(models[0].figures)
    rows = [(m.model, str(m.answers), *(_figure(m.figures[name], ".2f") for name in columns)) for m in models]
    numbers = range(1, len(columns) + 2)
    return table(f"{title}: mean scores, 95 % intervals", ("model", "answers", *columns), rows, tuple(numbers))


def wins(matches: Sequence[Match]) -> str:
    """A row a pair of models."""
    rows = [
        (f"{m.first} : {m.second}", str(m.items), f"{m.wins} : {m.losses}", str(m.ties), _figure(m.win_rate, ".0%"))
        for m in matches
    ]
    columns = ("side by side", "pairs", "wins", "ties", "win rate of the first")
    return table("wins, a tie being half of one", columns, rows, (1, 2, 3, 4)) if rows else ""


def agreement(rows: Sequence[Agreement]) -> str:
    """A row for each thing that was rated."""
    told = [(a.of, a.level, number(a.alpha), str(a.units)) for a in rows]
    columns = ("agreement on", "level", "alpha", "rated twice or more")
    return table("Krippendorff's alpha: 1 is full agreement, 0 chance", columns, told, (2, 3)) if told else ""


def number(value: float | None) -> str:
    """A figure between -1 and 1, or that there is none."""
    return "undefined" if value is None else f"{value:.3f}"


def _figure(figure: Figure, form: str) -> str:
    low, high = figure.interval
    return f"{figure.value:{form}} ({low:{form}}\u2013{high:{form}})"  # short: a rubric has many columns
