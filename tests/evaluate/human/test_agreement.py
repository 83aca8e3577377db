"""Agreement against published and hand-worked values."""

import random

import pytest

from seekforge.evaluate.human.agreement import Level, alpha, kappa, spearman

# Krippendorff 2011: part A's twelve units of two observers, and part C's of four, some of whom left units out.
TWO = list(zip("aabbdcccedda", "babbbccceddd", strict=True))
FOUR: list[list[int]] = [
    [1, 1, 1],
    [2, 2, 3, 2],
    [3, 3, 3, 3],
    [3, 3, 3, 3],
    [2, 2, 2, 2],
    [1, 2, 3, 4],
    [4, 4, 4, 4],
    [1, 1, 2, 1],
    [2, 2, 2, 2],
    [5, 5, 5],
    [1, 1],
    [3],
]


def test_two_observers_nominal() -> None:
    """By hand: 18 of 24 coincidences on the diagonal, so (23 * 18 - 104) / (24 * 23 - 104) = 310 / 448."""
    assert alpha(TWO, "nominal") == pytest.approx(310 / 448, abs=1e-12)


@pytest.mark.parametrize(
    ("level", "value", "published"),
    [
        ("nominal", 0.7434210526315789, 0.743),
        ("ordinal", 0.8153875037548814, 0.815),
        ("interval", 0.8491071428571428, 0.849),
    ],
)
def test_four_observers_with_missing_values(level: Level, value: float, published: float) -> None:
    """`value` is what the package krippendorff 0.9.0 gives."""
    assert alpha(FOUR, level) == pytest.approx(value, abs=1e-12)
    assert alpha(FOUR, level) == pytest.approx(published, abs=5e-4)


def test_three_units_worked_by_hand() -> None:
    """Values 0 1 1 1 2 3. Observed: 0-1 and 2-3 twice each. Expected, both directions: 2 * 93 and 2 * 32."""
    units = [(0, 1), (1, 1), (2, 3)]
    assert alpha(units, "ordinal") == pytest.approx(1 - 5 * 10 / 186, abs=1e-12)
    assert alpha(units, "interval") == pytest.approx(1 - 5 * 4 / 64, abs=1e-12)
    assert alpha(units, "nominal") == pytest.approx(1 - 5 * 4 / 24, abs=1e-12)


def test_a_unit_of_three_counts_by_half_for_each_pair() -> None:
    """0 0 1: coincidences 0-0 one, 0-1 and 1-0 one each; 1 1: two. Totals 2 and 3: 1 - 4 * 2 / 12."""
    assert alpha([(0, 0, 1), (1, 1)], "nominal") == pytest.approx(1 / 3, abs=1e-12)


def test_neither_order_nor_lonely_values_matter() -> None:
    draw = random.Random(3)
    for level in ("nominal", "ordinal", "interval"):
        shuffled = [draw.sample(unit, len(unit)) for unit in draw.sample(FOUR, len(FOUR))]
        assert alpha([*shuffled, [5], [], [1]], level) == pytest.approx(alpha(FOUR, level), abs=1e-12)


def test_the_ends_of_the_scale() -> None:
    assert alpha([(1, 1), (2, 2), (3, 3)], "ordinal") == 1.0
    assert alpha([("a", "b"), ("b", "a")], "nominal") == pytest.approx(-0.5)
    draw = random.Random(5)
    chance = alpha([[draw.randrange(4), draw.randrange(4)] for _ in range(4000)], "ordinal")
    assert chance is not None and abs(chance) < 0.05


def test_undefined_is_none() -> None:
    assert alpha([], "nominal") is None
    assert alpha([(1,), (2,)], "interval") is None
    assert alpha([(2, 2), (2, 2)], "ordinal") is None


def test_kappa_worked_by_hand() -> None:
    """20 both yes, 15 both no, 5 and 10 split: (0.7 - 0.5) / (1 - 0.5)."""
    first = ["yes"] * 25 + ["no"] * 25
    second = ["yes"] * 20 + ["no"] * 5 + ["yes"] * 10 + ["no"] * 15
    assert kappa(first, second) == pytest.approx(0.4, abs=1e-12)
    assert kappa([], []) is None
    assert kappa(["a", "a"], ["a", "a"]) is None


def test_spearman_worked_by_hand() -> None:
    """With ties by ranks 1 2.5 2.5 4 and 3 1 3 3 (-1.5 0 0 1.5 and 0.5 -1.5 0.5 0.5): 0 over the root of 4.5 * 3."""
    assert spearman([1, 2, 3, 4], [1, 3, 2, 4]) == pytest.approx(1 - 6 * 2 / (4 * 15), abs=1e-12)
    assert spearman([1, 2, 2, 3], [3, 2, 2, 1]) == pytest.approx(-1.0)
    assert spearman([1, 2, 2, 3], [5, 1, 5, 5]) == pytest.approx(0.0, abs=1e-12)
    assert spearman([1, 2], [1, 2]) is None
    assert spearman([1, 1, 1], [1, 2, 3]) is None
