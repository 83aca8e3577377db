"""`seekforge train search`: better settings for a recipe's training, by trials."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from seekforge.cli.devices import refuse_group


def command(
    recipe: Annotated[Path, typer.Argument(help="The recipe, a YAML file; its `search` says what is tried.")],
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change one key, such as train.epochs=1.")
    ] = None,
    trials: Annotated[int | None, typer.Option(min=1, help="Trials in all, in place of the recipe's budget.")] = None,
    minutes: Annotated[float | None, typer.Option(help="Time in all, in place of the recipe's budget.")] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes that try side by side, on one GPU each.")] = 1,
    memory: Annotated[int | None, typer.Option("--worker-memory", hidden=True)] = None,
) -> None:
    """Try other settings of a recipe's training: learning rate, batch size, warm-up, rank and alpha of the adapters.

    The recipe's own settings are the first trial. Each trial is a training as `seekforge run` makes it; one that falls
    behind is given up. After a crash, or with a larger budget, the same command goes on; started twice, both processes
    work on it. What was best lies in best.yaml, for `seekforge run RECIPE --with best.yaml`.

    Example: seekforge train search recipes/risk_desk.yaml --trials 12 --workers 2
    """
    refuse_group("a search's trials are trainings in one process", "Start it alone; --workers N tries N at once")
    from seekforge.cli.search_run import begin, finish
    from seekforge.cli.search_workers import side_by_side
    from seekforge.core.progress import for_terminal

    budget = [f"search.{key}={value}" for key, value in (("trials", trials), ("minutes", minutes)) if value is not None]
    if trials is None and minutes is not None:
        budget.append("search.trials=null")  # one budget: the recipe's own trials do not bound it
    begun = begin(recipe, settings or [], budget, for_terminal(sys.stdout), memory)
    if workers > 1:
        side_by_side(begun, recipe, [*(settings or []), *budget], workers)
    else:
        begun.search.work(begun.progress)
    if memory is None:
        finish(begun)
