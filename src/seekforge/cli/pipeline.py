"""The six stages in order, and the run of a recipe through them."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seekforge.core.config import Environment, Recipe
from seekforge.core.errors import InputError
from seekforge.core.files import write_json, write_text
from seekforge.core.gates import Verdict
from seekforge.core.progress import Progress
from seekforge.core.registry import Registry
from seekforge.core.runner import Outcome, Plan, Runner, check_gates, lineage, recipe_hash, verdicts
from seekforge.core.runs import RunFolder, open_run
from seekforge.core.stage import Stage

STAGES = Registry(
    "stage",
    {
        "data": "seekforge.data.stage:DataStage",
        "train": "seekforge.train.stage:TrainStage",
        "evaluate": "seekforge.cli.evaluate.stage:CheckedEvaluateStage",
        "compress": "seekforge.compress.stage:CompressStage",
        "parity": "seekforge.evaluate.parity_stage:ParityStage",
        "serve": "seekforge.serve.stage:ServeStage",
    },
)


@dataclass(frozen=True, slots=True)
class Finished:
    """A run that has ended: its folder, what became of each stage, the verdicts and the whole report."""

    run: RunFolder
    outcomes: list[Outcome]
    verdicts: list[Verdict]
    report: dict[str, Any]


def all_stages() -> list[Stage]:
    """One of each, in order."""
    return [STAGES.load(name)() for name in STAGES]


def run_recipe(
    recipe: Recipe,
    environment: Environment,
    progress: Progress,
    command: Sequence[str],
    redo_from: str | None = None,
    until: str | None = None,
) -> Finished:
    """Runs the stages, judges the gates, and writes `report.json`, `report.html` and `lineage.json`.

    Raises:
        InputError: What the user gave is wrong; if nothing was finished yet, nothing is left behind.
    """
    plan = Plan(all_stages(), redo_from, until)
    check_gates(recipe, plan.stages)
    for stage in plan.wanted():
        stage.config(recipe)  # wrong paths and missing files show now, before anything is written
    identity = recipe_hash(recipe, redo_from)
    run = open_run(environment.runs, recipe.name, identity)
    try:
        outcomes = Runner(recipe, plan, run, environment, progress, command).execute()
    except InputError:
        discard_empty(run, environment.runs)
        raise
    found = verdicts(recipe, outcomes)
    report = _write(recipe, run, outcomes, found, shlex.join(command))
    run.save(identity, done=True)
    return Finished(run, outcomes, found, report)


def _write(
    recipe: Recipe, run: RunFolder, outcomes: list[Outcome], found: list[Verdict], command: str
) -> dict[str, Any]:
    from seekforge.core.report import render
    from seekforge.core.report.build import build

    report = build(recipe, run, outcomes, found, command)
    write_json(run.folder / "report.json", report)
    write_json(run.folder / "lineage.json", lineage(outcomes))
    write_text(run.folder / "report.html", render(report))
    return report


def discard_empty(run: RunFolder, runs: Path) -> None:
    """Takes back a run folder in which nothing was finished, and the link to it."""
    if run.finished_stages or run.resumed:
        return
    shutil.rmtree(run.folder)
    with suppress(OSError):  # only when it is empty
        (runs / "artifacts").rmdir()
    latest = runs / "latest"
    if latest.is_symlink() and not latest.exists():
        latest.unlink()
        others = sorted(runs.glob("*/run.json"), key=lambda path: path.stat().st_mtime_ns)
        if others:
            latest.symlink_to(others[-1].parent.name)
