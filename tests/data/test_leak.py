from __future__ import annotations

from collections.abc import Callable

import pytest

from seekforge.core.config import LeakConfig
from seekforge.core.errors import DataError
from seekforge.core.records import Record
from seekforge.data.leak import check, settle
from seekforge.data.split import Splits

MakeRecord = Callable[..., Record]
Q = "please check the transfer of five hundred euros to the new payee in Dornwick"


def config(**fields: object) -> LeakConfig:
    return LeakConfig.model_validate(fields)


@pytest.fixture
def splits(record: MakeRecord) -> Splits:
    return Splits(
        train=(
            record("near", Q + " now", split="train", template="t1"),
            record("spaced", "客户 的手机 号换过", split="train", template="t2"),
            record(
                "shares", "an unrelated question about cards", split="train", template="t9", entities=["Ann", "Bob"]
            ),
            record("clean", "where is my cheque book", split="train", template="t3", entities=["Cy"]),
        ),
        validation=(record("v", "客户的手机号换过", split="validation", template="t4", entities=["Cy"]),),
        test=(
            record("t", Q, split="test", template="t5", entities=["Bob"]),
            record("u", "a wholly different matter", split="test", template="t6"),
        ),
    )


def test_near_and_exact_questions_of_test_and_validation(splits: Splits) -> None:
    report = check(splits, config())
    assert [(leak.train, leak.held_out) for leak in report.leaks] == [("near", "t"), ("spaced", "v")]
    assert report.leaks[0].similarity == pytest.approx(71 / 75)
    assert report.leaks[1].similarity == 1.0
    assert report.held_out == {"t", "v"}
    assert report.count == 2


def test_disjoint_fields_compare_list_items_with_the_test_only(splits: Splits) -> None:
    report = check(splits, config(disjoint=["template", "entities"], threshold=1))
    assert report.shared == {"template": (), "entities": ("Bob",)}
    assert report.sharing == {"shares": ("entities", "Bob")}
    assert "t" in report.held_out


def test_drop_takes_training_records_and_checks_again(splits: Splits) -> None:
    result = settle(splits, config(disjoint=["entities"]))
    assert [record.id for record in result.splits.train] == ["clean"]
    assert (result.splits.test, result.splits.validation) == (splits.test, splits.validation)
    assert (result.found.count, result.final.count) == (2, 0)
    reasons = {drop.record.id: drop.reason for drop in result.drops}
    assert reasons == {
        "near": "0.95 similar to the test record t (threshold 0.7)",
        "spaced": "1.00 similar to the validation record v (threshold 0.7)",
        "shares": "shares entities 'Bob' with the test",
    }


def test_without_drop_the_leak_is_left_for_the_gate(splits: Splits) -> None:
    result = settle(splits, config(drop=False, disjoint=["entities"]))
    assert result.splits == splits
    assert not result.drops
    assert result.final.count == 2
    assert result.final.to_dict()["shared"] == {"entities": {"count": 1, "values": ["Bob"]}}


def test_one_training_record_may_leak_several_held_out_ones(record: MakeRecord) -> None:
    test = tuple(record(f"t{n}", Q + "!" * n, split="test") for n in range(3))
    report = check(Splits((record("a", Q),), (record("v", "other"),), test), config())
    assert report.held_out == {"t0", "t1", "t2"}
    assert report.leaks[0].held_out == "t0"


def test_threshold_is_obeyed(splits: Splits) -> None:
    assert {leak.train for leak in check(splits, config(threshold=0.97)).leaks} == {"spaced"}


def test_an_unknown_field_is_an_error(splits: Splits) -> None:
    with pytest.raises(
        DataError, match=r"data.leak.disjoint: no record has the field `templte`. Known: template, entities"
    ):
        check(splits, config(disjoint=["templte"]))
    with pytest.raises(DataError, match=r"no record has the field `templte`. Known: none"):
        check(Splits(splits.train, splits.validation, ()), config(disjoint=["templte"]))
