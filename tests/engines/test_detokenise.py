import random
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seekforge.engines.detokenise import Detokeniser

TEXT = st.text(alphabet="ab好é😀 .", max_size=30)
STOPS = st.lists(st.text(alphabet="ab好. ", min_size=1, max_size=4), max_size=3)


def decode(ids: Sequence[int]) -> str:
    return bytes(ids).decode("utf-8", "replace")


def run(data: bytes, stops: list[str], cuts: list[int]) -> tuple[str, list[str], tuple[int, ...], bool]:
    detokeniser = Detokeniser(decode, stops)
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    pieces = [detokeniser.push(data[a:b]) for a, b in pairwise(edges)]
    pieces.append(detokeniser.finish())
    ids = tuple(i for piece in pieces for i in piece.token_ids)
    texts = [piece.text for piece in pieces]
    return "".join(texts), texts, ids, detokeniser.stopped


def expected(text: str, stops: list[str]) -> str:
    """The text up to the stop text that is complete first, and of those the one that begins first."""
    for end in range(1, len(text) + 1):
        starts = [text[:end].find(stop) for stop in stops if stop in text[:end]]
        if starts:
            return text[: min(starts)]
    return text


@given(TEXT, STOPS, st.lists(st.integers(0, 100), max_size=12))
def test_any_cut_gives_the_same_text_and_no_stop_text(text: str, stops: list[str], cuts: list[int]) -> None:
    whole, texts, ids, stopped = run(text.encode(), stops, cuts)
    assert whole == expected(text, stops)
    assert stopped == (whole != text or any(stop in text for stop in stops))
    assert not any("\ufffd" in piece for piece in texts)
    assert not any(stop in whole for stop in stops)
    assert whole.startswith(decode(ids))
    if not stopped:
        assert ids == tuple(text.encode())


@given(st.binary(max_size=40), st.lists(st.integers(0, 100), max_size=12))
def test_bytes_that_are_no_text_come_out_the_same_however_they_are_cut(data: bytes, cuts: list[int]) -> None:
    once, _, ids, _ = run(data, [], [])
    assert run(data, [], cuts)[0] == once
    assert ids == tuple(data)


def test_a_token_goes_out_with_the_last_character_of_its_text() -> None:
    detokeniser = Detokeniser(decode, ["stop"])
    assert detokeniser.push("好".encode()[:2]).token_ids == ()
    piece = detokeniser.push("好".encode()[2:])
    assert (piece.text, decode(piece.token_ids)) == ("好", "好")
    held = detokeniser.push(b"xst")
    assert (held.text, held.token_ids) == ("x", (ord("x"),))
    assert detokeniser.push(b"y").text == "sty"


def test_what_might_become_a_stop_text_waits_and_comes_at_the_end() -> None:
    detokeniser = Detokeniser(decode, ["END"])
    assert detokeniser.push(b"the EN").text == "the "
    rest = detokeniser.finish()
    assert (rest.text, bytes(rest.token_ids)) == ("EN", b"EN")


def test_a_broken_character_does_not_hold_the_text_back_for_ever() -> None:
    detokeniser = Detokeniser(decode)
    pieces = [detokeniser.push([0xFF]) for _ in range(50)]
    assert len("".join(piece.text for piece in pieces)) >= 45
    assert detokeniser.push(b"a").text.endswith("a")


def test_tokens_without_text_are_handed_out_too() -> None:
    detokeniser = Detokeniser(lambda ids: "".join(chr(i) for i in ids if i > 10))
    assert detokeniser.push([1, 2]).token_ids == ()
    assert detokeniser.push([65]).token_ids == (1, 2, 65)


def test_a_tokeniser_that_writes_the_first_word_otherwise_is_followed() -> None:
    """SentencePiece drops the space before a text's first word; within the text it must stay."""
    words = ["▁The", "▁end"]
    detokeniser = Detokeniser(lambda ids: "".join(words[i] for i in ids).replace("▁", " ").removeprefix(" "))
    assert detokeniser.push([0]).text + detokeniser.push([1]).text + detokeniser.push([1]).text == "The end end"


@pytest.mark.parametrize("seed", range(5))
def test_the_window_stays_short(seed: int) -> None:
    longest = 0

    def counting(ids: Sequence[int]) -> str:
        nonlocal longest
        longest = max(longest, len(ids))
        return decode(ids)

    detokeniser = Detokeniser(counting)
    rng = random.Random(seed)
    for _ in range(500):
        detokeniser.push([rng.randrange(256)])
    assert longest < 20


ANSWER = "你好，世界！😀👩‍👩‍👧 done é"


def test_every_splice_of_an_answer_gives_the_whole_answer() -> None:
    ids = ANSWER.encode()
    for cut in range(len(ids) + 1):
        before = Detokeniser(decode).push(ids[:cut])
        after = Detokeniser(decode, answered=ids[:cut])
        pieces = [after.push([i]) for i in ids[cut:]] + [after.finish()]
        assert before.text + "".join(piece.text for piece in pieces) == ANSWER
        assert bytes(i for piece in pieces for i in piece.token_ids) == ids[cut:]
        assert "\ufffd" not in before.text


@given(TEXT, STOPS, st.integers(0, 100))
def test_a_splice_neither_leaks_nor_misses_a_stop_text(text: str, stops: list[str], cut: int) -> None:
    whole, _, ids, stopped = run(text.encode(), stops, [])
    first = Detokeniser(decode, stops)
    before = first.push(text.encode()[:cut])
    second = Detokeniser(decode, stops, before.token_ids)
    rest = text.encode()[len(before.token_ids) :]
    if not first.stopped:
        pieces = second.push(rest), second.finish()
        assert before.text + "".join(piece.text for piece in pieces) == whole
        assert before.token_ids + tuple(i for piece in pieces for i in piece.token_ids) == ids
        assert second.stopped == stopped


@given(TEXT, STOPS, st.lists(st.integers(0, 100), max_size=12))
def test_what_is_out_is_the_text_of_the_ids_that_are_out(text: str, stops: list[str], cuts: list[int]) -> None:
    """Also with tokens of several characters, of which a stop text may begin within."""
    data = text.encode()
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    words = [data[a:b] for a, b in pairwise(edges)]
    detokeniser = Detokeniser(lambda ids: b"".join(words[i] for i in ids).decode("utf-8", "replace"), stops)
    told, ids = "", b""
    for number in range(len(words)):
        piece = detokeniser.push([number])
        told, ids = told + piece.text, ids + b"".join(words[i] for i in piece.token_ids)
        if not detokeniser.stopped:
            assert told.encode() == ids
