"""`seekforge data`: raw files to a clean, split, leak-checked dataset."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

_OPS = "normalise,exact,minhash"


def command(
    files: Annotated[list[Path], typer.Argument(help="JSONL, CSV or Parquet; Alpaca, ShareGPT or OpenAI messages.")],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder for train.jsonl, validation.jsonl, test.jsonl, dropped.jsonl.")
    ],
    system: Annotated[str | None, typer.Option(help="System line for conversations that have none.")] = None,
    label: Annotated[list[str] | None, typer.Option(help="A permitted label; repeat for each.")] = None,
    threshold: Annotated[float, typer.Option(help="Jaccard similarity from which two prompts are the same.")] = 0.7,
    ops: Annotated[str, typer.Option(help="Cleaning operations in order, with their defaults.")] = _OPS,
    max_rejected: Annotated[
        float, typer.Option(min=0, max=1, help="Share of rows that may be no records; they go to rejected.jsonl.")
    ] = 0.01,
    seed: Annotated[int, typer.Option(min=0, help="Of the split.")] = 7,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes; by default one a core, and one alone for little data.")
    ] = None,
    cluster: Annotated[
        bool, typer.Option("--cluster", help="Work on the Ray cluster at RAY_ADDRESS, or on this machine by Ray.")
    ] = False,
) -> None:
    """Clean, deduplicate, split and leak-check records; every dropped record is kept with its reason.

    Example: seekforge data examples/risk_desk/raw.jsonl --out clean
    """
    from dataclasses import replace

    from seekforge.cli.single import run_single
    from seekforge.core.config import Cluster, DataConfig, MinhashConfig, Recipe, environment, validate

    validate(MinhashConfig, {"threshold": threshold}, "--threshold")
    tree = {
        "sources": [{"path": str(file.absolute())} for file in files],
        "system": system,
        "labels": label or [],
        "max_rejected": max_rejected,
        "ops": [_op(name.strip(), threshold) for name in ops.split(",")],
    }
    recipe = Recipe(name="data", model="demo", seed=seed, data=validate(DataConfig, tree, "seekforge data"))
    machine = replace(environment(), workers=workers, cluster=Cluster(workers) if cluster else None)
    artifact = run_single("data", recipe, out, {}, machine)
    typer.echo(f"{artifact.summary}\n{out}")


def _op(name: str, threshold: float) -> dict[str, object]:
    from seekforge.core.config import OP_NAMES
    from seekforge.core.errors import ConfigError
    from seekforge.core.registry import nearest

    if name not in OP_NAMES:
        raise ConfigError(f"unknown op '{name}'", where="--ops", mend=nearest(name, sorted(OP_NAMES)))
    return {"op": name, "threshold": threshold} if name == "minhash" else {"op": name}
