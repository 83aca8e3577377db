"""What `benchmarks/train_trl.py` and its sibling say: ratios within a round, a loss against its noise."""

from typing import Any

import pytest
from benchmarks.train_sides import Run, Work
from benchmarks.train_table import show

WORK = Work(
    "model",
    "train.jsonl",
    "validation.jsonl",
    tokens=1000,
    steps=2,
    batch=4,
    rate=1e-3,
    warmup=0,
    schedule="cosine",
    max_length=64,
    rank=4,
    alpha=8,
)


def runs() -> list[Run]:
    """Two rounds: the second one on a machine that is half as fast."""
    return [
        Run("ours", 1, [1.0, 1.0], 4.0, 100, "o1"),
        Run("peer", 1, [2.0, 1.0], 8.0, 100, "p1"),
        Run("ours", 2, [2.0, 2.0], 4.0, 120, "o2"),
        Run("peer", 2, [4.0, 2.0], 8.0, 90, "p2"),
    ]


def judged(ours: tuple[float, float], peer: tuple[float, float]) -> dict[str, Any]:
    """Two records of ten tokens each, one twice as hard as the other."""
    each = zip(("o1", "o2", "p1", "p2"), (*ours, *peer), strict=True)
    losses = {name: [10 * loss * share for share in (2 / 3, 4 / 3)] for name, loss in each}
    return {"losses": {"": [30.0, 30.0]} | losses, "tokens": [10, 10]}


def test_a_slower_round_does_not_move_the_ratio() -> None:
    found = show(WORK, ["ours", "peer"], runs(), judged((0.5, 0.6), (0.5, 0.6)))
    assert found["against"]["peer"]["ratios"] == [1.5, 1.5]
    assert found["against"]["peer"]["cpu_ratios"] == [2.0, 2.0]
    assert found["sides"]["ours"]["tokens_s"] == pytest.approx(1000 / 3)
    assert found["sides"]["ours"]["records_s"] == pytest.approx(8 / 3)
    assert found["sides"]["ours"]["losses"] == pytest.approx([0.5, 0.6])
    assert found["base_loss"] == pytest.approx(3.0)


@pytest.mark.parametrize(
    ("ours", "peer", "verdict"),
    [
        ((0.50, 0.60), (0.52, 0.60), "equal within noise"),
        ((0.50, 0.51), (0.80, 0.81), "ours is lower"),
        ((0.80, 0.81), (0.50, 0.51), "OURS IS HIGHER"),
    ],
)
def test_loss_is_held_against_what_a_seed_changes(
    ours: tuple[float, float], peer: tuple[float, float], verdict: str
) -> None:
    found = show(WORK, ["ours", "peer"], runs(), judged(ours, peer))["against"]["peer"]
    assert found["verdict"] == verdict
    assert found["seed_noise"] == pytest.approx(max(ours[1] - ours[0], peer[1] - peer[0]))
    assert found["difference"] == pytest.approx(sum(ours) / 2 - sum(peer) / 2)
