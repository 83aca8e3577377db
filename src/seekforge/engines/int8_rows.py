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
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seekforge.core.files import disk_errors, read_json, sha256_file, write_json
from seekforge.engines.graph import join_layers, source

_MODEL = "openvino_model.xml"  # the name under which OpenVINO GenAI looks for a model, and saves one
_FACTS = "rows.json"
_VERSION = 2  # of the form; a folder of another version is not used
_SCRATCH = ".making-"
_KEPT, _ABANDONED = 8, 3600.0  # forms, seconds
_WIDEST_GROUP = 256
_BLOCK = 32
_PIECE = 1 << 22  # weights at once, so that they stay in the processor's cache


@dataclass(frozen=True, slots=True)
class RowModel:
    """A model in that form.

    Attributes:
        folder: What OpenVINO loads.
        group: Activations that share a scale; it divides the width of every layer.
    """

    folder: Path
    group: int


def row_model(model_file: Path, cache: Path) -> RowModel | None:
    """The form of a Q8_0 file; made once and kept in the cache, the newest eight of them.

    Args:
        model_file: A GGUF file that OpenVINO loads.
        cache: Where converted models are kept.

    Returns:
        None where no layer of the file has blocks of 32.

    Raises:
        RuntimeError: OpenVINO cannot load the file.
        ResourceError: The cache cannot be written.
    """
    place = cache / "openvino"
    folder = place / f"{sha256_file(model_file)[:24]}-rows{_VERSION}"
    if not (folder / _FACTS).exists():
        with disk_errors(place):
            place.mkdir(parents=True, exist_ok=True)
            if not _make(model_file, folder):
                return None
            _forget_old(place)
    (folder / _FACTS).touch()  # used now
    return RowModel(folder, int(read_json(folder / _FACTS)["group"]))


def _make(model_file: Path, folder: Path) -> bool:
    """Writes the form into `folder`, whole or not at all; false where there is nothing to rescale."""
    import openvino

    scratch = Path(tempfile.mkdtemp(prefix=_SCRATCH, dir=folder.parent))
    try:
        blocks = scratch / "blocks"
        _save_blocks(model_file, blocks)
        model = openvino.Core().read_model(blocks / _MODEL)
        widths = [_rescale(layer) for layer in list(_layers(model))]
        if not widths:
            return False
        join_layers(model)
        model.validate_nodes_and_infer_types()
        openvino.save_model(model, scratch / _MODEL, compress_to_fp16=False)
        write_json(scratch / _FACTS, {"group": activation_group(widths)})
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


@dataclass(frozen=True, slots=True)
class _Layer:
    """A layer's weights in the graph: (quants - zero points) * scales, reshaped and converted.

    Attributes:
        end: The node that gives the weights in float32.
        quants: uint8, rows x blocks x 32.
        zeros: uint8, rows x blocks x 1.
        scales: float16, rows x blocks x 1.
    """

    end: Any
    quants: NDArray[np.uint8]
    zeros: NDArray[np.uint8]
    scales: NDArray[np.float16]


def _layers(model: Any) -> Iterator[_Layer]:  # noqa: ANN401  OpenVINO has no types
    for end in model.get_ordered_ops():
        try:
            product = source(source(end, "Convert"), "Reshape")
            shifted, scales = source(product, "Multiply"), source(product, "Multiply", 1)
            quants, zeros = source(shifted, "Subtract"), source(shifted, "Subtract", 1)
            quants, zeros = source(quants, "Convert"), source(zeros, "Convert")
        except LookupError:
            continue
        yield _Layer(end, quants.data, zeros.data, scales.data)


def _rescale(layer: _Layer) -> int:
    """Puts weights with one scale a row in the layer's place; returns its width."""
    from openvino import opset13 as ops

    quants, scales = rescale(layer.quants, layer.zeros, layer.scales)
    weights = ops.multiply(ops.convert(ops.constant(quants), np.float16), ops.constant(scales))
    end = ops.convert(weights, np.float32)
    for target in list(layer.end.output(0).get_target_inputs()):
        target.replace_source_output(end.output(0))
    return int(quants.shape[1])


def rescale(
    quants: NDArray[np.uint8], zeros: NDArray[np.uint8], scales: NDArray[np.float16]
) -> tuple[NDArray[np.int8], NDArray[np.float16]]:
    """Weights in blocks to weights in rows, symmetric: the row's largest weight is 127.

    Args:
        quants: Rows x blocks x 32.
        zeros: Rows x blocks x 1.
        scales: Rows x blocks x 1.

    Returns:
        Weights, rows x columns, and their scales, rows x 1.
    """
    rows, columns = quants.shape[0], quants.shape[1] * quants.shape[2]
    weights, largest = np.empty((rows, columns), np.int8), np.empty((rows, 1), np.float16)
    step = max(1, _PIECE // columns)
    for start in range(0, rows, step):
        part = slice(start, start + step)
        exact = (quants[part].astype(np.float32) - zeros[part]) * scales[part].astype(np.float32)
        flat = exact.reshape(len(exact), columns)
        scale = (np.abs(flat).max(axis=1, keepdims=True) / 127).astype(np.float16)
        scale[scale == 0] = 1  # a row of zeros
        weights[part] = np.clip(np.rint(flat / scale.astype(np.float32)), -127, 127)
        largest[part] = scale
    return weights, largest


def _forget_old(place: Path) -> None:
    """Deletes what was not used for longest, and what a killed process left. What is in use stays mapped."""
    found = sorted(place.glob(f"*/{_FACTS}"), key=lambda facts: facts.stat().st_mtime, reverse=True)
    left = [path for path in place.glob(f"{_SCRATCH}*") if time.time() - path.stat().st_mtime > _ABANDONED]
    for folder in (*(facts.parent for facts in found[_KEPT:]), *left):
        shutil.rmtree(folder, ignore_errors=True)
