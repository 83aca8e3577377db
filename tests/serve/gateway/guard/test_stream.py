"""No listed word reaches the wire, whatever the pieces, and what is not listed comes out as it was written."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest
from benchmarks.guard_fuzz import EXCEPTIONS, expected, leaked, run, run_isolated, word_list
from hypothesis import given, settings
from hypothesis import strategies as st

from seekforge.core.config.guard import WordListConfig
from seekforge.core.errors import ConfigError
from seekforge.core.words.fold import fold
from seekforge.core.words.lists import WordList, parse
from seekforge.core.words.matcher import Matcher
from seekforge.serve.gateway.guard.stream import StreamFilter


def opened(*lists: WordList) -> StreamFilter:
    return StreamFilter(Matcher(lists), lambda words, line: None, _raise)


def _raise(error: Exception) -> None:
    raise error


def filtered(words: WordList | Sequence[str], *pieces: str) -> str:
    made = words if isinstance(words, WordList) else word_list(words)
    stream = opened(made)
    return "".join([*(stream.push(piece).text for piece in pieces), stream.finish().text])


def acting(action: str, text: str | None, *words: str) -> WordList:
    config = WordListConfig.model_validate({"path": "x.txt", "action": action, "text": text})
    return WordList(config, parse("\n".join(words), "x.txt"), "0", ())


def test_random_splits() -> None:
    outcome = run(10_000, seed=1)
    assert outcome.splits == 10_000
    assert outcome.with_word > 500 < outcome.held
    assert outcome.untouched > 100


def test_random_splits_with_exceptions() -> None:
    assert run(5_000, seed=2, exceptions=EXCEPTIONS).with_word > 250


def test_random_splits_of_words_in_every_form() -> None:
    assert min(run_isolated(20_000, seed=5).values()) > 6_000


@pytest.mark.slow
def test_many_random_splits() -> None:
    assert run_isolated(120_000, seed=6).total() == 120_000
    assert run(120_000, seed=3).splits + run(60_000, seed=4, exceptions=EXCEPTIONS).splits == 180_000


@pytest.mark.parametrize(
    "text",
    [
        "枪支",
        "槍支",
        "枪\u200b支",
        "枪\ufe0f\u2060支",
        "枪\u0335支\u0301",
        "\uf9c8槍支",
        "GUN",
        "ｇｕｎ",
        "ＧＵＮ",
        "g\u00adu\u200dn",
        "gu\u0301n",
        "𝐠𝐮𝐧",
        "ⓖⓤⓝ",
        "fake\u3000\u00a0id",
        "fake\n\tid",
        "Fake ID",
    ],
)
def test_every_way_to_write_a_word_is_masked_at_every_split(text: str) -> None:
    words = ["枪支", "gun", "fake id"]
    for at in range(len(text) + 1):
        out = filtered(words, "(", text[:at], text[at:], ")")
        assert leaked(words, out) is None, out
        assert "*" in out
        assert len(out) == len(text) + 2
    assert leaked(words, filtered(words, *text)) is None


def test_english_words_match_at_their_edges_only() -> None:
    for text in ("class", "glass ", "assess", "ass1assn", "passé", "assé", "xass", "ass\u0301e"):
        clean = text.replace("ass1assn", "assn")
        assert filtered(["ass"], *clean) == clean
    assert filtered(["ass"], *"my ass, ass1 1ass 坏ass坏 ASS") == "my ***, ***1 1*** 坏***坏 ***"
    assert filtered(["c4", "110"], *"c40 ac4 1100 c4! 110号") == "c40 ac4 1100 **! ***号"


def test_a_composed_letter_is_the_word_however_it_arrives() -> None:
    for pieces in (("café",), ("cafe\u0301",), ("caf", "e", "\u0301", " x"), ("cafe", "\u0301")):
        assert leaked(["café"], filtered(["café"], *pieces)) is None
        assert "****" in filtered(["café"], *pieces)


def test_text_goes_out_at_once_unless_it_may_become_a_word() -> None:
    stream = opened(word_list(["海洛因", "gun shop"]))
    assert stream.push("今天的海").text == "今天的"
    assert stream.push("浪").text == "海浪"
    assert stream.push("海洛").text == ""
    assert stream.push("伽").text == "海洛伽"
    assert stream.push("a g").text == "a "
    assert stream.push("u").text == ""
    assert stream.push("nn").text == "gunn"
    assert stream.push("ing").text == "ing"  # inside a word no listed one begins
    assert stream.push("gun").text == "gun"
    assert stream.push(" gun").text == " "
    assert stream.held == "gun"
    assert stream.finish().text == "gun"


def test_a_word_that_is_complete_does_not_wait_for_more() -> None:
    stream = opened(word_list(["枪支", "gun"]))
    assert stream.push("枪支").text == "**"
    assert stream.push("gun").text == ""  # the next letter decides
    assert stream.push(".").text == "***."


def test_leftmost_then_longest() -> None:
    assert filtered(["枪支", "枪支弹药", "弹药库"], *"枪支弹药库") == "****库"
    assert filtered(["枪支", "支票"], *"枪支票") == "**票"
    assert filtered(["gun", "gun shop"], *"a gun shop, a gun shot") == "a ********, a *** shot"


def test_exceptions_hold_a_word_back_only_as_a_whole() -> None:
    words = word_list(["毒", "枪"], ["消毒", "中毒了"])
    assert filtered(words, *"消毒，中毒了，有毒，中毒") == "消毒，中毒了，有*，中*"
    # A word that cuts into the exception takes the excuse away.
    both = word_list(["自杀", "干预热"], ["自杀干预"])
    assert filtered(both, *"自杀干预") == "自杀干预"
    assert filtered(both, *"自杀干预热线") == "*****线"
    # An exception counts for its own list.
    other = word_list(["消毒"])
    stream = opened(words, other)
    assert "".join(stream.push(char).text for char in "消毒水") == "**水"


def test_exceptions_that_reach_into_each_other_hold_back_no_more_than_a_few_words() -> None:
    stream = opened(word_list(["毒"], ["消毒消"]))
    text = "消毒" * 500
    out = ""
    for char in text:
        out += stream.push(char).text
        assert len(stream.held) <= 30
    assert leaked(["毒"], out) is None


def test_stop_cuts_before_the_word_and_ends_the_answer() -> None:
    stream = opened(acting("stop", None, "枪支"))
    assert stream.push("买枪").text == "买"
    passed = stream.push("支吗？再说")
    assert (passed.text, passed.stopped) == ("", True)
    assert stream.held == ""
    after = stream.push("别的"), stream.finish()
    assert all(p.stopped and not p.text for p in after)


def test_answer_says_its_text_and_ends_the_answer() -> None:
    stream = opened(acting("answer", "这个我不能说。", "枪支"))
    passed = stream.push("可以买枪支吗")
    assert (passed.text, passed.stopped) == ("可以买这个我不能说。", True)
    assert stream.finish().text == ""


def test_the_first_list_decides_on_a_word_in_two() -> None:
    mask, stop = acting("mask", None, "枪支"), acting("stop", None, "枪支")
    assert opened(mask, stop).push("枪支好").text == "**好"
    assert opened(stop, mask).push("枪支好").stopped


def test_a_mask_never_completes_another_word() -> None:
    out = filtered(["枪", "f*ck"], *"f枪ck")
    assert leaked(["f*ck", "枪"], out) is None


def test_what_stands_for_several_characters_goes_or_stays_as_a_whole() -> None:
    for pieces in (("㍿",), ("a㍿", "员b"), tuple("x㍿员工y")):
        out = filtered(["会社员", "株式会社"], *pieces)
        assert out == "".join(pieces).replace("㍿", "*")
    assert filtered(["会社员工"], "a㍿", "员", "工") == "a***"
    assert filtered(["会社员工"], "a㍿", "员", "b") == "a㍿员b"
    assert filtered(["gross"], "groß!") == "****!"


def test_surrogate_halves_and_emoji_come_out_as_they_were() -> None:
    for text in ("👨‍👩‍👧", "\ud83d\ude00", "🏳️‍🌈枪", "e\u0301\u0301", "\u202e枪"):
        assert filtered(["枪支"], *text) == text


def test_an_empty_filter_passes_everything() -> None:
    stream = opened()
    assert stream.push("枪支").text == "枪支"
    assert stream.finish().text == ""


def test_an_error_in_any_part_ends_the_answer() -> None:
    errors: list[Exception] = []

    def broken(words: WordList, line: int) -> None:
        raise OSError("disk full")

    stream = StreamFilter(Matcher([word_list(["枪支"])]), broken, errors.append)
    assert stream.push("买枪").text == "买"
    passed = stream.push("支")
    assert (passed.text, passed.stopped) == ("", True)
    assert stream.push("安全").text == ""
    assert stream.finish().stopped
    assert [type(error) for error in errors] == [OSError]


ALPHABET = ["a", "s", "A", "ｓ", "枪", "槍", "支", "手", "1", " ", "\n", "\u200b", "\u0301", "ß", "㍿", "会", "社", "*"]
TEXTS = st.text(st.sampled_from(ALPHABET), max_size=24)
LISTED = st.lists(
    st.text(st.sampled_from(["a", "s", "枪", "支", "手", "1", " ", "会", "社"]), min_size=1, max_size=4).filter(
        lambda word: bool(fold(word).strip())
    ),
    min_size=1,
    max_size=6,
    unique_by=lambda word: fold(word).strip(),
)


@settings(max_examples=400, deadline=None)
@given(TEXTS, LISTED, st.lists(st.integers(0, 24), max_size=8), st.data())
def test_the_pieces_make_no_difference(text: str, listed: list[str], cuts: list[int], data: st.DataObject) -> None:
    words = {fold(word).strip() for word in listed}
    longer = [word for word in words if any(other in word and other != word for other in words)]
    excepted = data.draw(st.sets(st.sampled_from(longer))) if longer else set()
    kept = [word for word in listed if fold(word).strip() not in excepted]
    try:
        made = word_list(kept, sorted(excepted))
    except ConfigError as error:  # the word that it holds became an exception too
        assert "holds no word of this list" in str(error)
        return
    places = sorted({0, len(text), *(min(place, len(text)) for place in cuts)})
    pieces = [text[a:b] for a, b in itertools.pairwise(places)]
    mask = Matcher([made]).mask
    assert filtered(made, *pieces) == filtered(made, text) == filtered(made, *text) == expected(made, text, mask)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=40))
def test_any_text_without_a_word_comes_out_byte_for_byte(text: str) -> None:
    if "枪" not in fold(text) and "槍" not in text:
        assert filtered(["枪支", "枪"], *text) == text
