"""What folding makes equal, and that it looks at no neighbour."""

from __future__ import annotations

import sys
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from seekforge.core.words.fold import FOLD, fold, offsets


def test_ascii_has_a_way_of_its_own_that_gives_the_same() -> None:
    for code in range(128):
        assert fold(chr(code)) == FOLD[code], code


def test_known_forms() -> None:
    for text, folded in {
        "ＡＢＣ１２３": "abc123",
        "ｶﾞ": "カ\u3099",
        "繁體字與簡體字": "繁体字与简体字",
        "a\u200b\u00ad\ufeff\u2060b": "ab",
        "é e\u0301 E\u0301": "e e e",
        "Z̵̡a̶l̷g̸o̴": "zalgo",
        "ﬁ ﬀ ß İ ſ": "fi ff ss i s",
        "①⑩Ⅷ㎏": "110viiikg",
        "a\t\n\u3000\u00a0\u2028b": "a b",
        "㍿": "株式会社",
        "\u2f00\uf900": "一岂",
        "\U000e0041": "",
        "👍🏽️": "👍🏽",
    }.items():
        assert fold(text) == folded, text


def test_folding_twice_changes_nothing_more() -> None:
    odd = [
        chr(code)
        for code in range(sys.maxunicode + 1)
        if (form := FOLD[code]) and unicodedata.category(chr(code)) not in {"Cn", "Co", "Cs"} and fold(form) != form
    ]
    assert not odd


@given(st.text(), st.text())
def test_folding_does_not_depend_on_where_a_text_is_cut(left: str, right: str) -> None:
    first = fold(left)
    assert first + fold(right, first[-1:]) == fold(left + right)


@given(
    st.text(st.one_of(st.characters(), st.sampled_from("İßﷺ㍿ \n\u200b\u0301Σς枪槍"))), st.sampled_from(["", " ", "a"])
)
def test_offsets_say_what_each_character_became(text: str, before: str) -> None:
    folded = fold(text, before)
    ends = offsets(text, folded, before)
    assert len(ends) == len(text)
    assert (ends[-1] if text else 0) == len(folded)
    start, last = 0, before
    for char, end in zip(text, ends, strict=True):
        assert folded[start:end] == fold(char, last)
        start, last = end, folded[end - 1 : end] or last
