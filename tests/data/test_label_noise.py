"""Label noise: conflicts by text, doubts by confident learning, and a decision that knows no order."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from tests.data.conftest import MakeRecord

from seekforge.core.config import LabelNoiseConfig
from seekforge.core.errors import DataError
from seekforge.core.records import Record
from seekforge.data.noise.confident import confident_labels
from seekforge.data.ops import build
from seekforge.data.ops.memory import apply

GOOD = ["很好", "非常满意", "干净舒服", "值得推荐", "服务热情", "下次还来", "早餐丰富", "性价比高"]
BAD = ["太差了", "非常失望", "又脏又吵", "不会再来", "态度恶劣", "隔音很糟", "东西难吃", "浪费钱"]


def reviews(record: MakeRecord, count: int = 120) -> list[Record]:
    rng = Random(3)
    made = []
    for number in range(count):
        words, label = ((GOOD, "正面"), (BAD, "负面"))[number % 2]
        text = "，".join(rng.sample(words, 3)) + f"，{rng.choice('甲乙丙丁戊己庚辛')}店{number}号"
        made.append(record(f"r{number}", text, label=label))
    return made


def test_one_text_with_two_labels(record: MakeRecord) -> None:
    records = [
        record("a", "还 行", label="正面"),
        record("b", "还行", label="正面"),
        record("c", "还行", label="负面"),
        record("d", "一般", label="正面"),
        record("e", "一般", label="负面"),
        record("f", "不错", label="正面"),
        record("g", "不错", label="正面"),
    ]
    flagged = apply(build(LabelNoiseConfig()), records)
    assert len(flagged.kept) == 7
    assert [n.before.id for n in flagged.noted] == ["a", "b", "c", "d", "e"]
    assert flagged.noted[0].note == "the same text has 2 labels: 正面 2×, 负面 1× (1 allowed)"
    majority = apply(build(LabelNoiseConfig(conflicts="majority")), records)
    assert [r.id for r in majority.kept] == ["a", "b", "f", "g"]  # a tie has no majority
    assert majority.drops[0].kept_id == "a"
    dropped = apply(build(LabelNoiseConfig(conflicts="drop")), records)
    assert [r.id for r in dropped.kept] == ["f", "g"]


def test_flipped_labels_are_found_with_a_score_and_dropped_only_if_told(record: MakeRecord) -> None:
    records = reviews(record)
    flipped = {"r10", "r11", "r50", "r77"}
    other = {"正面": "负面", "负面": "正面"}
    records = [record(r.id, r.text, label=other[str(r.label)]) if r.id in flipped else r for r in records]
    flagged = apply(build(LabelNoiseConfig()), records)
    assert len(flagged.kept) == len(records)
    found = {n.before.id for n in flagged.noted}
    assert found <= flipped
    assert len(found) >= 3
    for noted in flagged.noted:
        assert noted.evidence["score"] < 0.5 < noted.evidence["probability"]
        assert noted.evidence["likelier"] == other[noted.evidence["label"]]
    dropped = apply(build(LabelNoiseConfig(score="drop")), records)
    assert {d.record.id for d in dropped.drops} == found
    assert apply(build(LabelNoiseConfig(score="off")), records).noted == ()


def test_the_order_of_the_records_changes_nothing(record: MakeRecord) -> None:
    records = [*reviews(record), record("x", "很好，太差了", label="正面"), record("y", "很好，太差了", label="负面")]
    shuffled = Random(1).sample(records, len(records))
    one, two = (apply(build(LabelNoiseConfig()), order).noted for order in (records, shuffled))
    assert {(n.before.id, n.note) for n in one} == {(n.before.id, n.note) for n in two}
    assert {"x", "y"} <= {n.before.id for n in one}


def test_few_or_no_labels(record: MakeRecord) -> None:
    few = [record(f"n{n}", f"text {n}", label="a" if n else "b") for n in range(30)]
    assert apply(build(LabelNoiseConfig()), few).noted == ()
    assert apply(build(LabelNoiseConfig()), []).kept == ()
    with pytest.raises(DataError, match="label_noise needs labels, and no record has the field `label`"):
        apply(build(LabelNoiseConfig()), [record("a", "x")])


def test_the_confident_joint_by_hand() -> None:
    # Thresholds: class 0 (0.9 + 0.6 + 0.3) / 3 = 0.6, class 1 (0.8 + 0.2) / 2 = 0.5.
    probabilities = np.array([[0.9, 0.1], [0.6, 0.4], [0.3, 0.7], [0.2, 0.8], [0.8, 0.2]])
    given = np.array([0, 0, 0, 1, 1])
    assert confident_labels(probabilities, given).tolist() == [0, 0, 1, 1, 0]
    probabilities[2] = [0.55, 0.45]
    assert confident_labels(probabilities, given)[2] == -1  # reaches no threshold: no issue
