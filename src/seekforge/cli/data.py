"""`seekforge data`: raw files to a clean, split, leak-checked dataset."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    files: Annotated[list[Path], typer.Argument(help="JSONL, CSV or Parquet; Alpaca, ShareGPT or OpenAI messages.")],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder for train.jsonl, validation.jsonl, test.jsonl, dropped.jsonl.")
    ],
    system: Annotated[str | None, typer.Option(help="System line for conversations that have none.")] = None,
    label: Annotated[list[str] | None, typer.Option(help="A permitted label; repeat for each.")] = None,
    threshold: Annotated[float, typer.Option(help="Jaccard similarity from which two prompts are the same.")] = 0.7,
    seed: Annotated[int, typer.Option(min=0, help="Of the split.")] = 7,
) -> None:
    """Clean, deduplicate, split and leak-check records; every dropped record is kept with its reason.

    Example: seekforge data examples/risk_desk/raw.jsonl --out clean
    """
    from seekforge.cli.single import run_single
    from seekforge.core.config import (
        DataConfig,
        ExactConfig,
        MinhashConfig,
        NormaliseConfig,
        Recipe,
        SourceConfig,
        validate,
    )

    data = DataConfig(
        sources=tuple(SourceConfig(path=file.absolute()) for file in files),
        system=system,
        labels=tuple(label or ()),
        ops=(NormaliseConfig(), ExactConfig(), validate(MinhashConfig, {"threshold": threshold}, "--threshold")),
    )
    recipe = Recipe(name="data", model="demo", seed=seed, data=data)
    artifact = run_single("data", recipe, out, {})
    typer.echo(f"{artifact.summary}\n{out}")
