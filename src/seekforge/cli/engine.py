"""`seekforge engine`: engines, and what measures them, that live in an environment of their own."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

_Name = Annotated[str, typer.Argument(metavar="ENGINE", help="`vllm`, or `lm-eval`: lm-evaluation-harness.")]


@app.callback()
def _group() -> None:
    """Install, show and remove engines that live in an environment of their own, in the cache.

    Example: seekforge engine install vllm
    """


@app.command(name="install")
def install(
    engine: _Name,
    cpu: Annotated[bool, typer.Option("--cpu", help="The build for CPUs, also where there is a GPU.")] = False,
    find_links: Annotated[
        list[str] | None,
        typer.Option(metavar="PAGE", help="Page or folder with wheels that the package index lacks, as pip's option."),
    ] = None,
) -> None:
    """Install an engine with pinned versions: the GPU build where there is an NVIDIA GPU, else the CPU build.

    After a Ctrl-C the same command starts over with what pip has downloaded.

    Example: seekforge engine install vllm --cpu
    """
    from seekforge.core.config import environment
    from seekforge.core.progress import for_terminal
    from seekforge.engines.install import install, this_device
    from seekforge.engines.releases import release

    wanted = release(engine, "cpu" if cpu else this_device())
    install(wanted, environment(), for_terminal(), find_links or ())


@app.command(name="list")
def show() -> None:
    """Show which engines are installed, with their versions.

    Example: seekforge engine list
    """
    from seekforge.cli.show import table
    from seekforge.core.config import environment
    from seekforge.engines.install import installed

    there = installed(environment())
    columns = ("engine", "device", "version", "torch", "transformers", "state", "folder")
    rows = [
        (
            found.engine,
            found.device,
            found.version,
            found.versions.get("torch", ""),
            found.versions.get("transformers", ""),
            "ready" if found.whole else "incomplete",
            str(found.folder),
        )
        for found in there
    ]
    typer.echo(table("engines", columns, rows) if rows else "no engine is installed")
    for engine in sorted({found.engine for found in there if not found.whole}):
        typer.echo(f"incomplete, or of other versions: run `seekforge engine install {engine}`")


@app.command(name="remove")
def remove(engine: _Name) -> None:
    """Remove an engine.

    Example: seekforge engine remove vllm
    """
    from seekforge.core.config import environment
    from seekforge.engines.install import remove
    from seekforge.engines.releases import release

    release(engine, "cpu")  # a wrong name is an error, not "nothing was removed"
    gone = remove(engine, environment())
    for found in gone:
        typer.echo(f"removed {found.engine} {found.version}: {found.folder}", err=True)
    if not gone:
        typer.echo(f"{engine} is not installed", err=True)
