"""Layers that multiply INT8 by INT8, their inputs rounded within the graph.

With the engine's own way of rounding activations, which looks at each of them first, products are made by vector
instructions in groups. A rounding that is part of the graph lets OpenVINO use the matrix instructions (AMX) of newer
processors. Most inputs are rounded by steps that the file brings along; the inputs of down projections, in which single
tokens are a hundred times larger than others, by their own largest element, row by row. docs/adr/0011 has the figures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seekforge.engines.int8_blocks import Blocks, rescale

STEP_KEY = "seekforge.activation_step."  # in the metadata, before the name of the first layer that reads an input
_INPUTS = ("attn_q", "attn_output", "ffn_gate", "ffn_down")  # of a block, by the first layer that reads them
_LEVELS = 127
_LEAST = 1e-9  # for a row of zeros
Steps = Sequence[NDArray[np.float32] | None]


def steps_in(metadata: Mapping[str, Any]) -> Steps:
    """The steps that a file brings along, in the order of computation; None for an input rounded row by row.

    Returns:
        Nothing for a file that has none, as most files.
    """
    blocks = int(metadata.get(f"{metadata['general.architecture']}.block_count", 0))
    names = [*(f"blk.{block}.{name}" for block in range(blocks) for name in _INPUTS), "output"]
    found = [metadata.get(STEP_KEY + name) for name in names]
    return [None if step is None else np.array(step, np.float32) for step in found] if any(found) else ()


def round_inputs(model: Any, layers: Sequence[Blocks], steps: Steps) -> bool:  # noqa: ANN401  OpenVINO has no types
    """Has every linear layer round its input and multiply integers.

    Args:
        model: An OpenVINO model; changed in place.
        layers: All of its matrices.
        steps: One array an input, as wide as it; None has the input rounded row by row.

    Returns:
        False, and nothing changed, where the steps are not those of this model.
    """
    groups = _by_input(model, layers)
    if len(groups) != len(steps):
        return False
    known = [(group[0][1].width, step) for group, step in zip(groups, steps, strict=True) if step is not None]
    if any(len(step) != width or not (step > 0).all() for width, step in known):
        return False
    for group, step in zip(groups, steps, strict=True):
        read = group[0][0].input_value(0)
        rounded, scale = _by_rows(read) if step is None else (_by_steps(read, step), None)
        for product, layer in group:
            _replace(product, rounded, scale, *rescale(layer, step, np.float32))
    return True


def _by_input(model: Any, layers: Sequence[Blocks]) -> list[list[tuple[Any, Blocks]]]:  # noqa: ANN401
    """Products and their weights, those that read the same input together.

    An input depends on the products before it, so the inputs of every graph of a model come in the same order.
    """
    by_end = {layer.end.get_name(): layer for layer in layers}
    groups: dict[tuple[str, int], list[tuple[Any, Blocks]]] = {}
    for node in model.get_ordered_ops():
        if node.get_type_name() != "MatMul":
            continue
        layer = by_end.get(node.input_value(1).get_node().get_name())
        if layer is not None:
            read = node.input_value(0)
            groups.setdefault((read.get_node().get_name(), read.get_index()), []).append((node, layer))
    return list(groups.values())


def _by_steps(read: Any, step: NDArray[np.float32]) -> Any:  # noqa: ANN401
    """round(read / step), from -127 to 127."""
    from openvino import opset13 as ops

    return _whole(ops.multiply(read, ops.constant((1 / step).reshape(1, 1, -1))))


def _by_rows(read: Any) -> tuple[Any, Any]:  # noqa: ANN401
    """round(read / scale) and the scale of each row: its largest magnitude is 127."""
    from openvino import opset13 as ops

    largest = ops.reduce_max(ops.absolute(read), ops.constant(np.array([-1], np.int64)), keep_dims=True)
    scale = ops.multiply(ops.maximum(largest, _number(_LEAST)), _number(1 / _LEVELS))
    return _whole(ops.divide(read, scale)), scale


def _whole(scaled: Any) -> Any:  # noqa: ANN401
    from openvino import opset13 as ops

    low, high = _number(-_LEVELS), _number(_LEVELS)
    return ops.fake_quantize(scaled, low, high, low, high, 2 * _LEVELS + 1)


def _number(value: float) -> Any:  # noqa: ANN401
    from openvino import opset13 as ops

    return ops.constant(np.full((1, 1, 1), value, np.float32))


def _replace(
    product: Any,  # noqa: ANN401
    rounded: Any,  # noqa: ANN401
    scale: Any,  # noqa: ANN401
    weights: NDArray[np.int8],
    scales: NDArray[np.float32],
) -> None:
    from openvino import opset13 as ops

    rows = ops.multiply(ops.convert(ops.constant(weights), np.float32), ops.constant(scales))
    whole = ops.matmul(rounded, rows, transpose_a=False, transpose_b=True)
    if scale is not None:
        whole = ops.multiply(whole, scale)
    for target in list(product.output(0).get_target_inputs()):
        target.replace_source_output(whole.output(0))
