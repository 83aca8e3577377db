"""What the figures, differences, duels and fronts say, on answers whose outcome is known."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.evaluate.side_by_side.conftest import Saved

from seekforge.core.config import PriceConfig
from seekforge.core.errors import ConfigError, DataError
from seekforge.evaluate.compare import score
from seekforge.evaluate.paired import holm
from seekforge.evaluate.predict import Prediction
from seekforge.evaluate.side_by_side.items import check_references, duel, metric_rows, same_items
from seekforge.evaluate.side_by_side.marks import differences
from seekforge.evaluate.side_by_side.pareto import front
from seekforge.evaluate.side_by_side.result import Judging, side_by_side

JUDGING = Judging(("accuracy", "f1"), resamples=300)
POINTS = st.lists(st.tuples(st.floats(0, 9), st.floats(0, 1)), max_size=8)


def test_figures_differences_wins_and_labels(saved: Saved) -> None:
    found = side_by_side([saved("a", "hhaa--aaaa" * 6), saved("b", "hahhhh--hh" * 6)], JUDGING)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    accuracy = [model["scores"]["accuracy"]["value"] for model in found["models"]]
    assert accuracy == pytest.approx([0.2, 0.7])
    (pair,) = found["pairs"]
    row = pair["metrics"][0]
    assert row["difference"] == pytest.approx(0.5)
    assert 0.2 < row["interval"][0] < 0.5 < row["interval"][1] < 0.8
    assert row["p"] < 0.01
    assert (pair["wins"], pair["losses"], pair["ties"]) == (36, 6, 18)
    assert [e["outcome"] for e in pair["examples"]] == ["loss"] * 3 + ["win"] * 3 + ["tie"] * 3
    assert pair["examples"][0]["answers"][0]["text"] == "HOLD"
    (row,) = found["by_label"]
    assert (row["label"], row["count"]) == ("HOLD", 60)
    assert row["accuracy"] == pytest.approx({"a": 0.2, "b": 0.7})
    assert found["models"][0]["scores"]["f1"]["interval"] == list(
        score("f1", saved("a", "hhaa--aaaa" * 6).predictions, 300, 7)[1]
    )


def test_equal_models_do_not_differ(saved: Saved) -> None:
    found = side_by_side([saved("a", "hhaa"), saved("b", "hhaa"), saved("c", "hhaa")], JUDGING)
    for pair in found["pairs"]:
        assert (pair["wins"], pair["losses"], pair["ties"]) == (0, 0, 4)
        assert pair["metrics"][0] | {"p": 1.0, "difference": 0.0} == pair["metrics"][0]
        assert pair["holm"] == 1.0


def test_several_comparisons_are_corrected_for_their_number() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([]) == []
    assert holm([0.9, 0.8]) == [1.0, 1.0]


def test_an_item_of_bleu_is_won_by_its_own_score(saved: Saved) -> None:
    def texts(name: str, *said: str) -> tuple[Prediction, ...]:
        one = saved(name, "h" * len(said))
        reference = "the card is held today by the desk"
        return tuple(replace(p, text=t, reference=reference) for p, t in zip(one.predictions, said, strict=True))

    first = texts("a", "the card is held today by the desk", "no", "nothing at all here now")
    second = texts("b", "the card is gone", "the card is held today by the desk", "nothing at all here now")
    measured, one = metric_rows("bleu", first)
    _, two = metric_rows("bleu", second)
    found = duel(measured, one, two)
    assert (found.wins, found.losses, found.ties) == ((1,), (0,), (2,))


def test_cost_time_and_the_front(saved: Saved) -> None:
    models = [
        saved("slow", "hhhhhhhhha", seconds=20.0),
        saved("fast", "hhhhhhaaaa", seconds=2.0),
        saved("worse", "hhhhhaaaaa", seconds=4.0),
        saved("untimed", "hhhhhhhhhh"),
    ]
    found = side_by_side(models, JUDGING)
    assert found["pareto"] == {"cost": ["slow", "fast"], "p95": ["slow", "fast"]}
    speed = found["models"][0]["speed"]
    assert (speed["device_seconds_per_1000"], speed["cost_per_1000"]) == (2000.0, None)
    price = PriceConfig(per_device_hour=1.8, currency="CNY")
    priced = [replace(one, candidate=replace(one.candidate, price=price)) for one in models[:3]]
    assert side_by_side(priced, JUDGING)["models"][0]["speed"]["cost_per_1000"] == pytest.approx(1.0)


@settings(max_examples=40)
@given(POINTS)
def test_the_front_holds_what_nothing_beats(points: list[tuple[float, float]]) -> None:
    on = front(points)
    assert any(on) == bool(points)
    for (cost, worth), there in zip(points, on, strict=True):
        beaten = any((c, w) != (cost, worth) and c <= cost and w >= worth for c, w in points)
        assert there is not beaten


def test_failed_models_stay_on_the_list_and_out_of_the_comparison(saved: Saved) -> None:
    failed = replace(saved("x", "h"), failure="the device is gone", predictions=())
    found = side_by_side([failed, saved("a", "hhaa"), saved("b", "hhha")], JUDGING)
    assert [(m["name"], m["failure"], bool(m["scores"])) for m in found["models"]] == [
        ("x", "the device is gone", False),
        ("a", "", True),
        ("b", "", True),
    ]
    assert (found["first"], [pair["model"] for pair in found["pairs"]]) == ("a", ["b"])


def test_a_question_without_an_answer_is_left_out_for_all(saved: Saved) -> None:
    short = saved("b", "hhha")
    short = replace(short, predictions=short.predictions[:3], unanswered={"r3": "too long"})
    found = side_by_side([saved("a", "haah"), short], JUDGING)
    assert found["items"] == 3
    assert found["models"][0]["scores"]["accuracy"]["value"] == pytest.approx(1 / 3)
    assert found["models"][1]["unanswered"] == [{"id": "r3", "why": "too long"}]


def test_other_items_questions_or_references_are_one_line(saved: Saved) -> None:
    one, two = saved("a", "hhhh"), saved("b", "hhh")
    with pytest.raises(DataError, match=r"b\.jsonl: 3 answers, and a has 4, .*: 1 only a has, such as 'r3'\."):
        same_items([one, two])
    moved = replace(two, predictions=(*two.predictions, replace(two.predictions[0], id="x")))
    with pytest.raises(DataError, match=r"1 only a has, such as 'r3'; 1 only b has, such as 'x'"):
        same_items([one, moved])
    other = replace(two, predictions=tuple(replace(p, reference="?") for p in two.predictions))
    with pytest.raises(DataError, match=r"item 'r\d' has another question or reference than a has"):
        same_items([replace(one, predictions=one.predictions[:3]), other])
    bare = replace(one, predictions=tuple(replace(p, reference=" ") for p in one.predictions))
    with pytest.raises(DataError, match=r"4 of 4 items have no reference answer, 'r0' first"):
        check_references([bare], ["accuracy", "f1"])
    check_references([bare], ["accuracy"])
    plain = replace(one, predictions=tuple(replace(p, label="") for p in one.predictions))
    with pytest.raises(ConfigError, match=r"--metric accuracy: the records have no labels"):
        side_by_side([plain, plain], JUDGING)


TEXT = st.text(st.sampled_from("ab 好的，。\n\u0301\u200d👍👨"), max_size=30)


@settings(max_examples=40)
@given(TEXT, TEXT)
def test_marked_pieces_are_the_text_and_equal_texts_have_no_mark(one: str, other: str) -> None:
    first, second = differences(one, other)
    assert ("".join(p for p, _ in first), "".join(p for p, _ in second)) == (one, other)
    common = ["".join("".join(p.split()) for p, only in side if not only) for side in (first, second)]
    assert common[0] == common[1]
    assert all(p == p.rstrip() for p, only in (*first, *second) if only)
    is_marked = any(only for _, only in (*first, *second))
    if one == other:
        assert not is_marked
    assert is_marked or "".join(one.split()) == "".join(other.split())


def test_chinese_is_marked_by_characters_and_emoji_stay_whole() -> None:
    first, second = differences("按规则十二应当冻结", "按规则三应当放行")
    assert [p for p, only in first if only] == ["十二", "冻结"]
    assert [p for p, only in second if only] == ["三", "放行"]
    family = "👨\u200d👩\u200d👧"
    assert (family, True) in differences(f"ok {family}", "ok 👨")[0]
    assert differences("x " * 2000, "y")[1] == [("y", True)]
    assert differences("The card is held", "A loan was paid")[0] == [("The card is held", True)]
    assert differences("a  b\n", "a b")[0] == [("a  b\n", False)]
