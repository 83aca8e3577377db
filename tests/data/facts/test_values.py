"""Values: the same number in any writing is equal, another is not, and only the text itself makes one rough."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.data.written import in_chinese, in_english

from seekforge.data.facts.bounds import Bound
from seekforge.data.facts.compare import Match, compare
from seekforge.data.facts.dates import Day
from seekforge.data.facts.numerals import NUMBER, read
from seekforge.data.facts.values import Value, find, plain


def one(text: str) -> Value:
    [value] = find(plain(text))
    return value


@given(st.integers(1, 10**12 - 1))
def test_every_writing_of_a_number_is_the_same(number: int) -> None:
    writings = [str(number), f"{number:,}", in_chinese(number), in_english(number)]
    for text in writings:
        match = NUMBER.fullmatch(text)
        assert match is not None or len(text) == 1, text
        assert read(text) == number, text
    assert read(f"{number}万") == number * 10**4
    assert read(f"{number} million") == number * 10**6
    assert read(f"{number}亿{in_chinese(5000)}万") == number * 10**8 + 5 * 10**7


@given(st.integers(1, 10**6), st.integers(1, 10**6))
def test_two_sums_are_the_same_only_if_they_are_equal(known: int, said: int) -> None:
    writings = [f"£{said:,}", f"{said} pounds", f"{said}英镑", f"{in_chinese(said)}英镑", f"GBP {said}"]
    verdicts = {compare(one(f"£{known}"), one(text)) for text in writings}
    assert verdicts == {Match.SAME if known == said else Match.OTHER}


@given(st.integers(1, 400), st.integers(1, 400))
def test_lengths_of_time_agree_whatever_their_units(known: int, said: int) -> None:
    verdict = Match.SAME if known == said else Match.OTHER
    assert compare(one(f"{known} days"), one(f"{said * 24} hours")) is verdict
    assert compare(one(f"{known} weeks"), one(f"{in_chinese(said * 7)}天")) is verdict
    assert compare(one(f"{known} years"), one(f"{said * 12}个月")) is verdict


@given(st.integers(10, 10**6), st.integers(-30, 30))
def test_a_number_is_rough_only_where_the_text_says_so(number: int, percent: int) -> None:
    other = f"{number * (100 + percent) / 100:.2f}"
    assert compare(one(f"{number} kg"), one(f"{other} kg")) is (Match.SAME if percent == 0 else Match.OTHER)
    for rough in (f"about {other} kg", f"约{other}公斤", f"{other}公斤左右", f"approximately {other} kg"):
        near = abs(percent) <= 10
        assert compare(one(f"{number} kg"), one(rough)) is (Match.SAME if near else Match.OTHER), rough


@pytest.mark.parametrize(
    ("known", "said", "match"),
    [
        ("4 g", "4,000 mg", Match.SAME),
        ("30公斤", "60斤", Match.SAME),
        ("8,848.86 m", "29,032 feet", Match.SAME),  # converted and rounded
        ("8,848.86 m", "29,100 feet", Match.OTHER),
        ("100 °C", "212 °F", Match.SAME),
        ("5%", "百分之五", Match.SAME),
        ("5%", "千分之五", Match.OTHER),
        ("5%", "百分之5...", Match.SAME),
        ("0.12%", "万分之12", Match.SAME),
        ("5%", "5个百分点", Match.APART),
        ("三成", "30 per cent", Match.SAME),
        ("1.2亿元", "12000万元", Match.SAME),
        ("2角", "0.2元", Match.SAME),
        ("一个半小时", "90 minutes", Match.SAME),
        ("半年", "6 months", Match.SAME),
        ("2 years", "两年", Match.SAME),
        ("$5m", "5 million dollars", Match.SAME),
        ("£500", "€500", Match.APART),
        ("5 pounds", "£5", Match.SAME),
        ("5 pounds", "5 lb", Match.SAME),
        ("1 month", "30 days", Match.APART),  # no month has a fixed length
        ("3 months", "2 weeks", Match.OTHER),
        ("2 business days", "2 days", Match.APART),
        ("5 cards", "15 cards", Match.OTHER),
        ("5 cards", "5 accounts", Match.APART),
        ("8:00 to 18:00", "8am-6pm", Match.SAME),
        ("8:00 to 18:00", "8:00 to 20:00", Match.OTHER),
        ("晚上9点", "21:00", Match.SAME),
        ("2至8℃", "2-8摄氏度", Match.SAME),
        ("2 to 8 °C", "5 °C", Match.APART),  # within the range: both can be true
        ("2 to 8 °C", "15 °C", Match.OTHER),
        ("4 g per day", "28 g a week", Match.SAME),
        ("4 g per day", "4 g per week", Match.OTHER),
        ("1949年10月1日", "1 October 1949", Match.SAME),
        ("1949年10月1日", "in 1949", Match.SAME),
        ("1949年10月1日", "一九五〇年", Match.OTHER),
        ("3/5/2024", "5 March 2024", Match.SAME),
        ("3/5/2024", "March 5, 2024", Match.SAME),
        ("5 May", "in 2024", Match.APART),
    ],
)
def test_units_money_and_dates(known: str, said: str, match: Match) -> None:
    assert compare(one(known), one(said)) is match
    if match is not Match.APART and one(known).bound is one(said).bound:
        assert compare(one(said), one(known)) is match


@pytest.mark.parametrize(
    ("known", "said", "match"),
    [
        ("at most 4 g", "no more than 4 g", Match.SAME),
        ("at most 4 g", "up to 6 g", Match.OTHER),
        ("at most 4 g", "3 g", Match.APART),
        ("at most 4 g", "5 g", Match.OTHER),
        ("at most 4 g", "at least 4 g", Match.OTHER),
        ("at least 18 years", "满18年", Match.SAME),
        ("8,849 m", "more than 8,000 m", Match.SAME),
        ("8,849 m", "over 9,000 m", Match.OTHER),
        ("不超过4克", "4克以内", Match.SAME),
        ("不超过4克", "最多6克", Match.OTHER),
    ],
)
def test_bounds(known: str, said: str, match: Match) -> None:
    assert compare(one(known), one(said)) is match


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("Rule 12: HOLD. No. 3, case 4081, version 2.1", []),
        ("one's own savings pot, 一般, 万一, 千万不要, 十分, 统一", []),
        ("一日三次，每次2片", ["三次", "2片"]),
        ("between 3 and 5 days", ["3 and 5 days"]),
        ("£15,000 per term in May 2011", ["£15,000", "may 2011"]),
        ("growth of 3.5 percentage points", ["3.5 percentage points"]),
        ("１２３米", ["123米"]),
        ("约1.4×10⁹人", ["1.4×10^9人"]),
    ],
)
def test_what_is_a_value(text: str, values: list[str]) -> None:
    assert [value.text for value in find(plain(text))] == values


def test_what_stands_around_a_value() -> None:
    value = one("The limit is not £500")
    assert value.denied
    value = one("每日不超过4克")
    assert (value.bound, value.per) == (Bound.MOST, ("time", Fraction(86400)))
    assert one("1998年3月").days == (Day(1998, 3, None),)
    assert one("not more than 10 days").bound is Bound.MOST
    assert not one("not more than 10 days").denied


@given(st.text(max_size=60))
def test_any_text_is_read(text: str) -> None:
    for value in find(plain(text)):
        assert 0 <= value.start < value.end <= len(plain(text))
        assert compare(value, value) in {Match.SAME, Match.APART}
