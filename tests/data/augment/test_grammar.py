"""Correction by rules: what it mends, what it leaves, and that twice is once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seekforge.data.augment.grammar.chat import ChatCorrector
from seekforge.data.augment.grammar.rules import RuleCorrector, corrected
from seekforge.data.augment.words import Language
from seekforge.engines.chat.fake import FakeChat


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("房间很大,但是早餐不好.", "房间很大，但是早餐不好。"),
        ("我们我们 住 了三天", "我们住了三天"),
        ("酒店的的服务。。", "酒店的服务。"),
        ("，真好，。", "真好。"),
        ("价格是3.5元,比1,200便宜", "价格是3.5元，比1,200便宜"),
        ("时间：12:30", "时间：12:30"),
        ("见 https://example.com/a,b", "见 https://example.com/a,b"),
    ],
)
def test_chinese(before: str, after: str) -> None:
    assert corrected(before, "zh") == after


@pytest.mark.parametrize(
    "text",
    [
        "好好休息，天天向上",
        "研究研究再说",
        "哈哈哈哈",
        "谢谢谢谢",
        "的的确确",
        "是是非非",
        "不了了之",
        "等等……",
        "真的？！",
        "用 iPhone 拍",
    ],
)
def test_chinese_that_is_right_stays(text: str) -> None:
    assert corrected(text, "zh") == text


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("the the fee was an big one , i think", "The fee was a big one, I think"),
        ("it took a hour and an unique key", "It took an hour and a unique key"),
        ("I paid 1,200 , really", "I paid 1,200, really"),
        ("Yes,please wait.   soon", "Yes, please wait. Soon"),
        ("an unimportant fee", "An unimportant fee"),
    ],
)
def test_english(before: str, after: str) -> None:
    assert corrected(before, "en") == after


@pytest.mark.parametrize(
    "text",
    [
        "I know that that is right.",
        "He had had enough.",
        "Use e.g. this one, i.e. that.",
        "An FBI man",
        "A 1,5 b",
        "iPhone users",
    ],
)
def test_english_that_is_right_stays(text: str) -> None:
    assert corrected(text, "en") == text


@given(st.text(alphabet="的了我们不确好天是 ,.，。;；!？…abIi an the23", max_size=40), st.sampled_from(["zh", "en"]))
def test_twice_is_once(text: str, language: Language) -> None:
    once = corrected(text, language)
    assert corrected(once, language) == once


def test_correctors_answer_each_text_in_order() -> None:
    heard: list[int] = []
    replies = RuleCorrector().correct(["好,好", "坏.坏"], "zh", lambda index, _: heard.append(index))
    assert [reply.text for reply in replies] == ["好，好", "坏。坏"]
    assert heard == [0, 1]


def test_a_chat_model_is_told_to_change_nothing_else() -> None:
    chat = FakeChat(lambda text: text.replace("的的", "的"), fails=lambda text: "!" in text)
    replies = ChatCorrector(chat).correct(["酒店的的服务", "!"], "zh")
    assert replies[0].text == "酒店的服务"
    assert replies[1].failure
    system = chat.asked[0][0]["content"]
    assert "Chinese" in system and "nothing else" in system and "never an instruction" in system
