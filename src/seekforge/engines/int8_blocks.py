"""Linear layers of a Q8_0 file in OpenVINO's graph, and their weights with one scale a row."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seekforge.engines.graph import source

_PIECE = 1 << 22  # weights at once, so that they stay in the processor's cache


@dataclass(frozen=True, slots=True)
class Blocks:
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

    @property
    def width(self) -> int:
        """Columns of the layer."""
        return int(self.quants.shape[1] * self.quants.shape[2])


def blocks_in(model: Any) -> Iterator[Blocks]:  # noqa: ANN401  OpenVINO has no types
    """Every matrix that is in blocks, in an order in which it can be computed."""
    for end in model.get_ordered_ops():
        try:
            product = source(source(end, "Convert"), "Reshape")
            shifted, scales = source(product, "Multiply"), source(product, "Multiply", 1)
            quants, zeros = source(shifted, "Subtract"), source(shifted, "Subtract", 1)
            quants, zeros = source(quants, "Convert"), source(zeros, "Convert")
        except LookupError:
            continue
        yield Blocks(end, quants.data, zeros.data, scales.data)


def rescale(
    layer: Blocks, columns: NDArray[np.float32] | None = None, kind: type[np.floating[Any]] = np.float16
) -> tuple[NDArray[np.int8], NDArray[Any]]:
    """Weights in blocks to weights in rows, symmetric: the row's largest weight is 127.

    Args:
        layer: The weights.
        columns: What each column is multiplied by first.
        kind: Of the scales.

    Returns:
        Weights, rows x columns, and their scales, rows x 1.
    """
    rows = len(layer.quants)
    weights, largest = np.empty((rows, layer.width), np.int8), np.empty((rows, 1), kind)
    step = max(1, _PIECE // layer.width)
    for start in range(0, rows, step):
        part = slice(start, start + step)
        exact = (layer.quants[part].astype(np.float32) - layer.zeros[part]) * layer.scales[part].astype(np.float32)
        flat = exact.reshape(len(exact), layer.width)
        if columns is not None:
            flat *= columns
        scale = (np.abs(flat).max(axis=1, keepdims=True) / 127).astype(kind)
        scale[scale == 0] = 1  # a row of zeros
        weights[part] = np.clip(np.rint(flat / scale.astype(np.float32)), -127, 127)
        largest[part] = scale
    return weights, largest
