"""From what became of the stages to `report.json`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from seekforge.core import hardware
from seekforge.core.config import Recipe
from seekforge.core.gates import Verdict
from seekforge.core.runner import Outcome
from seekforge.core.runs import RunFolder

_LIBRARIES = ("seekforge", "torch", "transformers", "trl", "peft", "openvino-genai", "gguf", "mlflow")


def build(
    recipe: Recipe, run: RunFolder, outcomes: Sequence[Outcome], verdicts: Sequence[Verdict], command: str
) -> dict[str, Any]:
    """The whole report as JSON-serialisable data."""
    finished = datetime.now(UTC)
    return {
        "schema": 1,
        "id": run.id,
        "recipe": recipe.name,
        "description": recipe.description,
        "command": command,
        "started": run.started,
        "finished": finished.isoformat(timespec="seconds"),
        "seconds": (finished - datetime.fromisoformat(run.started)).total_seconds(),
        "verdict": verdict_word(outcomes, verdicts),
        "hardware": hardware.describe(),
        "versions": {name: _version(name) for name in _LIBRARIES},
        "stages": [_stage(outcome) for outcome in outcomes],
        "gates": [verdict.to_dict() for verdict in verdicts],
        "next": next_steps(recipe, outcomes, verdicts),
    }


def verdict_word(outcomes: Sequence[Outcome], verdicts: Sequence[Verdict]) -> str:
    """`failed` if any gate failed, `unfinished` if a stage was left out, else `passed`."""
    if not all(verdict.passed for verdict in verdicts):
        return "failed"
    return "passed" if all(outcome.artifact for outcome in outcomes) else "unfinished"


def alias_of(word: str, verdicts: Sequence[Verdict]) -> str:
    """`champion` for a whole run whose gates all passed; without a single gate nothing was proved."""
    return "champion" if word == "passed" and verdicts else "challenger"


def next_steps(recipe: Recipe, outcomes: Sequence[Outcome], verdicts: Sequence[Verdict]) -> list[str]:
    """Commands that a user is likely to want next."""
    if not all(outcome.artifact for outcome in outcomes):
        return ["the same command without --until goes on from here"]
    alias = alias_of(verdict_word(outcomes, verdicts), verdicts)
    return [f"seekforge serve {recipe.name}@{alias}", f"seekforge chat {recipe.name}@{alias}"]


def _stage(outcome: Outcome) -> dict[str, Any]:
    row: dict[str, Any] = {"name": outcome.stage, "status": outcome.status, "seconds": round(outcome.seconds, 2)}
    artifact = outcome.artifact
    if artifact is None:
        return row
    return row | {
        "summary": artifact.summary,
        "making_seconds": artifact.seconds,
        "artifact": {
            "path": outcome.stage,
            "kind": artifact.kind,
            "content_hash": artifact.content_hash,
            "parents": list(artifact.parents),
        },
        "measurements": [measurement.to_dict() for measurement in artifact.measurements],
        "details": artifact.details,
    }


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
