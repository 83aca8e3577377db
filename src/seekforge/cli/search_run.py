"""The run folder of a search: its dataset and study at the beginning, its report and best.yaml at the end."""

from __future__ import annotations

import shlex
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import typer

from seekforge.cli.pipeline import STAGES, all_stages, discard_empty
from seekforge.cli.run import repeated, short, without_alias
from seekforge.core import locks
from seekforge.core.artifacts import DETAILS, Artifact
from seekforge.core.config import Environment, Recipe, environment, load_recipe
from seekforge.core.errors import InputError, SeekforgeError
from seekforge.core.files import sha256_json, write_json, write_text
from seekforge.core.progress import Progress
from seekforge.core.runner import Outcome, Plan, Runner, lineage
from seekforge.core.runs import RunFolder, open_run
from seekforge.core.stage import StageContext
from seekforge.train.search import result
from seekforge.train.search.budget import Row, best, worked
from seekforge.train.search.worker import Search, open_search

BEST = "best.yaml"
_VERSION = 1  # raised when the same recipe would give other trials than before
_IN_ITS_COURSE = {"trials", "minutes", "prune"}  # of `search`: may change between two calls of one search


@dataclass(frozen=True, slots=True)
class Begun:
    """A search that this process takes part in.

    Attributes:
        recipe: With the budget in force.
        machine: The machine's settings.
        progress: Where to say how far it is.
        base: The words of `seekforge run` with this recipe.
        context: Of the search; its folder is the run's.
        run: The run folder.
        data: What became of the data stage.
        search: The study and how its trials are run.
        identity: What makes two searches the same: all but the budget and the pruning.
    """

    recipe: Recipe
    machine: Environment
    progress: Progress
    base: list[str]
    context: StageContext
    run: RunFolder
    data: Outcome
    search: Search
    identity: str


def begin(path: Path, settings: Sequence[str], budget: Sequence[str], progress: Progress, memory: int | None) -> Begun:
    """Opens the run folder of this search, new or known, with its dataset and its study.

    Args:
        path: The recipe.
        settings: Its `--set`.
        budget: Further ones, of the budget.
        progress: Where to say how far it is.
        memory: Bytes of the device for this worker; None for all that is free.

    Raises:
        InputError: The recipe, the data or the model cannot be used.
    """
    machine = environment()
    recipe = without_alias(load_recipe(path, [*settings, *budget]), machine)
    for name in ("data", "train"):
        STAGES.load(name)().config(recipe)  # wrong paths and missing files show now, before anything is written
    tree = recipe.model_dump(mode="json")
    for key in _IN_ITS_COURSE:
        del tree["search"][key]
    identity = sha256_json({"search": _VERSION, "recipe": tree})
    words = ["seekforge", "train", "search", str(path), *repeated("--set", settings)]
    with locks.waiting(machine.runs / ".search.lock"):  # a second process with the same command waits for the dataset
        run = open_run(machine.runs, f"{recipe.name}-search", identity, again=True)
        try:
            runner = Runner(recipe, Plan(all_stages(), until="data"), run, machine, progress, words, identity)
            data = runner.execute()[0]
        except InputError:
            discard_empty(run, machine.runs)
            raise
    assert data.artifact is not None
    context = StageContext(recipe, run.folder, {"data": data.artifact}, progress, machine, shlex.join(words))
    search = open_search(context, memory)
    base = ["seekforge", "run", str(path), *repeated("--set", settings)]
    return Begun(recipe, machine, progress, base, context, run, data, search, identity)


def finish(begun: Begun) -> None:
    """Writes report, best.yaml and MLflow's runs, and shows the trials; whoever ends last writes all of it.

    Raises:
        SeekforgeError: No trial came to its end.
    """
    with locks.waiting(begun.run.folder / ".report.lock"):
        rows = begun.search.study.rows()
        lead = best(rows)
        use = [*begun.base, "--with", short(begun.run.folder / BEST)]
        if lead is not None:
            write_text(begun.run.folder / BEST, result.fragment(lead, rows, begun.run.id, shlex.join(use)))
        report = _report(begun, rows, shlex.join(use) if lead else "")
        begun.run.save(begun.identity, done=not any(row.state == "running" for row in rows))
        _record(begun, report, rows)
    _show(begun, rows, shlex.join(use))
    if lead is None:
        raise SeekforgeError("no trial came to its end", mend="Give the search more minutes: --minutes")


def _report(begun: Begun, rows: Sequence[Row], use: str) -> dict[str, object]:
    from seekforge.core.report import render
    from seekforge.core.report.build import build

    folder = begun.run.folder
    found = result.details(begun.search, rows)
    write_json(folder / DETAILS, found)
    assert begun.data.artifact is not None
    seconds = worked(rows, time.time())
    artifact = Artifact(
        folder=folder,
        kind="study",
        key=begun.identity,
        content_hash=sha256_json(found["trials"]),
        parents=(begun.data.artifact.content_hash,),
        config=begun.recipe.search.model_dump(mode="json"),
        measurements=result.measurements(begun.context, rows),
        summary=result.summary(rows),
        seconds=seconds,
    )
    outcomes = [begun.data, Outcome("search", "resumed" if begun.run.resumed else "ran", seconds, artifact)]
    report = build(begun.recipe, begun.run, outcomes, [], begun.context.command)
    report["next"] = [use] if use else []
    write_json(folder / "report.json", report)
    write_json(folder / "lineage.json", lineage(outcomes))
    write_text(folder / "report.html", render(report))
    return report


def _record(begun: Begun, report: dict[str, object], rows: Sequence[Row]) -> None:
    from seekforge.core import tracking

    recipe = begun.recipe
    tried = recipe.search.model_dump_json(exclude=_IN_ITS_COURSE)  # MLflow lets no parameter change afterwards
    parameters = {"model": recipe.model, "seed": recipe.seed, "search": tried}
    parent = tracking.record(report, begun.run.folder, begun.machine, parameters)
    tracking.record_children(report, parent, result.children(rows), begun.machine)


def _show(begun: Begun, rows: Sequence[Row], use: str) -> None:
    from seekforge.cli.show import table
    from seekforge.train.search.worker import settings_in_words

    lead = best(rows)
    shown = [
        (
            f"{'*' if lead and row.number == lead.number else ''}{row.number}",
            row.state,
            "" if row.loss is None else f"{row.loss:.4f}",
            f"{'recipe: ' if row.recipe else ''}{settings_in_words(row.values)}",
        )
        for row in rows
        if row.state != "waiting"
    ]
    typer.echo(table(result.summary(rows), ("trial", "", "validation loss", "settings"), shown, numbers=(0, 2)))
    running = sum(row.state == "running" for row in rows)
    if running:
        typer.echo(f"\n{running} still run in another process, which writes the report anew when it ends")
    typer.echo(f"\nreport: {short(begun.run.folder / 'report.html')}")
    if lead is not None:
        typer.echo(f"best:   {short(begun.run.folder / BEST)}\nnext:   {use}")
