"""Layers that multiply INT8 by INT8: their inputs are rounded by steps that the file brings along.

With the engine's own way of rounding activations, which looks at each of them first, products are made by vector
instructions in groups. A rounding that is part of the graph lets OpenVINO use the matrix instructions (AMX) of newer
processors, which do the products of a long prompt in a third of the time. docs/adr/0011 has the figures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seekforge.engines.int8_blocks import Blocks, rescale

STEP_KEY = "seekforge.activation_step."  # in the metadata, before the name of the first layer that reads an input
_LEVELS = 127
Steps = Sequence[NDArray[np.float32]]


def steps_in(metadata: Mapping[str, Any]) -> Steps:
    """The steps that a file brings along, one array an input, in the order of computation; none in most files."""
    return [np.array(value, np.float32) for key, value in metadata.items() if key.startswith(STEP_KEY)]


def round_inputs(model: Any, layers: Sequence[Blocks], steps: Steps) -> bool:  # noqa: ANN401  OpenVINO has no types
    """Has every linear layer round its input by the steps, and multiply integers.

    Args:
        model: An OpenVINO model; changed in place.
        layers: All of its matrices.
        steps: One array an input, as wide as it.

    Returns:
        False, and nothing changed, where the steps are not those of this model.
    """
    groups = _by_input(model, layers)
    if [layer.width for (_, layer), *_ in groups] != [len(step) for step in steps]:
        return False
    for group, step in zip(groups, steps, strict=True):
        rounded = _rounded(group[0][0].input_value(0), step)
        for product, layer in group:
            _replace(product, rounded, *rescale(layer, step, np.float32))
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


def _rounded(read: Any, step: NDArray[np.float32]) -> Any:  # noqa: ANN401
    """round(read / step), from -127 to 127."""
    from openvino import opset13 as ops

    scaled = ops.multiply(read, ops.constant((1 / step).reshape(1, 1, -1)))
    low, high = (ops.constant(np.full((1, 1, 1), end, np.float32)) for end in (-_LEVELS, _LEVELS))
    return ops.fake_quantize(scaled, low, high, low, high, 2 * _LEVELS + 1)


def _replace(product: Any, rounded: Any, weights: NDArray[np.int8], scales: NDArray[np.float32]) -> None:  # noqa: ANN401
    from openvino import opset13 as ops

    rows = ops.multiply(ops.convert(ops.constant(weights), np.float32), ops.constant(scales))
    whole = ops.matmul(rounded, rows, transpose_a=False, transpose_b=True)
    for target in list(product.output(0).get_target_inputs()):
        target.replace_source_output(whole.output(0))
