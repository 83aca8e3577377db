"""What a search found: for the report, for MLflow, and as a piece of recipe that can be used at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import yaml

from seekforge.core.gates import Measurement
from seekforge.core.stage import StageContext
from seekforge.train.search.budget import Row, best, counted, reference
from seekforge.train.search.space import in_words
from seekforge.train.search.worker import Search


def details(search: Search, rows: Sequence[Row]) -> dict[str, Any]:
    """For the report: every trial, the space, each setting's importance, and what was best."""
    lead, own = best(rows), reference(rows)
    return {
        "trials": [asdict(row) for row in rows if row.state != "waiting"],
        "validations": search.trials.validations,
        "space": {key: in_words(values) for key, values in search.space.items()},
        "importance": search.study.importance(),
        "best": lead.number if lead else None,
        "settings": settings_of(lead),
        "recipe": own.loss if own else None,
    }


def summary(rows: Sequence[Row]) -> str:
    """One line."""
    lead, own, done = best(rows), reference(rows), counted(rows)
    pruned = sum(row.state == "pruned" for row in done)
    head = f"{len(done)} trials, {pruned} of them pruned"
    if lead is None:
        return f"{head}, none came to its end"
    against = f", the recipe's own settings {own.loss:.4f}" if own else ""
    return f"{head}; best validation loss {lead.loss:.4f} (trial {lead.number}){against}"


def measurements(context: StageContext, rows: Sequence[Row]) -> tuple[Measurement, ...]:
    """The figures of the whole search."""
    lead, own, done = best(rows), reference(rows), counted(rows)
    found = [
        context.measure("search.trials", len(done), "count", "Trials"),
        context.measure("search.pruned", sum(r.state == "pruned" for r in done), "count", "Trials pruned"),
    ]
    if lead and lead.loss is not None:
        loss = context.measure("search.validation_loss", lead.loss, "nats/token", "Best validation loss of a trial")
        found.append(loss)
    if own and own.loss is not None:
        title = "Validation loss of the recipe's own settings"
        found.append(context.measure("search.recipe_validation_loss", own.loss, "nats/token", title))
    return tuple(found)


def settings_of(row: Row | None) -> dict[str, Any]:
    """What the trial changed in the recipe's `train`, by dotted keys."""
    return dict(row.facts.get("settings", {})) if row else {}


def fragment(row: Row, rows: Sequence[Row], run: str, command: str) -> str:
    """`best.yaml`: the best trial's settings as a recipe has them.

    Args:
        row: The best trial.
        rows: All of them.
        run: The run's id.
        command: What uses this file.
    """
    own = reference(rows)
    against = f"; the recipe's own settings: {own.loss:.6f}" if own else ""
    head = f"# Trial {row.number} of {run}: validation loss {row.loss:.6f} nats a token{against}.\n#   {command}\n"
    return head + yaml.safe_dump({"train": _nested(settings_of(row))}, sort_keys=False, allow_unicode=True)


def children(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Ended trials as MLflow's child runs: name, status, parameters, and the losses by the number of the validation."""
    status = {"complete": "FINISHED", "pruned": "KILLED", "failed": "FAILED"}
    return [
        {
            "name": f"trial-{row.number}",
            "status": status[row.state],
            "parameters": {**row.values, **settings_of(row)},
            "losses": row.losses,
            "loss": row.loss,
            "note": row.note,
        }
        for row in rows
        if row.state in status
    ]


def _nested(settings: Mapping[str, Any]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for key, value in settings.items():
        part, _, leaf = key.rpartition(".")
        (tree.setdefault(part, {}) if part else tree)[leaf] = value
    return tree
