"""Pairs for the calibration: given ones with their errors, made ones that are what they say, the threshold chosen."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seekforge.core.errors import DataError
from seekforge.core.progress import Silent
from seekforge.data.semantic import calibrate
from seekforge.data.semantic.calibrate import Row, Scored, choose, rows
from seekforge.data.semantic.guard import objection, signature
from seekforge.data.semantic.pairs import Pair, make_pairs, other_number, other_polarity, read_pairs, read_synonyms
from seekforge.engines.embed.fake import FakeEmbedder

SYNONYMS = {"整洁": ["清洁"], "早餐": ["早饭"], "transfer": ["payment"]}
TEXTS = [
    "房间很干净整洁，早餐每人38元，服务员是新来的。",
    "住了两晚，没有早餐，位置很方便。",
    "Please hold the transfer, it was not mine, I paid 200 euros.",
    "We liked the pool. The staff was friendly, but breakfast cost extra.",
]


def test_made_pairs_are_what_they_say() -> None:
    pairs = make_pairs(TEXTS, SYNONYMS)
    assert pairs == make_pairs(TEXTS, SYNONYMS)
    assert Counter(pair.same for pair in pairs) == {True: 4, False: 4}
    assert {pair.one for pair in pairs} == set(TEXTS)
    for pair in pairs:
        assert pair.other != pair.one
        assert (objection(signature(pair.one), signature(pair.other)) is None) == pair.same, pair
    assert {pair.kind for pair in pairs} >= {"order", "negation"}


@given(st.integers(0, 10**9), st.sampled_from(TEXTS))
def test_every_hard_negative_is_one_to_the_guard(seed: int, text: str) -> None:
    for change in (other_number, other_polarity):
        other = change(text, random.Random(seed))
        assert other is None or objection(signature(text), signature(other)) is not None, other


def test_a_text_without_anything_to_change_gives_no_pair() -> None:
    assert make_pairs(["好", "", "hello"], {}) == []


def test_given_pairs(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    good = '{"text_a": "a", "text_b": "b", "same": true}\n{"text_a": "a", "text_b": "c", "same": false}\n'
    path.write_text(good, encoding="utf-8")
    assert read_pairs(path) == [Pair("a", "b", True), Pair("a", "c", False)]
    for line, message in (
        ('{"text_a": "a", "text_b": "b"}', r"pairs\.jsonl:3: no 'same'"),
        ('{"text_a": "a", "text_b": "b", "same": 1}', r"pairs\.jsonl:3: same must be true or false"),
        ('{"text_a": 3, "text_b": "b", "same": true}', r"pairs\.jsonl:3: text_a and text_b must be texts"),
        ('{"text_a": " ", "text_b": "b", "same": true}', r"pairs\.jsonl:3: text_a and text_b must be texts"),
        ("[1]", r"pairs\.jsonl:3: not a JSON object"),
        ("nonsense", r"pairs\.jsonl:3: not a JSON object"),
    ):
        path.write_text(good + line, encoding="utf-8")
        with pytest.raises(DataError, match=message):
            read_pairs(path)
    path.write_text(good.splitlines()[0], encoding="utf-8")
    with pytest.raises(DataError, match="pairs that are the same and pairs that are not"):
        read_pairs(path)
    with pytest.raises(DataError, match="no such file"):
        read_pairs(tmp_path / "none")


def test_synonyms_of_one_meaning(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_text(
        "Aa01A01= 清洁 整洁 净\nAa01A02= 早饭 早餐\nAa01A03# 桌子 椅子\nAa01A04= 早餐 点心\n"
        "Aa01A05= 不是 差错\nhold block freeze\n",
        encoding="utf-8",
    )
    assert read_synonyms(path) == {
        "清洁": ["整洁"],
        "整洁": ["清洁"],
        "早饭": ["早餐"],
        "点心": ["早餐"],
        "hold": ["block", "freeze"],
        "block": ["hold", "freeze"],
        "freeze": ["hold", "block"],
    }
    path.write_text("alone\n", encoding="utf-8")
    with pytest.raises(DataError, match="no group of synonyms"):
        read_synonyms(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(DataError, match="not UTF-8"):
        read_synonyms(path)


def test_a_table_by_hand() -> None:
    def scored(cosine: float, same: bool, is_kept: bool = False) -> Scored:
        return Scored(Pair("a", "b", same), cosine, is_kept)

    items = [
        scored(0.99, False, True),
        scored(0.97, True),
        scored(0.95, True),
        scored(0.94, False),
        scored(0.9, True, True),
    ]
    table = {row.threshold: row for row in rows(items)}
    assert min(table) == 0.9
    assert table[0.95] == Row(0.95, 2, 0, 3)
    assert [table[0.9].precision, table[0.9].recall] == pytest.approx([2 / 3, 2 / 3])
    assert (table[1.0].precision, table[1.0].recall) == (1.0, 0.0)
    assert choose(list(table.values()), 0.9) == table[0.95]
    assert choose(list(table.values()), 0.6) == table[0.95]  # as good a recall, and the more careful
    unguarded = list(rows(items, guard=False))
    assert choose(unguarded, 0.9) is None
    best = choose(unguarded, 0.65)
    assert best is not None
    assert best.threshold == 0.95


def test_neighbours_are_the_nearest_others() -> None:
    vectors = np.array([[1, 0], [0.99, 0.14], [0, 1]], np.float16)
    assert calibrate.neighbours(["a", "b", "c"], vectors) == [
        Pair("a", "b", False, "neighbour"),
        Pair("b", "c", False, "neighbour"),
    ]
    assert calibrate.neighbours(["a"], vectors[:1]) == []


def test_scores_of_made_pairs() -> None:
    scored = calibrate.score_made(FakeEmbedder(), TEXTS, SYNONYMS, Silent())
    kinds = Counter(item.pair.kind for item in scored)
    assert kinds["neighbour"] >= 2
    assert all(item.is_kept != item.pair.same for item in scored if item.pair.kind != "neighbour")
    assert all(-1 <= item.cosine <= 1 for item in scored)
    given = calibrate.score_given(FakeEmbedder(), [item.pair for item in scored], Silent())
    assert [item.cosine for item in given] == pytest.approx([item.cosine for item in scored])
