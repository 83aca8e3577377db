"""Two models on the same items: scipy's, statsmodels' and sacreBLEU's numbers, and what must hold for any numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seekforge.core.errors import DataError
from seekforge.evaluate import metrics
from seekforge.evaluate.bootstrap import interval, jackknife_error, spread
from seekforge.evaluate.compare import compare
from seekforge.evaluate.metrics import Rows
from seekforge.evaluate.paired import McNemar, difference, mcnemar, paired_bootstrap, paired_jackknife
from seekforge.evaluate.predict import Prediction

PAIRS = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=80)


def mean(rows: Rows) -> float:
    return float(rows.mean())


def right(one: int, other: int, both: int = 0, neither: int = 0) -> tuple[list[bool], list[bool]]:
    first = [True] * one + [False] * other + [True] * both + [False] * neither
    return first, [False] * one + [True] * other + [True] * both + [False] * neither


@settings(max_examples=60)
@given(PAIRS)
def test_mcnemar_is_scipys_binomial_test(pairs: list[tuple[bool, bool]]) -> None:
    from scipy.stats import binomtest

    first, second = ([pair[side] for pair in pairs] for side in (0, 1))
    found = mcnemar(first, second)
    apart = found.only_first + found.only_second
    assert apart == sum(a != b for a, b in pairs)
    assert found.p == pytest.approx(binomtest(found.only_first, apart, 0.5).pvalue if apart else 1.0, abs=1e-12)
    assert mcnemar(second, first) == McNemar(found.only_second, found.only_first, found.p)


@pytest.mark.parametrize(
    ("one", "other", "p"),
    # What statsmodels 0.15.0 says: mcnemar([[101, one], [other, 33]], exact=True).pvalue
    [
        (121, 59, 4.4344492637551645e-06),
        (0, 5, 0.0625),
        (10, 10, 1.0),
        (7, 1, 0.0703125),
        (60, 40, 0.05688793364098089),
    ],
)
def test_mcnemar_is_statsmodels(one: int, other: int, p: float) -> None:
    assert mcnemar(*right(one, other, 101, 33)).p == pytest.approx(p, rel=1e-9)


def test_the_paired_interval_and_p_are_scipys() -> None:
    from scipy.stats import bootstrap, ttest_rel

    draw = np.random.default_rng(1)
    first = draw.normal(0.5, 0.2, (300, 1))
    second = first + draw.normal(0.02, 0.15, (300, 1))
    found = paired_bootstrap(first, second, mean, 4000, 3)
    sides = (second[:, 0], first[:, 0])
    theirs = bootstrap(
        sides, lambda a, b: a.mean() - b.mean(), paired=True, vectorized=False, n_resamples=4000, method="percentile",
        rng=np.random.default_rng(2),
    ).confidence_interval  # fmt: skip
    assert found.interval == pytest.approx((theirs.low, theirs.high), abs=0.001)
    assert found.value == pytest.approx(float((second - first).mean()))
    assert found.p == pytest.approx(ttest_rel(*sides).pvalue, abs=0.015)


def test_the_p_of_bleu_is_sacrebleus(monkeypatch: pytest.MonkeyPatch) -> None:
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.significance import PairedTest
    from tests.evaluate.test_real_pairs import PAIRS as REAL

    monkeypatch.setenv("SACREBLEU_SEED", "1")
    answers, references = (side[:120] for side in REAL["en"])
    # The second system says the first word of every other answer again: a little worse, not surely so.
    worse = [f"{a.split()[0]} {a}" if n % 16 == 0 else a for n, a in enumerate(answers)]
    systems: Any = [("first", answers), ("second", worse)]
    theirs: Any = PairedTest(systems, {"BLEU": BLEU()}, [references], test_type="bs", n_samples=1000)()[1]["BLEU"][1]
    bleu = metrics.metric("bleu")
    ours = difference(bleu, bleu.rows(answers, references), bleu.rows(worse, references), 1000, 5)
    assert ours.value == pytest.approx(theirs.score - BLEU().corpus_score(answers, [references]).score, abs=1e-6)
    # Theirs counts differences above the real one strictly and on absolute values: half a draw apart at the most.
    assert 0.001 < ours.p < 0.999
    assert ours.p == pytest.approx(theirs.p_value, abs=0.04)


@settings(max_examples=25)
@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=2, max_size=30), st.integers(0, 99))
def test_what_holds_for_any_two_models(pairs: list[tuple[float, float]], seed: int) -> None:
    first, second = (np.array([[pair[side]] for pair in pairs]) for side in (0, 1))
    for test in (paired_bootstrap, paired_jackknife):
        found, other = test(first, second, mean, 100, seed), test(second, first, mean, 100, seed)
        assert found.value == pytest.approx(-other.value)
        assert found.interval == pytest.approx((-other.interval[1], -other.interval[0]), abs=1e-9)
        assert found.p == pytest.approx(other.p)
        assert 0 <= found.p <= 1
        same = test(first, first, mean, 100, seed)
        assert (same.value, same.interval, same.p) == (0.0, (0.0, 0.0), 1.0)


def test_a_difference_on_every_item_is_none_of_luck() -> None:
    first = np.random.default_rng(0).random((50, 1))
    assert paired_bootstrap(first, first + 0.1, mean, 999, 1).p == pytest.approx(0.001)
    assert paired_jackknife(first, first + 0.1, mean, 999, 1).p < 1e-9


def test_equal_models_differ_by_chance_as_often_as_p_says() -> None:
    draw = np.random.default_rng(4)
    found = [
        paired_bootstrap(first, second, mean, 200, n).p
        for n, (first, second) in enumerate(draw.random((200, 2, 60, 1)))
    ]
    assert 0.01 <= np.mean([p <= 0.05 for p in found]) <= 0.1
    assert 0.4 <= np.mean(found) <= 0.6


def test_the_jackknife_of_a_mean_is_its_standard_error() -> None:
    rows = np.random.default_rng(2).random((80, 1))
    error = jackknife_error(80, lambda rest: mean(rows[rest]), 1000, 1)
    assert error == pytest.approx(rows.std(ddof=1) / math.sqrt(80))
    by_blocks = jackknife_error(80, lambda rest: mean(rows[rest]), 20, 1)
    assert by_blocks == pytest.approx(error, rel=0.5)


def answers_of(draw: np.random.Generator) -> list[str]:
    return [" ".join(f"w{word}" for word in np.minimum(draw.zipf(1.4, 8), 400)) for _ in range(40)]


def test_the_interval_of_distinct_is_honest_and_the_bootstraps_would_not_be() -> None:
    draw = np.random.default_rng(8)
    distinct = metrics.metric("distinct1")
    truth = np.mean([distinct.figure(distinct.rows(some, some)) for some in (answers_of(draw) for _ in range(200))])
    covered, missed = 0, 0
    for _ in range(60):
        some = answers_of(draw)
        rows = distinct.rows(some, some)
        low, high = spread(distinct, rows, 1000, 1)
        covered += bool(low <= truth <= high)
        assert low < distinct.figure(rows) < high
        missed += bool(interval(rows, distinct.figure, 60, 1)[1] < distinct.figure(rows))
    assert covered >= 55
    assert missed == 60, "an answer that is drawn twice adds nothing new"


def test_other_items_are_one_line() -> None:
    with pytest.raises(DataError, match="3 answers of one model and 2 of the other"):
        mcnemar([True] * 3, [True] * 2)
    with pytest.raises(DataError, match="3 answers of one model and 2 of the other"):
        paired_bootstrap(np.ones((3, 1)), np.ones((2, 1)), mean, 100, 1)


def answer(name: str, decision: str) -> Prediction:
    return Prediction(name, "q", "HOLD", "HOLD", decision, decision, "stop")


def test_a_comparison_tells_whether_its_gain_is_luck() -> None:
    first, second = right(2, 12, 20, 6)
    base, tuned = ([answer(f"r{n}", "HOLD" if ok else "") for n, ok in enumerate(side)] for side in (first, second))
    found = compare("accuracy", base, tuned, 500, 1)
    assert found.difference is not None and found.mcnemar is not None
    assert found.difference.value == pytest.approx(10 / 40)
    assert found.difference.interval[0] > 0
    assert found.mcnemar == mcnemar(first, second)
    assert compare("bleu", base, tuned, 100, 1).mcnemar is None


def test_answers_to_other_records_are_one_line() -> None:
    with pytest.raises(DataError, match="answer 2 is to 'b' of one model and to 'c' of the other"):
        compare("f1", [answer("a", ""), answer("b", "")], [answer("a", ""), answer("c", "")], 100, 1)
    with pytest.raises(DataError, match="2 answers of one model and 1 of the other"):
        compare("f1", [answer("a", ""), answer("b", "")], [answer("a", "")], 100, 1)


def test_less_is_a_gain_where_less_is_better() -> None:
    again, once = "so it goes " * 6, "so it goes and then it ends"
    base, tuned = ([Prediction("a", "q", "r", "", text, "", "stop")] for text in (again, once))
    found = compare("repetition", base, tuned, 100, 1)
    assert found.better == "lower"
    assert found.tuned == 0 < found.base
    assert found.gain == pytest.approx(100 * found.base)
