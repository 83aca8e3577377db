"""What is found, and joined, in the graph of an OpenVINO model."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class _Layer:
    """A linear layer with one scale a row.

    Attributes:
        product: The node that multiplies by the weights, transposed.
        end: The last node of the layer: the bias's addition, else `product`.
        weights: int8, rows x columns.
        scales: float16, rows x 1.
        bias: float32, rows; None where it has none.
    """

    product: Any
    end: Any
    weights: NDArray[np.int8]
    scales: NDArray[np.float16]
    bias: NDArray[np.float32] | None


def source(node: Any, kind: str, number: int = 0) -> Any:  # noqa: ANN401  OpenVINO has no types
    """The node before an input of `node`, which must be of that kind.

    Raises:
        LookupError: It is of another kind.
    """
    if node.get_type_name() != kind:
        raise LookupError(kind)
    return node.input_value(number).get_node()


def join_layers(model: Any) -> int:  # noqa: ANN401  OpenVINO has no types
    """Makes one layer of those that read the same input: query, key and value; gate and up.

    Each layer costs a quantisation of its input and a gathering of the threads; both come once then. Every row keeps
    its weights and its scale, so answers stay what they were.

    Args:
        model: An OpenVINO model whose layers have one scale a row; changed in place.

    Returns:
        How many layers were joined.
    """
    readers: defaultdict[tuple[str, int, bool], list[_Layer]] = defaultdict(list)
    for node in model.get_ordered_ops():
        try:
            layer = _layer(node)
        except LookupError:
            continue
        read = node.input_value(0)
        readers[read.get_node().get_name(), read.get_index(), layer.bias is None].append(layer)
    groups = [layers for layers in readers.values() if len(layers) > 1]
    for layers in groups:
        _join(layers)
    return sum(map(len, groups))


def _layer(node: Any) -> _Layer:  # noqa: ANN401
    scaled = source(source(node, "MatMul", 1), "Convert")
    weights, scales = source(source(scaled, "Multiply"), "Convert"), source(scaled, "Multiply", 1)
    end, bias = _bias(node)
    return _Layer(node, end, _constant(weights), _constant(scales), bias)


def _bias(product: Any) -> tuple[Any, NDArray[np.float32] | None]:  # noqa: ANN401
    first, *others = product.output(0).get_target_inputs()
    after = first.get_node()
    try:
        bias = _constant(source(source(after, "Add", 1), "Convert"))
    except LookupError:  # what is added is no constant, or nothing is added
        return product, None
    return (product, None) if others else (after, bias.astype(np.float32).reshape(-1))


def _constant(node: Any) -> NDArray[Any]:  # noqa: ANN401
    if node.get_type_name() != "Constant":
        raise LookupError("Constant")
    return node.data  # type: ignore[no-any-return]


def _join(layers: list[_Layer]) -> None:
    from openvino import opset13 as ops

    weights = ops.constant(np.concatenate([layer.weights for layer in layers]))
    scales = ops.constant(np.concatenate([layer.scales for layer in layers]))
    rows = ops.convert(ops.multiply(ops.convert(weights, np.float16), scales), np.float32)
    joined = ops.matmul(layers[0].product.input_value(0), rows, transpose_a=False, transpose_b=True)
    biases = [layer.bias for layer in layers if layer.bias is not None]
    if biases:
        joined = ops.add(joined, ops.constant(np.concatenate(biases)))
    sizes = np.array([len(layer.weights) for layer in layers], np.int64)
    parts = ops.variadic_split(joined, ops.constant(np.int64(-1)), ops.constant(sizes))
    for part, layer in enumerate(layers):
        for target in list(layer.end.output(0).get_target_inputs()):
            target.replace_source_output(parts.output(part))
