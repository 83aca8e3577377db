"""Length, language and repetition: what is measured, and where the line is drawn."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.data.conftest import MakeRecord

from seekforge.core.config import LanguageConfig, LengthConfig, RepetitionConfig
from seekforge.core.errors import ModelError
from seekforge.core.language import language
from seekforge.data.ops import build
from seekforge.data.ops.memory import apply
from seekforge.data.quality.repetition import repetition

ENGLISH = (
    "The guest asked for a quiet room with a view of the lake, and the desk gave her one on the fourth floor. She said "
    "that breakfast was late on the second day, but the waiter was kind and brought fresh coffee without being asked. "
    "On leaving she wrote that she would be glad to come again next spring with her two brothers."
)
CHINESE = (
    "酒店离地铁站不远，走路大概五分钟就到。房间不算大，但是收拾得很干净，床也舒服。早餐种类多，粥和小菜都合口味，"
    "只是九点以后人多，要等位子。前台小姑娘态度好，帮我们叫了出租车，还送了两瓶水。窗外就是江，晚上能看见对岸的灯光，"
    "孩子特别喜欢。唯一的缺点是隔音一般，隔壁说话听得见。总的来说，这个价钱很值，下次出差还会来住。"
)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (ENGLISH, "en"),
        (CHINESE, "zh"),
        ("這家酒店的服務很好，下次還會再來。", "zh"),
        ("部屋はとても綺麗で、朝食も美味しかったです。", "ja"),
        ("방이 깨끗하고 직원들이 친절했습니다.", "ko"),
        ("Das Zimmer war sauber und die Mitarbeiter sind sehr freundlich.", "de"),
        ("La chambre est propre et le personnel est très gentil avec nous.", "fr"),
        ("La habitación está limpia y el personal es muy amable con los clientes.", "es"),
        ("Номер чистый, персонал приветливый.", "cyrillic"),
        ("iPhone 15 Pro Max", "latin"),
        ("12345 !!!", "unknown"),
        ("", "unknown"),
        ("ｐｌｅａｓｅ　ｓｅｎｄ　ｉｔ　ｔｏ　ｍｅ", "en"),
    ],
)
def test_the_language_of_a_text(text: str, code: str) -> None:
    found = language(text)
    assert found.code == code
    assert sum(found.shares.values()) == pytest.approx(1 if found.shares else 0)


def test_an_unwanted_language_goes_with_its_share(record: MakeRecord) -> None:
    records = [
        record("en", ENGLISH),
        record("zh", CHINESE, "好的"),
        record("ja", "部屋はとても綺麗で、朝食も美味しかったです。", "ありがとうございます"),
        record("code", "RTX-4090 24GB", "SKU 77"),
        record("mixed", "请翻译：The room was clean and the staff were kind to us.", "房间干净，员工对我们也很好。"),
    ]
    result = apply(build(LanguageConfig()), records)
    assert [r.id for r in result.kept] == ["en", "zh", "code", "mixed"]
    assert result.drops[0].reason == "mostly ja; 0.00 of it in zh, en (least 0.5)"
    assert result.drops[0].kind == "language ja"
    strict = apply(build(LanguageConfig(keep=("ja",), unknown="drop")), records)
    assert [r.id for r in strict.kept] == ["ja"]


def test_lengths_are_limits_on_both_sides(record: MakeRecord) -> None:
    config = LengthConfig(min_question=3, max_question=5, min_answer=1, max_answer=2)
    records = [
        record("short", "a  b"),
        record("least", "a b c"),
        record("most", "一二三四五"),
        record("long", "abcdef"),
        record("answer", "abcd", "yes"),
    ]
    result = apply(build(config), records)
    assert [r.id for r in result.kept] == ["least", "most"]
    assert [(d.record.id, d.reason) for d in result.drops] == [
        ("short", "the question has 2 characters (least 3)"),
        ("long", "the question has 6 characters (most 5)"),
        ("answer", "the answer has 3 characters (most 2)"),
    ]


def test_tokens_are_counted_by_the_named_tokenizer(record: MakeRecord, tmp_path: Path) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = Tokenizer(models.WordLevel({"[UNK]": 0, "a": 1}, unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    PreTrainedTokenizerFast(tokenizer_object=words, unk_token="[UNK]").save_pretrained(tmp_path)
    op = build(LengthConfig(tokenizer=str(tmp_path), max_tokens=4))
    result = apply(op, [record("four", "a a a", "b"), record("five", "a a a", "b c")])
    assert [r.id for r in result.kept] == ["four"]
    assert result.drops[0].reason == "5 tokens (most 4)"
    with pytest.raises(ModelError, match="no tokenizer there"):
        build(LengthConfig(tokenizer=str(tmp_path / "none"), max_tokens=4)).open()


def test_varied_text_stays_and_repetition_goes(record: MakeRecord) -> None:
    good = [record("en", ENGLISH), record("zh", CHINESE), record("short", "很好，很好！"), record("one", "好")]
    bad = [
        record("stutter", "不错不错不错不错不错不错"),
        record("phrase", "就是有点贵，还是有点贵。" * 4),
        record("words", "good " * 30),
        record("twice", ENGLISH + " " + ENGLISH),
        record("zh twice", CHINESE + CHINESE),
        record("lines", "\n".join([*(f"row {n} of the table has words of its own" for n in range(8)), *["same"] * 8])),
        record("answer", "为什么？", "哈" * 40),
    ]
    result = apply(build(RepetitionConfig()), good + bad)
    assert [r.id for r in result.kept] == [r.id for r in good]
    reasons = {d.record.id: d.reason for d in result.drops}
    assert reasons["lines"] == "the question: 0.44 of it repeated lines (most 0.3)"
    assert reasons["stutter"] == "the question: 1.00 of it the same three times on end (most 0.6)"
    assert reasons["answer"].startswith("the answer: 1.00")


def test_shares_are_those_of_the_paper_by_hand() -> None:
    found = repetition("one two three four five six one two three four five seven")
    # 19 characters of the run of five stand twice in 19 + 3 + 19 + 5
    assert found.repeated[0] == pytest.approx(38 / 46)
    assert found.repeated[1] == 0
    assert found.top == (0, 0, 0)  # twice is not yet three times
    assert repetition("a b x a b y a b z").top[0] == pytest.approx(6 / 9)


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet="ab 好坏，\n", max_size=60))
def test_shares_lie_between_nothing_and_all(text: str) -> None:
    found = repetition(text)
    assert all(0 <= share <= 1 for share in (found.lines, found.line_characters, found.stutter))
    assert all(0 <= share <= 1 for share in (*found.top, *found.repeated))
