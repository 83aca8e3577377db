"""`seekforge compress`: a model folder to GGUF files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    model: Annotated[str, typer.Argument(help="demo, a folder, a .gguf file or a hub id.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the files.")],
    file_format: Annotated[
        list[str] | None, typer.Option("--format", help="F16, Q8_0 or Q4_0; repeat for each.")
    ] = None,
    calibration: Annotated[
        Path | None,
        typer.Option(help="Records like those the model will see: its INT8 is faster with AMX, less exact elsewhere."),
    ] = None,
    system: Annotated[str | None, typer.Option(help="System prompt before each of these records.")] = None,
) -> None:
    """Write a model as GGUF, readable by OpenVINO GenAI, llama.cpp and Ollama; Q8_0 is INT8, Q4_0 is INT4.

    Example: seekforge compress demo --out small --format Q8_0 --calibration records.jsonl
    """
    from seekforge.cli.show import table
    from seekforge.compress.activations import ENOUGH
    from seekforge.compress.gguf import export
    from seekforge.compress.stage import calibration_records, gguf_file, steps_for, weight_bytes
    from seekforge.core.config import CompressConfig, environment, validate
    from seekforge.core.files import disk_errors
    from seekforge.core.models import resolve
    from seekforge.core.progress import for_terminal
    from seekforge.core.report.units import format_value
    from seekforge.data.sources import records_of
    from seekforge.engines.weights import hf_folder

    config = validate(CompressConfig, {"formats": file_format or ["F16", "Q8_0"]}, "--format")
    records = [] if calibration is None else records_of(calibration, system=system)
    chosen = calibration_records(records, ENOUGH)
    progress = for_terminal()
    folder = hf_folder(resolve(model), environment(), progress)
    with disk_errors(out):
        out.mkdir(parents=True, exist_ok=True)
    rows = []
    for wanted in config.formats:
        target = gguf_file(out, wanted)
        export(folder, target, wanted, progress, steps_for(folder, wanted, chosen, progress))
        size = target.stat().st_size
        rows.append((target.name, format_value(size, "bytes"), format_value(size / weight_bytes(folder), "ratio")))
    typer.echo(table(str(out), ("file", "size", "of the folder's weights"), rows, numbers=(1, 2)))
