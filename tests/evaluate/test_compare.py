"""Intervals, decisions, comparisons and the examples that a reader sees."""

from __future__ import annotations

import math

import numpy as np
import pytest

from seekforge.core.errors import ConfigError, DataError
from seekforge.evaluate.bootstrap import interval
from seekforge.evaluate.compare import by_label, compare, examples, score
from seekforge.evaluate.decisions import decide
from seekforge.evaluate.metrics import Rows
from seekforge.evaluate.predict import Prediction

LABELS = ("APPROVE", "HOLD", "DECLINE")
CHINESE = ("通过", "不通过", "人工复核", "复核")


def mean(rows: Rows) -> float:
    return float(rows.mean())


def answer(number: int, decision: str, label: str = "HOLD", text: str = "", reference: str = "r") -> Prediction:
    return Prediction(f"r{number}", f"question {number}", reference, label, text or decision, decision, "stop")


def test_the_interval_of_a_share_is_the_known_one() -> None:
    rows = np.array([[1.0]] * 280 + [[0.0]] * 120)
    low, high = interval(rows, mean, 2000, seed=1)
    half = 1.96 * math.sqrt(0.7 * 0.3 / 400)
    assert low == pytest.approx(0.7 - half, abs=0.01)
    assert high == pytest.approx(0.7 + half, abs=0.01)


def test_about_nineteen_of_twenty_intervals_cover_the_truth() -> None:
    draw = np.random.default_rng(5)
    intervals = [interval(draw.normal(3.0, 1.0, (60, 1)), mean, 200, seed=n) for n in range(200)]
    assert 0.89 <= sum(low <= 3.0 <= high for low, high in intervals) / 200 <= 0.99


def test_an_interval_repeats_with_its_seed() -> None:
    rows = np.random.default_rng(0).random((50, 1))
    assert interval(rows, mean, 200, seed=3) == interval(rows, mean, 200, seed=3)
    assert interval(rows, mean, 200, seed=3) != interval(rows, mean, 200, seed=4)
    assert interval(np.ones((9, 1)), mean, 100, seed=3) == (1.0, 1.0)


@pytest.mark.parametrize(
    ("text", "decision"),
    [
        ("I would hold this. Do not approve.", "HOLD"),
        ("Rule 12: DECLINE.", "DECLINE"),
        ("Decline, then Hold", "DECLINE"),
        ("A household bill, on the threshold; withhold nothing.", ""),
        ("**HOLD**", "HOLD"),
        ("HOLD1 is a code", "HOLD"),
        ("disapproved", ""),
        ("", ""),
    ],
)
def test_the_first_label_that_is_a_word_decides(text: str, decision: str) -> None:
    assert decide(text, LABELS) == decision


@pytest.mark.parametrize(
    ("text", "decision"),
    [
        ("应当不通过。", "不通过"),
        ("可以通过，不必复核", "通过"),
        ("转人工复核", "人工复核"),
        ("先复核", "复核"),
        ("拒绝", ""),
    ],
)
def test_the_longest_chinese_label_decides(text: str, decision: str) -> None:
    assert decide(text, CHINESE) == decision


@pytest.mark.parametrize(
    ("text", "decision"),
    [("Rule 12: 2", "2"), ("In 2024 I say 1.", "1"), ("答案：10", "10"), ("1st of all", ""), ("选1。", "1")],
)
def test_a_label_that_is_a_number_does_not_stand_within_another(text: str, decision: str) -> None:
    assert decide(text, ["1", "2", "10"]) == decision


@pytest.mark.parametrize(
    ("text", "label"), [("HAYIR", "Hayır"), ("hayir.", "Hayır"), ("iptal", "İPTAL"), ("ΟΔΟΣ", "οδος"), ("é", "É")]
)
def test_what_the_expression_takes_for_a_label_is_that_label(text: str, label: str) -> None:
    """Cases that fold to other letters than the label's own."""
    assert decide(text, ["Evet", label]) == label


def test_a_label_is_given_back_as_it_is_written() -> None:
    assert decide("ESCALATE", ["Escalate"]) == "Escalate"
    assert decide("no (a+b)", ["(a+b)", "a"]) == "(a+b)"


def test_longer_labels_win_over_their_beginnings() -> None:
    assert decide("HOLD ALL cards", ["HOLD", "HOLD ALL"]) == "HOLD ALL"


def test_a_comparison_has_both_figures_and_the_gain_in_points() -> None:
    base = [answer(n, "HOLD" if n < 4 else "") for n in range(10)]
    tuned = [answer(n, "HOLD" if n < 9 else "DECLINE") for n in range(10)]
    found = compare("accuracy", base, tuned, 200, 1)
    assert (found.metric, found.unit, found.base, found.tuned) == ("accuracy", "fraction", 0.4, 0.9)
    assert found.gain == pytest.approx(50)
    assert found.base_interval == score("accuracy", base, 200, 1)[1]
    assert found.base_interval[0] <= 0.4 <= found.base_interval[1]
    assert found.tuned_interval[0] <= 0.9 <= found.tuned_interval[1]


def test_the_gain_of_a_score_is_in_its_own_points() -> None:
    base, tuned = ([answer(1, "", text=text, reference="the card is held now")] for text in ("no", "the card is held"))
    found = compare("bleu", base, tuned, 100, 1)
    assert found.unit == "score"
    assert found.gain == pytest.approx(found.tuned - found.base)
    assert found.gain > 1


def test_accuracy_without_labels_is_one_line() -> None:
    with pytest.raises(ConfigError, match="the metric accuracy needs labels"):
        score("accuracy", [answer(1, "HOLD"), answer(2, "HOLD", label="")], 100, 1)
    assert score("exact_match", [answer(1, "", label="", text="r")], 100, 1)[0] == 1.0


def test_nothing_to_score_is_one_line() -> None:
    with pytest.raises(DataError, match="no test records to score"):
        score("f1", [], 100, 1)


def test_by_label() -> None:
    labels = ["HOLD", "APPROVE", "HOLD", "HOLD", "APPROVE", ""]
    base = [answer(n, "HOLD", label) for n, label in enumerate(labels)]
    tuned = [answer(n, label if n else "", label) for n, label in enumerate(labels)]
    assert by_label(base, tuned) == [
        {"label": "APPROVE", "count": 2, "base": 0.0, "tuned": 1.0},
        {"label": "HOLD", "count": 3, "base": 1.0, "tuned": pytest.approx(2 / 3)},
    ]
    with pytest.raises(ValueError, match="shorter"):
        by_label(base, tuned[:-1])


def test_examples_show_what_was_mended_and_what_is_wrong() -> None:
    # 0-9 mended, 10-19 still wrong, 20-29 right before and after.
    base = [answer(n, "HOLD" if n >= 20 else "", text="b") for n in range(30)]
    tuned = [answer(n, "" if 10 <= n < 20 else "HOLD", text="t") for n in range(30)]
    shown = examples(base, tuned, 8)
    kinds = [(row["base_correct"], row["tuned_correct"]) for row in shown]
    assert kinds == [(False, True)] * 4 + [(False, False)] * 2 + [(True, True)] * 2
    assert shown[0] == {
        "prompt": "question 0",
        "reference": "r",
        "base": "b",
        "tuned": "t",
        "base_correct": False,
        "tuned_correct": True,
    }


def test_examples_without_labels_go_by_the_text() -> None:
    base = [answer(1, "", label="", text="wrong")]
    tuned = [answer(1, "", label="", text=" r ")]
    assert [(row["base_correct"], row["tuned_correct"]) for row in examples(base, tuned, 8)] == [(False, True)]
