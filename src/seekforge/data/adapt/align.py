"""Word vectors of the domain's text, turned into the model's embedding space.

Vectors by positive pointwise mutual information and a truncated SVD (Levy, Goldberg and Dagan 2015); the turn is the
orthogonal Procrustes solution (Schönemann 1966) on words that have a token already.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
_SMOOTHING = 0.75  # exponent of the contexts' frequencies: rare contexts would seem too telling (Levy et al., 3.1)
_POWER = 0.5  # of the singular values (Levy et al., 3.3)


def word_vectors(
    sequences: Sequence[Sequence[int]], *, least: int = 5, window: int = 5, dimensions: int = 100
) -> tuple[dict[int, int], Matrix]:
    """Vectors of the ids that stand at least `least` times.

    Args:
        sequences: Texts as ids.
        least: Rarer ids get no vector and are no context.
        window: Ids on each side that count as context, each the less the farther (1 / distance).
        dimensions: At most; fewer where there are fewer ids.

    Returns:
        The row of each id, and the vectors, shape (ids, dimensions), rows of length 1.
    """
    from scipy.sparse.linalg import svds

    rows = _frequent(sequences, least)
    if len(rows) < 3:
        return {}, np.zeros((0, 0))
    table = ppmi(_cooccurrence(sequences, rows, window))
    k = min(dimensions, len(rows) - 1)
    start = np.ones(len(rows)) / np.sqrt(len(rows))  # ARPACK's own start is random
    left, values, _ = svds(table, k=k, v0=start)
    order = np.argsort(-values)
    return rows, unit(left[:, order] * values[order] ** _POWER)


def ppmi(counts: Any) -> Any:  # noqa: ANN401  scipy.sparse has no types
    """Positive PMI in nats of a sparse co-occurrence table, shape (ids, ids); zeros are not stored."""
    table = counts.tocoo()
    total = table.sum()
    words = np.asarray(counts.sum(axis=1)).ravel() / total
    contexts = np.asarray(counts.sum(axis=0)).ravel() ** _SMOOTHING
    contexts /= contexts.sum()
    values = np.log(table.data / total / (words[table.row] * contexts[table.col]))
    table.data = np.maximum(values, 0.0)
    found = table.tocsr()
    found.eliminate_zeros()
    return found


def procrustes(source: Matrix, target: Matrix) -> Matrix:
    """The matrix R with orthonormal rows that makes |source R - target| least in the Frobenius norm.

    With the SVD sourceᵀ target = U S Vᵀ it is U Vᵀ (Schönemann 1966); where the target has more dimensions, R lays the
    source's space into it without distortion.

    Args:
        source: Shape (points, k).
        target: Shape (points, d), d at least k; row i belongs to row i.

    Returns:
        Shape (k, d).
    """
    left, _, right = np.linalg.svd(source.T @ target, full_matrices=False)
    turned: Matrix = left @ right
    return turned


@dataclass(frozen=True, slots=True)
class Alignment:
    """A turn from the domain's vectors into an embedding space, learnt on anchors.

    Attributes:
        rotation: Shape (k, d).
        scale: Length of a turned vector by least squares; small where the anchors fit badly, so that a bad fit gives
            nearly the mean of the anchors.
        source_mean: Of the anchors' domain vectors, shape (k,).
        target_mean: Of the anchors' embeddings, shape (d,).
        fit: Share of the anchors' variance in the embedding space that the turned vectors tell, 0 to 1.
        anchors: How many there were.
    """

    rotation: Matrix
    scale: float
    source_mean: Matrix
    target_mean: Matrix
    fit: float
    anchors: int

    def __call__(self, vectors: Matrix) -> Matrix:
        """Domain vectors, shape (n, k), as embeddings, shape (n, d)."""
        placed: Matrix = self.target_mean + self.scale * ((vectors - self.source_mean) @ self.rotation)
        return placed


def align(source: Matrix, target: Matrix) -> Alignment:
    """Learns the turn from anchors: domain vectors, shape (n, k), and their embeddings, shape (n, d), d at least k."""
    source_mean, target_mean = source.mean(axis=0), target.mean(axis=0)
    x, y = source - source_mean, target - target_mean
    rotation = procrustes(x, y)
    explained = float(np.sum((x @ rotation) * y))
    norm, variance = float(np.sum(x * x)), float(np.sum(y * y))
    scale = explained / norm if norm else 0.0
    fit = explained * scale / variance if variance else 0.0
    return Alignment(rotation, scale, source_mean, target_mean, fit, len(source))


def unit(vectors: Matrix) -> Matrix:
    """Rows of length 1; rows of zeros stay."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    shortened: Matrix = vectors / np.where(lengths == 0, 1.0, lengths)
    return shortened


def _frequent(sequences: Sequence[Sequence[int]], least: int) -> dict[int, int]:
    ids, counts = np.unique(np.concatenate([np.asarray(s, dtype=np.int64) for s in sequences]), return_counts=True)
    return {int(token): row for row, token in enumerate(ids[counts >= least])}


def _cooccurrence(sequences: Sequence[Sequence[int]], rows: Mapping[int, int], window: int) -> Any:  # noqa: ANN401
    from scipy.sparse import coo_matrix

    left: list[NDArray[np.int64]] = []
    right: list[NDArray[np.int64]] = []
    weights: list[Matrix] = []
    for sequence in sequences:
        line = np.array([rows.get(token, -1) for token in sequence], dtype=np.int64)
        for distance in range(1, min(window, len(line) - 1) + 1):
            a, b = line[:-distance], line[distance:]
            both = (a >= 0) & (b >= 0)
            left += [a[both], b[both]]
            right += [b[both], a[both]]
            weights.append(np.full(2 * int(both.sum()), 1.0 / distance))
    place = (np.concatenate(left), np.concatenate(right))
    return coo_matrix((np.concatenate(weights), place), shape=(len(rows), len(rows))).tocsr()
