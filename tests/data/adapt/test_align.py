"""The turn into the embedding space: what was planted comes back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from seekforge.data.adapt.align import align, ppmi, procrustes, word_vectors


def rotation(rng: np.random.Generator, k: int, d: int) -> np.ndarray:
    """Shape (k, d), rows orthonormal."""
    q, _ = np.linalg.qr(rng.standard_normal((d, k)))
    return q.T


@given(st.integers(0, 10_000), st.integers(1, 8), st.integers(0, 6))
def test_procrustes_finds_a_planted_rotation(seed: int, k: int, wider: int) -> None:
    rng = np.random.default_rng(seed)
    planted = rotation(rng, k, k + wider)
    source = rng.standard_normal((3 * k + 2, k))
    found = procrustes(source, source @ planted)
    np.testing.assert_allclose(found, planted, atol=1e-8)
    np.testing.assert_allclose(found @ found.T, np.eye(k), atol=1e-8)


@given(st.integers(0, 10_000), st.floats(0.01, 100))
def test_alignment_finds_rotation_scale_and_means(seed: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    planted, shift = rotation(rng, 5, 9), rng.standard_normal(9)
    source = rng.standard_normal((40, 5)) + rng.standard_normal(5)
    turn = align(source, scale * source @ planted + shift)
    fresh = rng.standard_normal((3, 5))
    np.testing.assert_allclose(turn(fresh), scale * fresh @ planted + shift, rtol=1e-6, atol=1e-6 * scale)
    assert turn.scale == pytest.approx(scale)
    assert turn.fit == pytest.approx(1)


@given(st.integers(0, 10_000))
def test_nothing_turns_better(seed: int) -> None:
    rng = np.random.default_rng(seed)
    source, target = rng.standard_normal((20, 4)), rng.standard_normal((20, 7))
    best = np.linalg.norm(source @ procrustes(source, target) - target)
    assert best <= np.linalg.norm(source @ rotation(rng, 4, 7) - target) + 1e-9


def test_a_turn_that_fits_nothing_stays_at_the_mean() -> None:
    rng = np.random.default_rng(3)
    turn = align(rng.standard_normal((4000, 2)), rng.standard_normal((4000, 50)))
    assert turn.fit < 0.01
    moved = np.linalg.norm(turn(np.ones((1, 2))) - turn.target_mean)
    assert moved < 0.5  # a random embedding lies 7 away


def test_ppmi_is_positive_and_knows_what_goes_together() -> None:
    table = ppmi(csr_matrix(np.array([[0.0, 9, 1], [9, 0, 1], [1, 1, 8]]))).toarray()
    assert table[0, 1] > 0
    assert table[0, 2] == table[1, 2] == 0
    assert (table >= 0).all()


def test_words_of_the_same_company_have_near_vectors() -> None:
    rng = np.random.default_rng(1)
    texts = []
    for _ in range(400):  # 0 and 1 stand among 10 to 13, 2 and 3 among 20 to 23
        group = int(rng.integers(2))
        word = 2 * group + int(rng.integers(2))
        around = 10 * (group + 1) + rng.integers(4, size=4)
        texts.append([*map(int, around[:2]), word, *map(int, around[2:])])
    rows, vectors = word_vectors(texts, dimensions=4)
    near = vectors @ vectors.T
    assert near[rows[0], rows[1]] > 0.9 > 0.5 > near[rows[0], rows[2]]
    again_rows, again = word_vectors(texts, dimensions=4)
    assert again_rows == rows
    np.testing.assert_array_equal(again, vectors)
    assert word_vectors([[1, 2], [1]], least=1)[0] == {}
