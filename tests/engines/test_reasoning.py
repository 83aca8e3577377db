import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.serve.gateway.test_pure import PLACES, cut

from seekforge.core.config.gateway import Reasoning
from seekforge.engines.reasoning import CLOSE, OPEN, Splitter

# Pieces of tags as well, so that what only looks like one is met often.
TEXT = st.lists(st.sampled_from(["a", "你", " ", "\n", "<", "<th", "</think", ">", "think>", "/"]), max_size=8).map(
    "".join
)
MODES: tuple[Reasoning, ...] = ("auto", "deepseek", "off")


def split(mode: Reasoning, pieces: list[str], *, whole: bool = True) -> tuple[str, str]:
    splitter = Splitter(mode)
    found = [*(splitter.push(piece) for piece in pieces), splitter.finish(whole=whole)]
    return "".join(part.reasoning for part in found), "".join(part.content for part in found)


@pytest.mark.parametrize(
    ("mode", "text", "reasoning", "content"),
    [
        ("auto", "<think>\nwhy\n</think>\n\nbecause", "why\n", "because"),
        ("auto", " \n<think>why</think>because", "why", "because"),
        ("auto", "<think></think>because", "", "because"),
        ("auto", "<think>why", "why", ""),
        ("auto", "<think>a</think>b <think>c</think>", "a", "b <think>c</think>"),
        ("auto", "because", "", "because"),
        ("auto", "  because <think>", "", "  because <think>"),
        ("auto", "<thinking>a</thinking>", "", "<thinking>a</thinking>"),
        ("auto", "<thi", "", "<thi"),
        ("auto", "", "", ""),
        ("auto", "why</think>because", "", "why</think>because"),
        ("deepseek", "why</think>\n\nbecause", "why", "because"),
        ("deepseek", "<think>\nwhy</think>because", "why", "because"),
        ("deepseek", "<think>why", "why", ""),
        ("off", "<think>why</think>because", "", "<think>why</think>because"),
    ],
)
def test_thoughts_and_answers(mode: Reasoning, text: str, reasoning: str, content: str) -> None:
    for pieces in ([text], list(text)):
        assert split(mode, pieces) == (reasoning, content)


def test_an_answer_without_thoughts_where_they_were_assumed() -> None:
    """It was shown as thoughts by then; that it ended by itself without a tag says that it was the answer."""
    assert split("deepseek", ["just ", "this"]) == ("just this", "just this")
    assert split("deepseek", ["cut sh"], whole=False) == ("cut sh", "")


@given(st.sampled_from(MODES), TEXT, TEXT, st.booleans(), st.booleans(), st.booleans(), PLACES)
def test_cuts_change_nothing(
    mode: Reasoning, before: str, after: str, opens: bool, closes: bool, whole: bool, places: list[int]
) -> None:
    text = OPEN * opens + before + CLOSE * closes + after
    assert split(mode, cut(text, places), whole=whole) == split(mode, [text], whole=whole)


@given(TEXT, PLACES)
def test_a_plain_answer_is_never_marked_as_thoughts(text: str, places: list[int]) -> None:
    if not text.lstrip().startswith(OPEN):
        assert split("auto", cut(text, places)) == ("", text)
    assert split("off", cut(text, places)) == ("", text)


@given(TEXT, PLACES)
def test_what_is_given_out_is_never_taken_back_and_nothing_is_lost(text: str, places: list[int]) -> None:
    if CLOSE in text:
        return
    reasoning, content = split("auto", cut(OPEN + text + CLOSE + "end", places))
    assert reasoning == text.lstrip()
    assert content == "end"


def test_nothing_is_held_longer_than_it_must_be() -> None:
    splitter = Splitter("auto")
    assert splitter.push("<think>so").reasoning == "so"
    assert splitter.push(" it</thi").reasoning == " it"
    assert splitter.push("s").reasoning == "</this"
    assert splitter.push("</think>a").content == "a"
    assert splitter.push("<").content == "<"
