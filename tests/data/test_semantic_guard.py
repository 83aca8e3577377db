"""The guard: numbers however written, negations wherever they stand, and that no change of either slips through."""

from __future__ import annotations

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from tests.data.written import in_chinese

from seekforge.data.semantic import guard
from seekforge.data.semantic.guard import NEGATION, NUMBERS, objection, signature
from seekforge.data.semantic.negation import polarity
from seekforge.data.semantic.numbers import numbers

TEXT = st.text(
    st.sampled_from("房间很大但不没无非别有早餐便宜一二三两十百万亿第个晚元点半0123456789０５.,-+%$¥ abnot't '\n，。"),
    max_size=40,
)


def kind(one: str, other: str) -> str | None:
    found = objection(signature(one), signature(other))
    return found.kind if found else None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("住了三晚，每晚１２８０元", ("1280元", "3")),
        ("￥1,280.50 / 1280.5块", ("1280.5元", "1280.5元")),
        ("三百五十元，三万五，两千零二十四", ("2024", "35000", "350元")),
        ("3.5万元和二零二四年", ("2024year", "35000元")),
        ("百分之三十，30%，thirty percent", ("30%", "30%", "30%")),
        ("two hundred and fifty km, twenty-one miles", ("21mi", "250km")),
        ("第三次，星期五，两间，十二点", ("12", "2", "3", "5")),
        ("等了十分钟 10 minutes", ("10min", "10min")),
        ("agent 007, -5 degrees, a-5", ("-5", "007", "5")),
        ("十分满意，一样好，万一，千万别来，一般，乱七八糟，一进门", ()),
        ("someone, tone, often", ()),
        ("", ()),
    ],
)
def test_numbers_are_read_however_they_are_written(text: str, expected: tuple[str, ...]) -> None:
    assert numbers(text) == expected


@given(st.integers(1, 999_999_999))
def test_chinese_numerals_are_the_number(value: int) -> None:
    assert (
        numbers(f"共{in_chinese(value)}元") == numbers(f"共{value}元") == numbers(f"共{value:,}元") == (f"{value}元",)
    )


@given(st.integers(0, 10**25), st.integers(0, 10**25), st.sampled_from(["元", "间", "", " nights"]))
def test_different_numbers_are_always_noticed(one: int, other: int, unit: str) -> None:
    assume(one != other)
    assert kind(f"我们付了{one}{unit}", f"我们付了{other}{unit}") == NUMBERS


@given(TEXT, TEXT, st.sampled_from("123456789"), st.sampled_from("123456789"))
def test_a_changed_digit_is_noticed_in_any_text(before: str, after: str, one: str, other: str) -> None:
    assume(one != other)
    before, after = before.rstrip("0123456789０５.,百万亿"), after.lstrip("0123456789０５.,百万亿")
    assert kind(f"{before} {one} {after}", f"{before} {other} {after}") == NUMBERS


@given(
    st.sampled_from("二三四五六七八九"), st.sampled_from("二三四五六七八九"), st.sampled_from("个间晚次天元楼年月点")
)
def test_a_changed_chinese_numeral_before_a_measure_is_noticed(one: str, other: str, measure: str) -> None:
    assert kind(f"我们要了{one}{measure}房", f"我们要了{other}{measure}房") == (NUMBERS if one != other else None)


def test_units_count_and_their_names_do_not() -> None:
    assert kind("走5公里", "走5 km") is None
    assert kind("走5公里", "走5英里") == NUMBERS
    assert kind("it costs $30", "it costs 30 dollars") is None
    assert kind("it costs $30", "it costs 30 euros") == NUMBERS
    assert kind("三个月", "三年") == NUMBERS


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("房间干净", "房间不干净"),
        ("有早餐", "没有早餐"),
        ("值得推荐", "不值得推荐"),
        ("这是他的错", "这不是他的错"),
        ("能退款", "不能退款"),
        ("已发货", "未发货"),
        ("请退款", "请勿退款"),
        ("贵了不少", "贵了"),
        ("房间不大，但干净", "房间大，但不干净"),
        ("屏幕不是很清楚，声音大", "屏幕很清楚，声音不是大"),
        ("I like it", "I don't like it"),
        ("I like it", "I don’t like it"),
        ("They can refund it", "They cannot refund it"),
        ("It is good but not cheap", "It is not good but cheap"),
        ("We will come back", "We will never come back"),
        ("breakfast included", "no breakfast included"),
    ],
)
def test_a_negation_more_or_elsewhere_is_noticed(one: str, other: str) -> None:
    assert kind(one, other) == kind(other, one) == NEGATION


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("没有早餐", "无早餐"),
        ("房间不大，但干净", "但干净，房间不大"),
        ("非常好，服务特别热情", "很好，服务十分热情"),
        ("到底好不好", "到底怎么样"),
        ("不但便宜而且好", "便宜而且好"),
        ("I didn't like it", "I did not like it"),
        ("can't open", "cannot open"),
        ("see No. 5", "see number 5"),
        ("住了3晚", "住了三晚"),
    ],
)
def test_what_says_the_same_passes(one: str, other: str) -> None:
    assert kind(one, other) is None


@given(TEXT)
def test_a_text_never_objects_to_itself_nor_to_its_spelling(text: str) -> None:
    assert kind(text, text) is None
    wide = re.sub("[0-9]", lambda match: chr(ord(match[0]) + 0xFEE0), text)
    assert kind(text, wide) is None


@given(TEXT, TEXT)
def test_objections_are_symmetric(one: str, other: str) -> None:
    assert kind(one, other) == kind(other, one)


@given(st.lists(TEXT, max_size=5))
def test_columns_hold_the_whole_signature(texts: list[str]) -> None:
    columns = guard.columns(texts)
    assert tuple(columns) == guard.COLUMNS
    assert [guard.from_columns(columns, row) for row in range(len(texts))] == [signature(text) for text in texts]


def test_hostile_text_is_read_too() -> None:
    for text in ("9" * 6000, "一" * 6000, "9" * 40 + "万亿", "\ud800不", "万" * 5000, "1," * 3000, "不" * 5000):
        assert kind(text, text) is None
    assert numbers("9" * 30 + "万") != numbers("9" * 29 + "8万")
    assert len(polarity("不" * 5000).denied) == 5000


def test_an_objection_shows_figures() -> None:
    found = objection(signature("住了2晚, 3 rooms"), signature("住了5晚, 3 rooms"))
    assert found is not None
    assert found.text == "numbers differ: 2 against 5"
    many = objection(signature(""), signature("1 2 3 4 5"))
    assert many is not None
    assert many.text == "numbers differ: none against 1, 2, 3 and 2 more"
