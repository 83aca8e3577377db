from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seekforge.core.config import SplitConfig
from seekforge.core.errors import DataError
from seekforge.core.records import Message, Record
from seekforge.data.split import Splits, divide

MakeRecord = Callable[..., Record]


def some(count: int, templates: int = 0) -> list[Record]:
    """Records with labels in the shares 5 : 3 : 2."""
    return [
        Record(
            f"r-{n}",
            (Message("user", f"question {n}"), Message("assistant", "a")),
            "AAAAABBBCC"[n % 10],
            None,
            {"template": f"t{n % templates}"} if templates else {},
        )
        for n in range(count)
    ]


def divided(records: list[Record], seed: int = 7, **fields: object) -> Splits:
    return divide(records, SplitConfig.model_validate(fields), seed)


def where(splits: Splits) -> dict[str, str]:
    return {record.id: name for name, records in splits for record in records}


@settings(max_examples=60, deadline=None)
@given(st.integers(20, 200), st.integers(0, 5), st.randoms(use_true_random=False), st.sampled_from([None, "template"]))
def test_deterministic_complete_and_disjoint(count: int, seed: int, chance: random.Random, by: str | None) -> None:
    records = some(count, templates=20)
    shuffled = records.copy()
    chance.shuffle(shuffled)
    splits = divided(records, seed, by=by, validation=0.2, test=0.2)
    assert where(splits) == where(divided(shuffled, seed, by=by, validation=0.2, test=0.2))
    assert sorted(where(splits)) == sorted(record.id for record in records)
    assert len(splits) == count
    assert all(record.split == name for name, part in splits for record in part)
    if by:
        places = {(record.meta["template"], name) for name, part in splits for record in part}
        assert len(places) == len({record.meta["template"] for record in records})


def test_shares_and_labels_are_kept() -> None:
    splits = divided(some(1000), validation=0.1, test=0.2)
    assert [len(part) for _, part in splits] == [700, 100, 200]
    labels = Counter(record.label for record in splits.test)
    assert all(abs(labels[label] - 200 * share) <= 1 for label, share in (("A", 0.5), ("B", 0.3), ("C", 0.2)))


def test_the_seed_matters() -> None:
    assert where(divided(some(100), 1)) != where(divided(some(100), 2))


def test_the_same_question_stays_together(record: MakeRecord) -> None:
    records = some(50) + [record(f"again-{n}", "question 3", f"answer {n}", label="C") for n in range(5)]
    places = where(divided(records))
    assert len({places[f"again-{n}"] for n in range(5)} | {places["r-3"]}) == 1


def test_column_is_obeyed(record: MakeRecord) -> None:
    records = [record(name, name, split=name) for name in ("test", "train", "validation")]
    splits = divided(records, column="split")
    assert where(splits) == {name: name for name in ("test", "train", "validation")}


def test_no_test_split_is_made_where_none_is_wanted() -> None:
    splits = divided(some(50, templates=10), test=0)
    assert (len(splits.test), len(splits.train) + len(splits.validation)) == (0, 50)
    assert splits.validation


@pytest.mark.parametrize("unwanted", ["validation", "test"])
def test_a_column_need_not_mark_what_nobody_wants(record: MakeRecord, unwanted: str) -> None:
    marked = {"train", "validation", "test"} - {unwanted}
    splits = divided([record(name, name, split=name) for name in sorted(marked)], column="split", **{unwanted: 0})
    assert where(splits) == {name: name for name in marked}


@pytest.mark.parametrize(
    ("fields", "records", "words"),
    [
        (
            {"test": 0.001},
            50,
            "data.split: the test split is empty: 50 records in all. Raise data.split.test (now 0.001",
        ),
        ({"validation": 0.01}, 20, "the validation split is empty: 20 records in all. Raise data.split.validation"),
        ({"validation": 0.5, "test": 0.5}, 50, "the train split is empty: 50 records in all. Lower data.split"),
        ({"by": "template"}, 50, "more values of `template`"),
        ({"by": "user"}, 50, "record r-0: no field `user`. Known: template"),
    ],
)
def test_errors_say_what_to_change(fields: dict[str, Any], records: int, words: str) -> None:
    with pytest.raises(DataError) as caught:
        divided(some(records, templates=2), **fields)
    assert words in str(caught.value)


def test_wrong_or_missing_preassignment(record: MakeRecord) -> None:
    with pytest.raises(DataError, match=r"record b: `part` is 'dev', not train, validation or test"):
        divided([record("a", "q", split="train"), record("b", "q", split="dev")], column="part")
    with pytest.raises(
        DataError, match=r"the test split is empty: 2 records in all. Mark some records `part: test`, or"
    ):
        divided([record("a", "q", split="train"), record("b", "q", split="validation")], column="part")
