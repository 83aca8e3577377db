"""Exact and near duplicates: who stays, why, and that the input's order does not matter."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seekforge.core.config import OP_NAMES, ExactConfig, MinhashConfig
from seekforge.core.errors import ConfigError
from seekforge.core.records import Message, Record
from seekforge.data import kernels
from seekforge.data.ops import OPS, OpResult, build
from seekforge.data.ops.memory import apply
from seekforge.data.order import canonical
from seekforge.data.similarity import band_keys, band_shape, jaccard, repeats, shingled_texts, shingles, signatures

MakeRecord = Callable[..., Record]
PHRASES = [
    "transfer of five hundred euros to a new payee",
    "the card was stolen in the airport",
    "请核对这笔转账的收款人和金额",
]


def exact(*records: Record) -> OpResult:
    return apply(build(ExactConfig.model_validate({})), records)


def minhash(*records: Record, **fields: object) -> OpResult:
    return apply(build(MinhashConfig.model_validate(fields)), records)


def ids(result: OpResult) -> list[str]:
    return [record.id for record in result.kept]


def variants() -> st.SearchStrategy[list[Record]]:
    """Records of few phrases with small edits, so that duplicates of every kind abound."""
    words = st.sampled_from(["", " now", " NOW", " please do", "!", "  ", "吗"])
    text = st.tuples(st.sampled_from(PHRASES), words, words).map("".join)
    row = st.tuples(
        text, st.sampled_from(["yes", "Yes ", "no"]), st.sampled_from([None, "train", "validation", "test"])
    )
    return st.lists(row, max_size=14).map(
        lambda rows: [
            Record(f"r-{n}", (Message("user", text), Message("assistant", answer)), None, split)
            for n, (text, answer, split) in enumerate(rows)
        ]
    )


@settings(max_examples=150, deadline=None)
@given(variants(), st.randoms(use_true_random=False))
def test_nothing_is_lost_and_order_does_not_matter(records: list[Record], chance: random.Random) -> None:
    shuffled = records.copy()
    chance.shuffle(shuffled)
    for run in (exact, minhash):
        result, other = run(*records), run(*shuffled)
        assert set(ids(result)) == set(ids(other))
        assert {(d.record.id, d.reason) for d in result.drops} == {(d.record.id, d.reason) for d in other.drops}
        assert sorted([*ids(result), *(d.record.id for d in result.drops)]) == sorted(r.id for r in records)
        assert ids(result) == [r.id for r in records if r.id in ids(result)]  # the order given stays
        assert set(ids(run(*result.kept))) == set(ids(result))  # a second pass finds nothing more


@settings(max_examples=100, deadline=None)
@given(variants())
def test_minhash_drops_what_is_near_a_kept_one_and_only_that(records: list[Record]) -> None:
    result = minhash(*records)
    for one, other in combinations(result.kept, 2):
        assert jaccard(shingles(one.text, 5), shingles(other.text, 5)) < 0.7
    for drop in result.drops:
        kept = next(record for record in result.kept if record.id == drop.kept_id)
        assert drop.similarity == jaccard(shingles(drop.record.text, 5), shingles(kept.text, 5))
        assert drop.similarity >= 0.7
        assert canonical(kept) < canonical(drop.record)


def test_exact_ignores_case_and_white_space_but_not_the_answer(record: MakeRecord) -> None:
    result = exact(record("a", "Hold it", "Yes"), record("b", "hold  IT\n", "y es"), record("c", "Hold it", "No"))
    assert ids(result) == ["a", "c"]
    assert (result.drops[0].reason, result.drops[0].similarity) == ("the same question and answer as a", 1.0)


@pytest.mark.parametrize("run", [exact, minhash])
def test_the_earlier_line_stays_unless_the_later_is_test(run: Callable[..., OpResult], record: MakeRecord) -> None:
    text = PHRASES[0]
    assert ids(run(record("x-10", text), record("x-9", text))) == ["x-9"]
    splits = [record("a", text, split="train"), record("b", text, split="validation"), record("c", text, split="test")]
    assert ids(run(*splits)) == ["c"]


def test_minhash_keeps_the_ends_of_a_chain(record: MakeRecord) -> None:
    """B is like A and like C, but A and C differ: merging chains would lose C."""
    words = [f"word{n:02}" for n in range(30)]
    a, b, c = (" ".join(words[start : start + 22]) for start in (0, 3, 6))
    assert ids(minhash(record("1", a), record("2", b), record("3", c), threshold=0.7)) == ["1", "3"]


def test_minhash_says_how_similar_and_that_labels_differ(record: MakeRecord) -> None:
    result = minhash(record("1", PHRASES[0], label="HOLD"), record("2", PHRASES[0] + "!", label="APPROVE"))
    assert result.drops[0].reason == "0.98 similar to 1 (threshold 0.7); labelled APPROVE, the kept one HOLD"


def test_minhash_threshold_and_shingle_are_obeyed(record: MakeRecord) -> None:
    pair = record("1", "请核对这笔转账的收款人"), record("2", "请核对那笔转账的收款人")
    assert ids(minhash(*pair, shingle=5)) == ["1", "2"]
    assert ids(minhash(*pair, shingle=1)) == ["1"]
    assert ids(minhash(*pair, shingle=1, threshold=0.95)) == ["1", "2"]


def test_minhash_ignores_case_and_white_space(record: MakeRecord) -> None:
    assert ids(minhash(record("1", PHRASES[0]), record("2", PHRASES[0].upper().replace(" ", " \n ")))) == ["1"]


def test_minhash_names_the_most_similar_kept_one(record: MakeRecord) -> None:
    words = [f"{(n + 11) ** 9:x}" for n in range(40)]
    far, near, copy = (" ".join(words[start : start + 22]) for start in (0, 6, 4))
    result = minhash(record("1", far), record("2", near), record("3", copy), threshold=0.6)
    assert [(drop.record.id, drop.kept_id) for drop in result.drops] == [("3", "2")]


def test_short_texts_are_compared_whole(record: MakeRecord) -> None:
    assert ids(minhash(record("1", "好"), record("2", "好"), record("3", "不"), record("4", "好的"))) == ["1", "3", "4"]


def test_minhash_finds_planted_pairs_in_a_crowd() -> None:
    """Recall over random texts: exactly the pairs that brute force finds."""
    chance = random.Random(3)
    words = ["".join(chance.choice("abcdefgh") for _ in range(6)) for _ in range(400)]
    texts = [" ".join(chance.choices(words, k=14)) for _ in range(250)]
    texts += [text.replace(text.split()[chance.randrange(14)], "edited") for text in texts[:150]]
    sets = [shingles(text, 5) for text in texts]
    truth = {(i, j) for i, j in combinations(range(len(texts)), 2) if jaccard(sets[i], sets[j]) >= 0.7}
    assert len(truth) > 100
    hashes = shingled_texts(texts, 5)
    rank = np.arange(len(texts))
    kept, similarity = repeats(band_keys(hashes, 0.7), hashes, rank, 0.7)
    stay, best = list[int](), dict[int, tuple[float, int]]()
    for row in range(len(texts)):
        alike = [(-jaccard(sets[row], sets[other]), other) for other in stay if (other, row) in truth]
        if alike:
            best[row] = min(alike)
        else:
            stay.append(row)
    found = {row: (-similarity[row], kept[row]) for row in range(len(texts)) if kept[row] >= 0}
    assert len(best) > 100
    assert len(found.items() & best.items()) >= 0.99 * len(best)
    assert len(found.keys() - best.keys()) <= 0.01 * len(best)


def test_signatures_estimate_the_similarity() -> None:
    one, other = "the quick brown fox jumps over the lazy dog " * 2, "the quick brown cat jumps over the lazy dog " * 2
    rows = signatures(shingled_texts([one, other], 5), 1024, seed=1)
    assert rows.shape == (2, 1024)
    assert (rows[0] == rows[1]).mean() == pytest.approx(jaccard(shingles(one, 5), shingles(other, 5)), abs=0.05)


@given(st.floats(0.05, 1), st.integers(16, 1024))
def test_bands_fit_the_permutations(threshold: float, permutations: int) -> None:
    bands, rows = band_shape(threshold, permutations)
    assert 1 <= bands * rows <= permutations


def test_registry_knows_its_ops_and_the_nearest_name() -> None:
    assert {name: OPS.load(name).name for name in OPS} == {name: name for name in OP_NAMES}
    with pytest.raises(ConfigError, match="did you mean 'exact'"):
        OPS.load("exakt")


@given(rows=st.lists(st.lists(st.integers(0, 2**64 - 1) | st.integers(0, 9), min_size=1, max_size=40), max_size=6))
def test_sets_are_ascending_and_without_repeats(rows: list[list[int]]) -> None:
    values = np.array([value for row in rows for value in row], np.uint64)
    bounds = np.cumsum([0, *map(len, rows)])
    wanted = np.array([number % 3 != 2 for number in range(len(rows))], bool)
    found, ends = kernels.sorted_sets(values, bounds, wanted)
    parts = [found[start:end].tolist() for start, end in pairwise(ends)]
    assert parts == [sorted(set(row)) if number % 3 != 2 else [] for number, row in enumerate(rows)]
