"""What must stay: numbers by value, names, terms, label words, negations."""

from __future__ import annotations

from pathlib import Path

import pytest

from seekforge.core.errors import DataError
from seekforge.data.augment.keep import Keeper, is_negation, read_terms
from seekforge.data.augment.numbers import stated
from seekforge.data.augment.words import Tagger, Word, language_of

TAGGER = Tagger(["随e行"])
KEEPER = Keeper(TAGGER, ["正面", "APPROVE"], ["随e行", "chargeback"])


def lost(parent: str, child: str) -> str:
    return KEEPER.lost(KEEPER.substance(parent), KEEPER.substance(child))


def test_numbers_are_the_same_in_whatever_writing() -> None:
    assert stated("花了1,200元", []) == stated("花了１２００元", []) == stated("花了一千二百元", ["一千二百"])
    assert stated("一亿三千万元", ["一亿三千万"]) == stated("130,000,000 yuan", [])
    assert stated("three rooms", ["three"]) == stated("三间房", ["三"]) == stated("3 rooms", [])
    assert stated("3.50", []) == stated("3.5", []) != stated("35", [])
    assert not stated("一个 a 1", ["一", "a"])  # comes and goes in translation
    assert not stated("十分好", ["十分"])


@pytest.mark.parametrize(
    ("parent", "child", "why"),
    [
        ("转账3000元", "汇款三千元", ""),
        ("转账3000元", "转账30000元", "the number 3000 is gone"),
        ("The fee is 12.5 percent", "The charge is 12.5 percent", ""),
        ("房间很大", "房间很大，有3扇窗", "the number 3 is new"),
        ("我住在北京", "我住在上海", "'北京' is gone"),
        ("写信到 a.b@example.com", "写信到 a.b@example.org", "'a.b@example.com' is gone"),
        ("订单 AB-1234 丢了", "订单 AB-1235 丢了", "'ab-1234' is gone"),
        ("我用随e行上网", "我用无线上网", "'随e行' is gone"),
        ("A chargeback came", "A refund came", "'chargeback' is gone"),
        ("很好", "很好，正面", "the label word '正面' stands there 1 times, not 0"),
        ("please approve it", "please permit it", "the label word 'approve' stands there 0 times, not 1"),
        ("价格不便宜", "价格便宜", "0 negations, not 1"),
        ("I do not like it", "I like it", "0 negations, not 1"),
        ("I don't like it", "I do not like it", ""),
        ("房间不错", "房间挺好", ""),
        ("没有早餐", "不含早餐", ""),
    ],
)
def test_what_is_lost_is_named(parent: str, child: str, why: str) -> None:
    assert lost(parent, child) == why


def test_negations_need_not_count() -> None:
    lenient = Keeper(TAGGER, [], [], negation=False)
    assert lenient.lost(lenient.substance("价格不便宜"), lenient.substance("价格很高")) == ""


@pytest.mark.parametrize(
    "text", ["不错", "不过", "不仅", "不断", "没关系", "未来", "别人", "无论", "非常", "差不多", "knot"]
)
def test_what_only_looks_like_a_negation(text: str) -> None:
    assert not is_negation(Word(text, 0, "other", ""))


@pytest.mark.parametrize(
    "text", ["不", "不会", "不便", "没有", "未", "无法", "并非", "not", "Never", "didn't", "can’t"]
)
def test_negations(text: str) -> None:
    assert is_negation(Word(text, 0, "other", ""))


def test_language() -> None:
    assert language_of("123 ！") is None
    assert language_of("HP 的 Linux 笔记本很好用") == "zh"
    assert language_of("I paid 100 yuan for 早餐 in the hotel") == "en"


def test_terms_are_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "terms.txt"
    path.write_text("\ufeff# finance\nchargeback\t0.8\n\n随e行\nchargeback\nC#\n", encoding="utf-8")
    assert read_terms(path) == ("chargeback", "随e行", "C#")
    assert read_terms(None) == ()
    with pytest.raises(DataError, match="the lexicon cannot be read"):
        read_terms(tmp_path / "none.txt")
