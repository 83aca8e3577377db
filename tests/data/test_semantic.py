"""Semantic duplicates: who stays, why, what the guard keeps, and that neither order nor batch matters."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seekforge.core.config import SemanticConfig
from seekforge.core.errors import ModelError, ResourceError
from seekforge.core.records import Message, Record
from seekforge.data.ops import OpResult, build
from seekforge.data.ops.memory import apply
from seekforge.data.order import canonical
from seekforge.data.semantic.guard import Objection, objection, signature
from seekforge.data.semantic.search import matches
from seekforge.data.semantic.vectors import embed_whole
from seekforge.engines.embed.fake import FakeEmbedder

MakeRecord = Callable[..., Record]


def semantic(*records: Record, **fields: object) -> OpResult:
    return apply(build(SemanticConfig.model_validate({"embedder": "fake", **fields})), records)


def ids(result: OpResult) -> list[str]:
    return [record.id for record in result.kept]


def variants() -> st.SearchStrategy[list[Record]]:
    """Few sentences with their words in any order, with numbers and negations thrown in."""
    words = st.permutations(["the", "transfer", "to", "a", "new", "payee", "was", "held", "by", "our", "bank"])
    extra = st.lists(st.sampled_from(["not", "2", "3", "today", "again"]), max_size=3)
    text = st.tuples(words, extra).map(lambda parts: " ".join([*parts[0][: 10 - len(parts[1])], *parts[1]]))
    row = st.tuples(text, st.sampled_from([None, "train", "test"]), st.sampled_from(["HOLD", "APPROVE"]))
    return st.lists(row, max_size=14).map(
        lambda rows: [
            Record(f"r-{n}", (Message("user", text), Message("assistant", "ok")), label, split)
            for n, (text, split, label) in enumerate(rows)
        ]
    )


@settings(max_examples=25)
@given(variants(), st.randoms(use_true_random=False))
def test_nothing_is_lost_and_order_does_not_matter(records: list[Record], chance: random.Random) -> None:
    shuffled = records.copy()
    chance.shuffle(shuffled)
    result, other = semantic(*records), semantic(*shuffled)
    assert set(ids(result)) == set(ids(other))
    assert {(d.record.id, d.reason) for d in result.drops} == {(d.record.id, d.reason) for d in other.drops}
    assert {(n.after.id, n.note) for n in result.noted} == {(n.after.id, n.note) for n in other.noted}
    assert sorted([*ids(result), *(d.record.id for d in result.drops)]) == sorted(r.id for r in records)
    assert set(ids(semantic(*result.kept))) == set(ids(result))  # a second pass finds nothing more


@settings(max_examples=25)
@given(variants())
def test_what_goes_is_like_a_kept_one_and_the_guard_agrees(records: list[Record]) -> None:
    result = semantic(*records)
    embedder = FakeEmbedder()

    def alike(one: Record, other: Record) -> bool:
        a, b = embed_whole(embedder, [one.text, other.text]).astype(np.float32)
        return float(a @ b) >= 0.9 and objection(signature(one.text), signature(other.text)) is None

    assert not any(alike(one, other) for one, other in combinations(result.kept, 2))
    for drop in result.drops:
        kept = next(record for record in result.kept if record.id == drop.kept_id)
        assert alike(drop.record, kept)
        assert canonical(kept) < canonical(drop.record)


def test_reasons_have_the_figures(record: MakeRecord) -> None:
    result = semantic(
        record("1", "please hold the transfer of 200 euros", label="HOLD"),
        record("2", "hold the transfer of 200 euros please", label="APPROVE"),
        record("3", "please hold the transfer of 900 euros", label="HOLD"),
        record("4", "please hold the transfer of 200 euros, please", label="HOLD"),
        threshold=0.85,
    )
    assert ids(result) == ["1", "3"]
    assert [(drop.reason, drop.kind) for drop in result.drops] == [
        ("1.000 like 1 (threshold 0.85); labelled APPROVE, the kept one HOLD", "semantic duplicate of another label"),
        ("0.915 like 1 (threshold 0.85)", "semantic duplicate"),
    ]
    (noted,) = result.noted
    assert (noted.after.id, noted.kind) == ("3", "kept: numbers differ")
    assert noted.note == "0.866 like 1 and kept: numbers differ: 900€ against 200€"
    assert noted.evidence == {"other": "1", "cosine": 0.8659}


def test_without_the_guard_likeness_decides(record: MakeRecord) -> None:
    pair = record("1", "please hold the transfer of 200 euros"), record("2", "please hold the transfer of 900 euros")
    assert ids(semantic(*pair, threshold=0.85)) == ["1", "2"]
    assert ids(semantic(*pair, threshold=0.85, guard=False)) == ["1"]


def test_what_the_embedder_cannot_read_stays_and_is_named(record: MakeRecord) -> None:
    long = "word " * 600
    result = semantic(record("1", long), record("2", long), record("3", " "), record("4", "word"))
    assert ids(result) == ["1", "2", "3", "4"]
    assert [noted.after.id for noted in result.noted] == ["1", "2", "3"]
    assert {noted.kind for noted in result.noted} == {"not compared"}


def test_no_records_are_no_error() -> None:
    assert ids(semantic()) == []


def test_a_duplicate_is_found_behind_many_that_the_guard_keeps() -> None:
    """A hundred rows nearer than the true duplicate, all objected to."""
    rng = np.random.default_rng(0)
    base = rng.standard_normal(64)
    rows = [base + 0.02 * rng.standard_normal(64) for _ in range(100)] + [base + 0.3 * rng.standard_normal(64), base]
    vectors = np.array([row / np.linalg.norm(row) for row in rows], np.float16)
    no = Objection("numbers differ", "as the test wants")
    found = matches(vectors, np.arange(102), 0.5, lambda row, other: None if {row, other} == {100, 101} else no)
    assert (found[101].index, found[101].objection) == (100, None)
    assert found[100].objection is no


def test_the_search_finds_what_brute_force_finds() -> None:
    rng = np.random.default_rng(3)
    centres = rng.standard_normal((300, 64))
    rows = np.concatenate([centres, centres + 0.25 * rng.standard_normal((300, 64))])
    vectors = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float16)
    rank = rng.permutation(600)
    exact, kept = set[int](), list[int]()
    cosines = vectors.astype(np.float32) @ vectors.astype(np.float32).T
    for row in map(int, np.argsort(rank)):
        if any(cosines[row, other] >= 0.9 for other in kept):
            exact.add(row)
        else:
            kept.append(row)
    found = matches(vectors, rank, 0.9, lambda row, other: None)
    assert len(exact) > 250
    assert len(exact ^ set(found)) <= 2
    assert found == matches(vectors, rank, 0.9, lambda row, other: None)


def test_missing_parts_are_named(monkeypatch: pytest.MonkeyPatch, record: MakeRecord) -> None:
    with pytest.raises(ModelError, match="no such model"):
        semantic(record("1", "a"), embedder="nothing")
    monkeypatch.setitem(sys.modules, "usearch.index", None)
    with pytest.raises(ResourceError, match=r"op semantic: .*usearch.* Run `pip install 'seekforge\[data\]'`"):
        build(SemanticConfig()).check()


def test_real_embeddings_of_chinese_and_english(record: MakeRecord) -> None:
    result = semantic(
        record("1", "酒店的房间很干净，服务员也很热情，早餐一般。"),
        record("2", "服务员也很热情，酒店的房间很整洁，早餐一般。"),
        record("3", "酒店的房间不干净，服务员也很热情，早餐一般。"),
        record("4", "键盘手感很差，屏幕倒是不错。"),
        record("5", "My card was stolen at the airport yesterday, please block it."),
        record("6", "Please block my card, it was stolen at the airport yesterday."),
        record("7", "My card was stolen at the airport 3 days ago, please block it."),
        embedder="e5",
        threshold=0.95,
    )
    assert ids(result) == ["1", "3", "4", "5", "7"]
    assert {noted.after.id: noted.kind for noted in result.noted} == {
        "3": "kept: negation differs",
        "7": "kept: numbers differ",
    }
