"""Who rates what: balanced, the same for the same seed, whatever the numbers."""

from collections import Counter
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.evaluate.human.studies import predictions

from seekforge.core.errors import DataError, InputError
from seekforge.evaluate.human.answers import Question, draw, read_questions
from seekforge.evaluate.human.plan import assign, hand_over, make_items

RATERS = ["an", "bo", "chen", "dora", "emil", "fu"]


@given(st.integers(1, 60), st.integers(1, 6), st.integers(1, 6), st.integers(0, 5))
def test_each_item_gets_its_raters_and_nobody_much_more_than_others(
    items: int, people: int, overlap: int, seed: int
) -> None:
    names, raters = [f"i{n}" for n in range(items)], RATERS[:people]
    if people < overlap:
        with pytest.raises(InputError, match="each item needs"):
            assign(names, raters, overlap, seed)
        return
    slots = assign(names, raters, overlap, seed)
    assert {(slot.item, slot.rater) for slot in slots} == {
        (s.item, s.rater) for s in assign(names, raters, overlap, seed)
    }
    by_item = Counter(slot.item for slot in slots)
    assert by_item == dict.fromkeys(names, overlap)
    assert len({(slot.item, slot.rater) for slot in slots}) == items * overlap
    load = Counter({rater: 0 for rater in raters})
    load.update(slot.rater for slot in slots)
    assert max(load.values()) - min(load.values()) <= 1
    for item in names:
        swapped = sum(slot.swapped for slot in slots if slot.item == item)
        assert abs(2 * swapped - overlap) <= 1
    for rater in raters:
        assert sorted(s.place for s in slots if s.rater == rater) == list(range(load[rater]))


def test_raters_meet_each_other_about_equally_often() -> None:
    slots = assign([f"i{n}" for n in range(60)], RATERS[:4], 2, 7)
    met = Counter(
        frozenset(pair)
        for item in {slot.item for slot in slots}
        for pair in combinations([slot.rater for slot in slots if slot.item == item], 2)
    )
    assert len(met) == 6
    assert max(met.values()) - min(met.values()) <= 2


def test_another_seed_swaps_and_orders_otherwise() -> None:
    names = [f"i{n}" for n in range(30)]
    one, other = assign(names, RATERS[:2], 2, 1), assign(names, RATERS[:2], 2, 2)
    assert one == assign(names, RATERS[:2], 2, 1)
    assert [(s.item, s.swapped) for s in one] != [(s.item, s.swapped) for s in other]
    first = [s.item for s in sorted(one, key=lambda s: s.place) if s.rater == "an"]
    second = [s.item for s in sorted(one, key=lambda s: s.place) if s.rater == "bo"]
    assert sorted(first) == sorted(second)
    assert first != second


@given(st.dictionaries(st.sampled_from(RATERS), st.sets(st.integers(0, 20), max_size=12), max_size=5))
def test_a_newcomer_gets_as_much_as_the_others_keep(open_items: dict[str, set[int]]) -> None:
    mine = {rater: sorted(f"i{n}" for n in items) for rater, items in open_items.items()}
    moved = hand_over(mine)
    items = [item for item, _ in moved]
    assert len(set(items)) == len(items), "nobody gets an item twice"
    assert all(item in mine[owner] for item, owner in moved)
    for rater, owned in mine.items():
        kept = [item for item in owned if (item, rater) not in moved]
        assert len(kept) <= len(moved) + 1 or set(kept) <= set(items), "no more can go to the newcomer"
        assert len(kept) >= min(len(owned), len(moved) - 1), "nobody is left with less than he gets"


def test_items_are_blind_and_equal_answers_are_no_pair(tmp_path: Path) -> None:
    files = predictions(tmp_path, {"base": "Perhaps", "tuned": "Hold"})
    questions = read_questions(list(map(str, files)))
    assert list(questions[0].answers.items()) == [("base", "Perhaps 0"), ("tuned", "Hold 0")]
    same = Question("q9", "Same?", "", {"base": "Yes", "tuned": "Yes"})
    pairs = make_items([*questions, same], "pair", 7)
    assert len(pairs) == 6
    assert "q9" not in {item.record for item in pairs}
    assert {item.language for item in pairs if "转账" in item.prompt} == {"zh"}
    assert {item.language for item in pairs if "transfer" in item.prompt} == {"en"}
    singles = make_items(questions, "single", 7)
    assert sorted(item.id for item in singles) == [f"item-{n:04d}" for n in range(1, 13)]
    in_order = [item.models[0] for item in sorted(singles, key=lambda item: item.id)]
    assert in_order != sorted(in_order) and in_order != ["base", "tuned"] * 6, "an id tells no model"


def test_a_draw_of_questions_is_the_seeds(tmp_path: Path) -> None:
    questions = read_questions([str(path) for path in predictions(tmp_path, {"base": "x"}, 20)])
    chosen = draw(questions, 5, 1)
    assert len(chosen) == 5
    assert chosen == draw(questions, 5, 1) != draw(questions, 5, 2)
    assert draw(questions, 99, 1) == questions


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "predictions-b.jsonl:7: not a prediction"),
        ("[1]", "predictions-b.jsonl:7: not a prediction"),
        ('{"id": "q9", "prompt": "p"}', "predictions-b.jsonl:7: not a prediction"),
        ('{"id": "q9", "prompt": "p", "text": null}', "are texts"),
        ('{"id": "q9", "prompt": "p", "text": "\\ud83d"}', "are texts of whole characters"),
        ('{"id": "q1", "prompt": "p", "text": "x"}', "the id 'q1' stands twice"),
        ('{"id": "q9", "prompt": "p", "text": "x"}', "6 questions in predictions-a.jsonl, 7 in predictions-b.jsonl"),
    ],
)
def test_prediction_files_that_do_not_fit(tmp_path: Path, line: str, words: str) -> None:
    a, b = predictions(tmp_path, {"a": "x", "b": "y"})
    b.write_text(b.read_text(encoding="utf-8") + line + "\n", encoding="utf-8")
    with pytest.raises(DataError) as caught:
        read_questions([str(a), str(b)])
    assert words in str(caught.value)


def test_names_and_files_that_are_not_there(tmp_path: Path) -> None:
    a, b = predictions(tmp_path, {"a": "x", "b": "y"})
    assert list(read_questions([f"one={a}", f"two={b}"])[0].answers) == ["one", "two"]
    for files, words in (
        ([str(a), str(a)], "two files of the model 'a'"),
        ([f"tie={a}"], "'tie' cannot name a model"),
        ([str(tmp_path / "none.jsonl")], "no such prediction file"),
    ):
        with pytest.raises(DataError, match=words):
            read_questions(files)
    b.write_text(b.read_text(encoding="utf-8").replace("transfer 0", "transfer 99"), encoding="utf-8")
    with pytest.raises(DataError, match=r"'q0' asks something else than in predictions-a.jsonl"):
        read_questions([str(a), str(b)])
    b.write_text("", encoding="utf-8")
    with pytest.raises(DataError, match="the file has no predictions"):
        read_questions([str(b)])
