"""The compress stage: merge, then one GGUF file a format."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from seekforge.compress.activations import activation_steps
from seekforge.compress.gguf import check_exportable, export
from seekforge.core.config import Recipe
from seekforge.core.files import disk_errors
from seekforge.core.gates import Measurement
from seekforge.core.models import family_of_folder, resolve
from seekforge.core.progress import Progress
from seekforge.core.records import Record, read_records
from seekforge.core.stage import StageContext, StageResult
from seekforge.engines.weights import hf_folder

MERGED = "merged"
# The names that people use for what these formats cost a weight.
TITLES = {"F16": "F16", "Q8_0": "INT8", "Q4_0": "INT4"}
_INT8 = "Q8_0"


class CompressStage:
    """Writes the merged model and its GGUF files and measures their sizes."""

    name: ClassVar[str] = "compress"
    kind: ClassVar[str] = "gguf"
    version: ClassVar[int] = 2
    needs: ClassVar[tuple[str, ...]] = ("data", "train")

    def config(self, recipe: Recipe) -> Mapping[str, Any]:
        """The formats and the base model.

        Raises:
            ModelError: A local folder's architecture has no GGUF form; better said before it was trained than after.
        """
        ref = resolve(recipe.model)
        if ref.kind == "folder" and ref.path is not None:
            check_exportable(family_of_folder(ref.path), str(ref.path))
        return {"compress": recipe.compress.model_dump(mode="json"), "model": recipe.model}

    def run(self, context: StageContext) -> StageResult:
        """Merges and exports; files that a killed attempt finished are kept."""
        base = hf_folder(resolve(context.recipe.model), context.environment, context.progress)
        merged = context.folder / MERGED
        merge(base, context.parents["train"].folder, merged)
        rows = [
            {"name": f"{MERGED}/ (safetensors)", "format": "BF16", "bytes": weight_bytes(merged)},
            *(_export(merged, f, context) for f in context.recipe.compress.formats),
        ]
        bf16 = rows[0]["bytes"]
        for row in rows:
            row |= {"to_bf16": row["bytes"] / bf16, "to_fp32": row["bytes"] / (2 * bf16)}
        files = ", ".join(f"{TITLES.get(r['format'], r['format'])} {r['bytes'] / 1e6:.0f} MB" for r in rows)
        measurements = [m for row in rows for m in _measurements(context, row)]
        return StageResult(files, tuple(measurements), {"files": rows})


def merge(base: Path, trained: Path, target: Path) -> None:
    """Writes the trained model as one bfloat16 folder that plain `transformers` loads; whole or not at all."""
    from seekforge.engines.transformers import load_tokenizer, load_trained

    if target.exists():
        return
    scratch = target.with_name(f".{target.name}")
    shutil.rmtree(scratch, ignore_errors=True)
    with disk_errors(target):
        load_trained(base, trained).save_pretrained(scratch)
        load_tokenizer(base).save_pretrained(scratch)
        scratch.replace(target)


def gguf_file(folder: Path, file_format: str) -> Path:
    """Where a format's file lies in a compress artifact."""
    return folder / f"model-{file_format.lower()}.gguf"


def weight_bytes(folder: Path) -> int:
    """Size of a model folder's weights."""
    return sum(path.stat().st_size for path in folder.glob("*.safetensors"))


def _export(merged: Path, file_format: str, context: StageContext) -> dict[str, Any]:
    target = gguf_file(context.folder, file_format)
    if not target.exists():
        count = context.recipe.compress.calibration
        records = read_records(context.parents["data"].file("train.jsonl")) if count else []
        steps = steps_for(merged, file_format, calibration_records(records, count), context.progress)
        export(merged, target, file_format, context.progress, steps)
    return {"name": target.name, "format": file_format, "bytes": target.stat().st_size}


def steps_for(
    folder: Path, file_format: str, records: Sequence[Record], progress: Progress
) -> Mapping[str, NDArray[np.float32]]:
    """Steps of activations for a format whose engine multiplies INT8; none for the others, or without records."""
    return activation_steps(folder, records, progress) if records and file_format == _INT8 else {}


def calibration_records(records: Sequence[Record], count: int) -> Sequence[Record]:
    """So many of the records, at even distances: a file's beginning is often of one kind.

    >>> calibration_records(range(10), 3)
    [0, 3, 6]
    """
    count = min(count, len(records))
    return [records[number * len(records) // count] for number in range(count)]


def _measurements(context: StageContext, row: Mapping[str, Any]) -> list[Measurement]:
    title = TITLES.get(row["format"], row["format"])
    name = title.lower()
    found = [context.measure(f"compress.{name}_bytes", row["bytes"], "bytes", f"{title} size")]
    if row["format"] != "BF16":
        for other in ("fp32", "bf16"):
            ratio = row[f"to_{other}"]
            found.append(
                context.measure(
                    f"compress.{name}_to_{other}",
                    ratio,
                    "ratio",
                    f"{title} size against {other.upper()}",
                    "Choose a smaller format",
                )
            )
    return found
