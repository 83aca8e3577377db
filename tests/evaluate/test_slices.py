"""Parts of a test set: every record in one of them, each scored as if it were all there is."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seekforge.evaluate.compare import score
from seekforge.evaluate.predict import Prediction
from seekforge.evaluate.slices import compare_slices, score_slices, slices

TEXTS = st.lists(st.text(max_size=30), min_size=1, max_size=25)


def answer(number: int, prompt: str, label: str = "", text: str = "yes", reference: str = "yes") -> Prediction:
    return Prediction(f"r{number}", prompt, reference, label, text, text, "stop")


def asked(prompts: Sequence[str]) -> list[Prediction]:
    return [answer(number, prompt) for number, prompt in enumerate(prompts)]


@given(TEXTS, st.lists(st.integers(1, 20), max_size=3))
def test_every_record_is_in_one_slice(prompts: list[str], edges: list[int]) -> None:
    for parts in (slices("length", asked(prompts), edges), slices("language", asked(prompts))):
        members = [index for part in parts for index in part.members]
        assert sorted(members) == list(range(len(prompts)))
        assert all(part.members and list(part.members) == sorted(part.members) for part in parts)
        assert len({part.name for part in parts}) == len(parts)


@given(TEXTS)
def test_slices_by_length_do_not_overlap_and_ties_stay_together(prompts: list[str]) -> None:
    parts = slices("length", asked(prompts))
    spans = [{len(prompts[index]) for index in part.members} for part in parts]
    assert 1 <= len(parts) <= 3
    assert all(max(one) < min(other) for one, other in itertools.pairwise(spans))


def test_thirds_are_thirds() -> None:
    parts = slices("length", asked(["x" * size for size in range(30, 0, -1)]))
    assert [(part.name, len(part.members)) for part in parts] == [
        ("up to 10", 10),
        ("11 to 20", 10),
        ("21 and more", 10),
    ]
    assert [len(part.members) for part in slices("length", asked(["same"] * 9))] == [9]


def test_edges_are_kept_and_empty_slices_left_out() -> None:
    parts = slices("length", asked(["x" * 5, "x" * 6, "x" * 90]), (5, 20, 50))
    assert [(part.name, part.members) for part in parts] == [
        ("up to 5", (0,)),
        ("6 to 20", (1,)),
        ("51 and more", (2,)),
    ]


def test_languages_are_told_by_the_question() -> None:
    prompts = ["这家酒店的服务怎么样？", "Is the room clean and quiet?", "房间很小，但是很干净。", "12345"]
    assert [(p.name, p.members) for p in slices("language", asked(prompts))] == [
        ("zh", (0, 2)),
        ("en", (1,)),
        ("unknown", (3,)),
    ]


def test_labels_are_slices_and_records_without_one_in_none() -> None:
    answers = [answer(n, "q", label) for n, label in enumerate(["负面", "正面", "", "负面"])]
    assert [(p.name, p.members) for p in slices("label", answers)] == [("正面", (1,)), ("负面", (0, 3))]
    assert slices("label", asked(["q"])) == []


def test_each_slice_is_scored_as_if_it_were_all() -> None:
    chinese = [answer(n, "这是什么？", text="服务很好，房间干净", reference="服务很好，房间很干净") for n in range(3)]
    english = [answer(n + 3, "What is this?", text="no idea", reference="it is a card") for n in range(9)]
    answers = [*chinese, *english]
    parts = slices("language", answers)
    found = score_slices("bleu", answers, parts, 100, 1)
    assert [(row.by, row.name, row.count) for row in found] == [("language", "en", 9), ("language", "zh", 3)]
    # Chinese is cut as Chinese though most of the set is English.
    assert (found[1].value, found[1].interval) == score("bleu", chinese, 100, 1)
    assert found[1].value > 40


def test_two_models_are_compared_slice_by_slice() -> None:
    base, tuned = ([answer(n, "q" * (n + 1), text=text) for n in range(6)] for text in ("no", "yes"))
    rows = compare_slices("exact_match", base, tuned, slices("length", base), 100, 1)
    assert [(row["count"], row["base"], row["tuned"], row["tuned_interval"]) for row in rows] == [
        (2, 0.0, 1.0, (1.0, 1.0))
    ] * 3


def test_a_slice_of_one_record_has_an_interval() -> None:
    row = score_slices("distinct1", asked(["q"]), slices("length", asked(["q"])), 100, 1)[0]
    assert (row.count, row.value, row.interval) == (1, 1.0, (0.0, 1.0)), "one answer says nothing of another one"


@pytest.mark.parametrize("by", ["label", "length", "language"])
def test_nothing_is_cut_into_nothing(by: str) -> None:
    assert slices(by, []) == []  # type: ignore[arg-type]
