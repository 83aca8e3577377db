"""Numerals by value: Chinese, with digits between, positional and short; English words."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.data.written import in_chinese, in_english

from seekforge.data.numerals import PLAIN, chinese, english

NUMBERS = st.integers(0, 10**12 - 1) | st.integers(0, 10**5)
FORMAL = str.maketrans("一二三四五六七八九十百千万亿", "壹贰叁肆伍陆柒捌玖拾佰仟萬億")


@pytest.mark.parametrize(
    ("numeral", "value"),
    [
        ("", 0),
        ("零", 0),
        ("十", 10),
        ("十五", 15),
        ("廿三", 23),
        ("二十三", 23),
        ("一百零五", 105),
        ("一百五", 150),
        ("两千", 2000),
        ("一万二", 12_000),
        ("一万零二", 10_002),
        ("一万零五百", 10_500),
        ("三亿", 300_000_000),
        ("一亿三千万", 130_000_000),
        ("三万亿", 3 * 10**12),
        ("一万零一百亿", 1_010_000_000_000),
        ("3亿5000万", 350_000_000),
        ("1,200万", 12_000_000),
        ("0万", 0),
        ("二〇一九", 2019),
        ("〇〇七", 7),
        ("一千二百三十四万五千六百七十八", 12_345_678),
        ("三点一四", Fraction("3.14")),
        ("一点五万", 15_000),
        ("十点", 10),
        ("十点万", 10),
        ("三点十五", Fraction("3.05")),
    ],
)
def test_chinese_numerals(numeral: str, value: Fraction | int) -> None:
    assert chinese(numeral) == value


@given(NUMBERS)
def test_a_number_written_out_is_the_number(number: int) -> None:
    written = in_chinese(number)
    assert chinese(written) == chinese(written.translate(FORMAL)) == number
    assert english(in_english(number).replace("-", " ").split()) == number


@given(NUMBERS)
def test_figures_in_a_row_are_read_one_by_one(number: int) -> None:
    assert chinese("".join("零一二三四五六七八九"[int(digit)] for digit in str(number))) == number


@given(st.integers(1, 9), st.integers(1, 9), st.sampled_from("百千万亿"))
def test_a_last_figure_is_of_the_next_smaller_unit(one: int, other: int, unit: str) -> None:
    first, last = in_chinese(one), in_chinese(other)
    assert chinese(f"{first}{unit}{last}") == chinese(f"{first}点{last}") * chinese(unit)


@given(st.text(PLAIN + "点廿兩12,", max_size=12).filter(lambda text: ",," not in text))
def test_any_numeral_has_a_value(text: str) -> None:
    assert chinese(text) >= 0
