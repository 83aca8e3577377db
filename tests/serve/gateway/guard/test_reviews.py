"""Real Chinese text passes both layers as it was written; `python -m benchmarks.guard` has the figures at length."""

from random import Random

from benchmarks.guard import REVIEWS, pass_reviews, read_reviews

from seekforge.core.config.guard import WordListConfig


def test_three_thousand_reviews_pass_unchanged() -> None:
    row = pass_reviews("default", WordListConfig(builtin="default"), read_reviews(), Random(7))
    assert row["reviews"] == REVIEWS
    assert row["share"] >= 0.999, row["changed"][:5]
