from __future__ import annotations

import unicodedata
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seekforge.core.config import NormaliseConfig
from seekforge.core.records import Message, Record
from seekforge.data.ops import build
from seekforge.data.ops.memory import apply
from seekforge.data.ops.normalise import Form, normalise

MakeRecord = Callable[..., Record]
# Characters that rules act on, thrown in more often than chance would.
TRICKY = (
    "，！？：；（）…～。、《》你好ａ１ a1\n\t\r\x00\x07\u00a0\u3000\u200b\u200c\u200d\ufeff\u202e\u2064\u00ad\ufe0f"
)
TRICKY += "👩💻❤🔥"
TRICKY += "بشن\u064b\ufe70\ufdfaक\u094dषﬁ㈱①\u0301e゙が\uff9e\u2028\x85\U000e0067🏴\u1ffe\u00b4\u037e\ufe10\ufe19ｶ"
TEXT = st.text(st.one_of(st.sampled_from(TRICKY), st.characters(exclude_categories=["Cs"])), max_size=40)


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("ＡＣＣＯＵＮＴ　１２３", "ACCOUNT 123"),
        ("ＯＫ，ｇｏ！", "OK,go!"),
        ("金额１００，请审核！", "金额100，请审核！"),
        ("真的？！（是）：《规则》、「好」…", "真的？！（是）：《规则》、「好」…"),
        ("编号：ＡＢ１２；金额：５０％", "编号：AB12；金额:50%".replace("金额:", "金额：")),
        ("A，B", "A,B"),
        ("ﬁne ①", "fine 1"),
        ("pay\u200bpal \ufeffnow\u202e!\u2066x\u00ad", "paypal now!x"),
        ("bell\x07 nul\x00 tab\there", "bell nul tab here"),
        ("  a   b \u00a0 c  \r\n  d\r\n\r\n\r\n\r\ne ", "a b c\nd\n\ne"),
        ("e\u200b\u0301", "é"),
        ("👩\u200d💻 ❤️\u200d🔥", "👩\u200d💻 ❤️\u200d🔥"),
        ("a\u200db 你\u200d好", "ab 你好"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("क\u094d\u200dष ക\u0d4d\u200d", "क\u094d\u200dष ക\u0d4d\u200d"),
        ("سلام\u200c hi", "سلام hi"),
        ("hidden\U000e0068\U000e0069", "hidden"),
        ("\u200b\ufeff \x07", ""),
    ],
)
def test_normalise(raw: str, clean: str) -> None:
    assert normalise(raw) == clean


def test_nfc_leaves_full_width_forms() -> None:
    assert normalise("Ａ，e\u0301\u200b", "NFC") == "Ａ，é"


@settings(max_examples=600, deadline=None)
@given(TEXT, st.sampled_from(["NFKC", "NFC"]))
def test_normalise_is_idempotent_and_leaves_nothing_invisible(text: str, form: Form) -> None:
    once = normalise(text, form)
    assert normalise(once, form) == once
    assert not any(unicodedata.category(char) == "Cc" for char in once.replace("\n", ""))
    assert not set(once) & set("\u200b\u200e\u200f\u202a\u202e\u2060\u2064\ufeff\t\u00a0\u3000")
    assert "  " not in once
    assert "\n\n\n" not in once
    assert unicodedata.is_normalized("NFC", once)


def test_characters_of_all_planes_are_stable_in_every_neighbourhood() -> None:
    for code in (*range(0xD800), *range(0xE000, 0x20000, 5), *range(0xE0000, 0xE0200, 5)):
        for frame in ("a{}b", "你{}，", "ب\u200d{}\u200cب", "👩{}\u200d💻", "{}\u0301"):
            once = normalise(frame.format(chr(code)))
            assert normalise(once) == once, hex(code)


def test_op_cleans_all_messages_counts_changes_and_drops_the_empty(record: MakeRecord) -> None:
    turns = (Message("system", "ｓ"), Message("user", "ｕ"), Message("assistant", "ａ"))
    records = [record("1", "same", "same"), Record("2", turns), record("3", "\u200b"), record("4", "q", "\ufeff")]
    result = apply(build(NormaliseConfig.model_validate({})), records)
    assert [r.id for r in result.kept] == ["1", "2"]
    assert [m.content for m in result.kept[1].messages] == ["s", "u", "a"]
    assert result.changed == 1
    assert [(d.record.id, d.reason) for d in result.drops] == [
        ("3", "the question has no visible character"),
        ("4", "the answer has no visible character"),
    ]
    assert str(result) == "normalise: 2 kept (1 changed), 2 dropped"
