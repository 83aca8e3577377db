"""`seekforge evaluate score`: score a model on a file of questions and answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from seekforge.core.progress import Progress
    from seekforge.engines.protocol import Generator


def command(
    model: Annotated[str, typer.Argument(help="demo, a folder, a .gguf file, a hub id, or NAME@champion.")],
    test_data: Annotated[Path, typer.Argument(help="JSONL, CSV or Parquet of records with answers.")],
    metric: Annotated[list[str] | None, typer.Option(help="A metric; repeat for each.")] = None,
    label: Annotated[list[str] | None, typer.Option(help="A permitted label; repeat for each.")] = None,
    system: Annotated[str | None, typer.Option(help="System line for conversations that have none.")] = None,
    lexicon: Annotated[Path | None, typer.Option(help="Terms that stay whole where Chinese is cut into words.")] = None,
    max_new_tokens: Annotated[int, typer.Option(min=1, help="Longest answer.")] = 64,
    limit: Annotated[int | None, typer.Option(min=1, help="Use at most this many records.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Ask a model every question of a file, greedily, and score the answers with 95 % intervals.

    Example: seekforge evaluate score demo examples/risk_desk/raw.jsonl --limit 50 --metric f1
    """
    from seekforge.cli.show import table
    from seekforge.core.config import DataConfig, SourceConfig
    from seekforge.core.lexicon import read_lexicon
    from seekforge.core.progress import for_terminal
    from seekforge.core.report.units import format_value
    from seekforge.data.sources import read_sources
    from seekforge.evaluate.compare import score
    from seekforge.evaluate.metrics import METRICS
    from seekforge.evaluate.predict import predict
    from seekforge.evaluate.text import folded

    metrics = metric or (["accuracy"] if label else []) + ["exact_match", "f1", "bleu", "rougeL"]
    measured = {name: METRICS.load(name)() for name in metrics}
    terms = folded(entry.term for entry in read_lexicon(lexicon)) if lexicon else frozenset()
    config = DataConfig(
        sources=(SourceConfig(path=test_data.absolute()),), system=system, labels=tuple(label or ()), limit=limit
    )
    records = list(read_sources(config))
    progress = for_terminal()
    engine = _engine(model, progress)
    answers = predict(engine, records, label or [], max_new_tokens, progress, "answers")
    engine.close()
    scores = {name: score(name, answers, 1000, 7, terms) for name in metrics}
    if as_json:
        rows = {name: {"value": value, "interval": span} for name, (value, span) in scores.items()}
        typer.echo(json.dumps({"model": model, "records": len(records), "metrics": rows}, ensure_ascii=False))
        return
    shown = [
        (name, *(format_value(figure, measured[name].unit) for figure in (value, *span)))
        for name, (value, span) in scores.items()
    ]
    typer.echo(table(f"{model} on {len(records)} records", ("metric", "value", "from", "to"), shown, numbers=(1, 2, 3)))


def _engine(model: str, progress: Progress) -> Generator:
    """GGUF files run in the engine that serves them, folders in transformers."""
    from seekforge.cli.models import servable
    from seekforge.core.config import environment
    from seekforge.core.models import resolve
    from seekforge.core.tracking import is_alias
    from seekforge.engines.openvino import OpenVinoEngine
    from seekforge.engines.transformers import TransformersEngine
    from seekforge.engines.weights import hf_folder

    machine = environment()
    if is_alias(model) or model.endswith(".gguf"):
        return OpenVinoEngine(servable(model, machine, progress), cache=machine.cache)
    return TransformersEngine(hf_folder(resolve(model), machine, progress))
