"""Logits of all compared positions, on disk: for margins, and for how far two distributions are apart."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from seekforge.core.files import disk_errors

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_ROWS = 64  # at once, in float64


@dataclass(frozen=True, slots=True)
class Divergence:
    """Kullback-Leibler divergence of next-token distributions over all positions, in nats."""

    mean: float
    largest: float


class Trace:
    """One model's logits, float32 of shape (positions, vocabulary), appended answer by answer.

    Args:
        path: The file.
        width: The vocabulary's size, of a file that is there already.
    """

    def __init__(self, path: Path, width: int = 0) -> None:
        self._path, self._width = path, width

    @property
    def width(self) -> int:
        """The vocabulary's size."""
        return self._width

    def append(self, logits: NDArray[np.float32]) -> None:
        """Adds the rows of one answer; the first ones begin the file anew."""
        mode = "ab" if self._width else "wb"
        self._width = logits.shape[1]
        with disk_errors(self._path), self._path.open(mode) as file:
            logits.astype("float32", copy=False).tofile(file)

    def rows(self) -> NDArray[np.float32]:
        """All of it, mapped."""
        import numpy as np

        return np.memmap(self._path, np.float32, "r").reshape(-1, self._width)

    def margin(self, index: int, expected: int, got: int) -> float:
        """By how much the model prefers one token to another at a position, in logits."""
        row = self.rows()[index]
        return float(row[expected]) - float(row[got])

    def remove(self) -> None:
        """Deletes the file."""
        self._path.unlink(missing_ok=True)


def divergence(reference: Trace, other: Trace) -> Divergence | None:
    """KL(reference || other) at each position; None where the vocabularies have different sizes.

    Source: Kullback and Leibler 1951; `sum p (log p - log q)` with p the reference's softmax.
    """
    import numpy as np

    p_rows, q_rows = reference.rows(), other.rows()
    if p_rows.shape != q_rows.shape:
        return None
    found = []
    for start in range(0, len(p_rows), _ROWS):
        p, q = (_log_softmax(rows[start : start + _ROWS].astype(np.float64)) for rows in (p_rows, q_rows))
        found.append((np.exp(p) * (p - q)).sum(axis=1))
    each = np.maximum(np.concatenate(found), 0.0)  # rounding can leave it a hair below zero
    return Divergence(float(each.mean()), float(each.max()))


def _log_softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    import numpy as np

    shifted = logits - logits.max(axis=1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))
