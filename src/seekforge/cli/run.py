"""`seekforge run`: a recipe from records to an endpoint."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seekforge.cli.devices import CLUSTER, DEVICES, crew, followed

if TYPE_CHECKING:
    from seekforge.cli.pipeline import Finished
    from seekforge.core.config import Environment, Recipe
    from seekforge.core.progress import Progress

_GATE_FAILED = 3
_LONGEST_TAG = 5000


def command(
    recipe: Annotated[Path, typer.Argument(help="The recipe, a YAML file; see recipes/.")],
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change one key, such as train.epochs=1.")
    ] = None,
    layers: Annotated[
        list[Path] | None, typer.Option("--with", metavar="FILE", help="Keys to lay over the recipe: a best.yaml.")
    ] = None,
    redo_from: Annotated[
        str | None, typer.Option("--from", metavar="STAGE", help="Make this stage and those after it again.")
    ] = None,
    until: Annotated[str | None, typer.Option("--until", metavar="STAGE", help="Stop after this stage.")] = None,
    devices: Annotated[int | None, typer.Option(min=1, help=DEVICES)] = None,
    cluster: Annotated[bool, typer.Option("--cluster", help=CLUSTER)] = False,
) -> None:
    """Run a recipe: data, train, evaluate, compress, parity, serve; each stage measured, each promise a gate.

    Stages whose inputs are unchanged are reused. After a crash, the same command goes on where it stopped.
    The report lies in runs/latest/report.html. Exit code 0: all gates passed; 3: a gate failed; 2: bad input.

    Example: seekforge run recipes/risk_desk.yaml --set train.epochs=1 --until evaluate
    """
    if followed():
        return
    from seekforge.cli.pipeline import run_recipe
    from seekforge.core.config import load_recipe
    from seekforge.core.progress import for_terminal

    # In a log, progress goes with the results; standard error is for what went wrong, one line.
    progress = for_terminal(sys.stdout)
    words = ["seekforge", "run", str(recipe), *repeated("--with", layers), *repeated("--set", settings)]
    with crew(devices, cluster) as machine:
        if machine is None:
            return
        loaded = without_alias(load_recipe(recipe, settings or [], layers or []), machine)
        finished = run_recipe(loaded, machine, progress, words, redo_from, until)
    _show(finished)
    _register(loaded, finished, machine, progress)
    if not all(verdict.passed for verdict in finished.verdicts):
        raise typer.Exit(_GATE_FAILED)


def repeated(flag: str, values: Sequence[object] | None) -> list[str]:
    """The words of an option that may be given several times."""
    return [part for value in values or () for part in (flag, str(value))]


def without_alias(recipe: Recipe, machine: Environment) -> Recipe:
    """A recipe that goes on from a registered model trains its merged weights."""
    from seekforge.core import tracking

    if not tracking.is_alias(recipe.model):
        return recipe
    folder, _ = tracking.resolve_alias(recipe.model, machine)
    return recipe.model_copy(update={"model": str(folder / "merged")})


def _register(recipe: Recipe, finished: Finished, machine: Environment, progress: Progress) -> None:
    """Every run is recorded; a whole one becomes a model version, the champion only when every gate passed."""
    from seekforge.cli.models import SERVE_TAG, serve_tag
    from seekforge.core import tracking
    from seekforge.core.promotion import withheld
    from seekforge.core.report.build import alias_of

    parameters = {"model": recipe.model, "seed": recipe.seed, "recipe": recipe.model_dump_json()}
    run_id = tracking.record(finished.report, finished.run.folder, machine, parameters)
    made = {outcome.stage: outcome.artifact for outcome in finished.outcomes}
    compressed = made.get("compress")
    if compressed is None or made.get("serve") is None:
        return
    alias = alias_of(finished.report["verdict"], finished.verdicts)
    if alias == "champion" and (why := withheld(machine.runs, compressed.content_hash)):
        alias = "challenger"
        progress.say(f"not the champion: seekforge evaluate parity found {why}")
    said = serve_tag(recipe.data.system, recipe.serve.price)
    tags = {"content_hash": compressed.content_hash, "format": recipe.serve.format, "seekforge.run": finished.run.id}
    if len(said) <= _LONGEST_TAG:  # what MLflow takes; a longer prompt is not warmed up, and nothing else
        tags[SERVE_TAG] = said
    version = tracking.register(recipe.name, compressed.folder, alias, run_id, machine, tags)
    progress.say(f"registered {recipe.name} version {version} as {alias}")


def _show(finished: Finished) -> None:
    from seekforge.cli.show import gate_table

    typer.echo(gate_table(finished.verdicts))
    failed = [verdict for verdict in finished.verdicts if not verdict.passed]
    for verdict in failed:
        typer.echo(f"failed: {verdict.title}. Try: {verdict.advice or 'see the report'}.", err=True)
    folder = finished.run.folder
    shown = folder.parent / "latest" / "report.html"
    typer.echo(f"\nreport: {short(shown)}")
    for step in finished.report["next"]:
        typer.echo(f"next:   {step}")


def short(path: Path) -> str:
    """Relative to here where that is shorter."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
