"""Q8_0 files with one scale a row, the form in which a CPU multiplies INT8 fastest.

Q8_0 has a scale for each 32 weights, so activations too are quantised 32 at a time, and every 32 products cost a
conversion. With one scale a row, groups of activations may be as wide as the layers allow. The weights are rounded once
more; what that does to answers is what the parity stage measures, on this very form. docs/adr/0008 has the figures.
"""

from __future__ import annotations

import math
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from seekforge.core.files import disk_errors, read_json, sha256_file, write_json
from seekforge.engines.graph import join_layers
from seekforge.engines.int8_blocks import Blocks, blocks_in, rescale
from seekforge.engines.int8_inputs import Steps, round_inputs

_MODEL = "openvino_model.xml"  # the name under which OpenVINO GenAI looks for a model, and saves one
_FACTS = "rows.json"
_VERSION = 2  # of the form; a folder of another version is not used
_SCRATCH = ".making-"
_KEPT, _ABANDONED = 8, 3600.0  # forms, seconds
_WIDEST_GROUP = 256
_BLOCK = 32


@dataclass(frozen=True, slots=True)
class RowModel:
    """A model in that form.

    Attributes:
        folder: What OpenVINO loads.
        group: Activations that share a scale; it divides the width of every layer.
    """

    folder: Path
    group: int


def row_model(model_file: Path, cache: Path, steps: Steps = ()) -> RowModel | None:
    """The form of a Q8_0 file; made once and kept in the cache, the newest eight of them.

    Args:
        model_file: A GGUF file that OpenVINO loads.
        cache: Where converted models are kept.
        steps: By which inputs are rounded; none has the engine round them as they come.

    Returns:
        None where no layer of the file has blocks of 32.

    Raises:
        RuntimeError: OpenVINO cannot load the file.
        ResourceError: The cache cannot be written.
    """
    place = cache / "openvino"
    folder = place / f"{sha256_file(model_file)[:24]}-{'steps' if len(steps) else 'rows'}{_VERSION}"
    if not (folder / _FACTS).exists():
        with disk_errors(place):
            place.mkdir(parents=True, exist_ok=True)
            if not _make(model_file, folder, steps):
                return None
            _forget_old(place)
    (folder / _FACTS).touch()  # used now
    return RowModel(folder, int(read_json(folder / _FACTS)["group"]))


def _make(model_file: Path, folder: Path, steps: Steps) -> bool:
    """Writes the form into `folder`, whole or not at all; false where there is nothing to rescale."""
    import openvino

    scratch = Path(tempfile.mkdtemp(prefix=_SCRATCH, dir=folder.parent))
    try:
        blocks = scratch / "blocks"
        _save_blocks(model_file, blocks)
        model = openvino.Core().read_model(blocks / _MODEL)
        layers = list(blocks_in(model))
        if not layers:
            return False
        if not round_inputs(model, layers, steps):
            for layer in layers:
                _rescale(layer)
            join_layers(model)
        model.validate_nodes_and_infer_types()
        openvino.save_model(model, scratch / _MODEL, compress_to_fp16=False)
        write_json(scratch / _FACTS, {"group": activation_group([layer.width for layer in layers])})
        shutil.rmtree(blocks)
        try:
            scratch.rename(folder)
        except OSError:
            if not (folder / _FACTS).exists():  # else somebody was faster, and theirs is as good
                raise
        return True
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def activation_group(widths: list[int]) -> int:
    """The widest group of activations that divides every layer's width: a multiple of 32, at most 256.

    >>> activation_group([576, 1536])
    192
    """
    common = math.gcd(*widths)
    return max((g for g in range(_BLOCK, _WIDEST_GROUP + 1, _BLOCK) if common % g == 0), default=_BLOCK)


def _save_blocks(model_file: Path, folder: Path) -> None:
    """Has OpenVINO GenAI save the file's model. It saves beside the file, so it gets a link to it elsewhere."""
    import openvino_genai

    folder.mkdir()
    link = folder / model_file.name
    link.symlink_to(model_file.absolute())
    scheduler = openvino_genai.SchedulerConfig()
    scheduler.num_kv_blocks = 1
    openvino_genai.ContinuousBatchingPipeline(str(link), scheduler, "CPU", {"enable_save_ov_model": True})


def _rescale(layer: Blocks) -> None:
    """Puts weights with one scale a row in the layer's place."""
    from openvino import opset13 as ops

    quants, scales = rescale(layer)
    weights = ops.multiply(ops.convert(ops.constant(quants), np.float16), ops.constant(scales))
    end = ops.convert(weights, np.float32)
    for target in list(layer.end.output(0).get_target_inputs()):
        target.replace_source_output(end.output(0))


def _forget_old(place: Path) -> None:
    """Deletes what was not used for longest, and what a killed process left. What is in use stays mapped."""
    found = sorted(place.glob(f"*/{_FACTS}"), key=lambda facts: facts.stat().st_mtime, reverse=True)
    left = [path for path in place.glob(f"{_SCRATCH}*") if time.time() - path.stat().st_mtime > _ABANDONED]
    for folder in (*(facts.parent for facts in found[_KEPT:]), *left):
        shutil.rmtree(folder, ignore_errors=True)
