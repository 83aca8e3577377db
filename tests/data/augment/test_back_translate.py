"""Back-translation as the guide draws it, around a translator that a test can script."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seekforge.core.config import BackTranslateConfig
from seekforge.core.errors import EngineError, InputError
from seekforge.core.records import Message, Record
from seekforge.data.augment.grammar.fake import FakeCorrector
from seekforge.data.augment.grammar.rules import RuleCorrector
from seekforge.data.augment.translate.fake import FakeTranslator
from seekforge.data.augment.words import Language
from seekforge.data.ops import GROW_OPS, Grown, Keep, OpContext, Remove
from seekforge.data.ops.back_translate import BackTranslate

LABELS = ("正面", "负面")
LONG = "这家酒店在火车站旁边，房间很大，服务员的态度也好"
CEDICT: dict[str, Any] = {"kind": "cedict"}
PIECES = ["酒店", "很", "宽敞", "北京", "3000", "不", "正面", "AB-1", "，", "十二天", "好"]
WINDOW = {"least": 0.3, "most": 0.95}


def review(id: str, text: str, label: str = "正面") -> Record:
    question = Message("user", f"评论是正面还是负面？\n{text}")
    return Record(id, (Message("system", "分析评论"), question, Message("assistant", label)), label, "train")


def config(**fields: object) -> BackTranslateConfig:
    return BackTranslateConfig.model_validate({"translator": CEDICT, "window": WINDOW, **fields})


def there_and_back(text: str, source: Language, target: Language) -> str:
    """English is the text with a mark; back comes another word for 酒店."""
    return f"EN[{text}]" if target == "en" else text[3:-1].replace("酒店", "宾馆").replace("很", "非常")


def opened(translator: FakeTranslator, scratch: Path | None = None, **fields: object) -> BackTranslate:
    op = BackTranslate(config(**fields), OpContext(LABELS, scratch=scratch), translator, [RuleCorrector()])
    op.check()
    op.open()
    return op


def judged(op: BackTranslate, records: list[Record]) -> list[tuple[Grown, Keep | Remove]]:
    grown = op.grow(records)
    return [(one, op.decide(one, found)) for one, found in zip(grown, op.measure(grown), strict=True)]


def test_there_back_corrected_added() -> None:
    translator = FakeTranslator(there_and_back)
    ((one, verdict),) = judged(opened(translator), [review("a", "这家酒店很宽敞,我们住了3天")])
    assert isinstance(verdict, Keep)
    assert verdict.record.text == "评论是正面还是负面？\n这家宾馆非常宽敞，我们住了3天"
    assert (verdict.record.label, verdict.record.answer) == ("正面", "正面")
    assert verdict.record.messages[0] == one.parent.messages[0]
    assert one.parent.id == "a"
    assert one.how == "zh→en→zh by fake translator, rough"
    assert verdict.evidence["between"] == "EN[这家酒店很宽敞,我们住了3天]"
    assert [asked[1:] for asked in translator.asked] == [("zh", "en"), ("en", "zh")]


@pytest.mark.parametrize(
    ("back", "kind", "reason"),
    [
        ("这家酒店宽敞极了，住了4天", "lost what it must keep", "the number 3 is gone"),
        ("这家酒店不宽敞，住了3天", "lost what it must keep", "1 negations, not 0"),
        ("正面：这家酒店很宽敞，3天", "lost what it must keep", "the label word '正面' stands there 1 times, not 0"),
        ("这家酒店很宽敞，住了3天", "unchanged", "the same as its parent"),
        ("完全是另外一句话，3", "too far from its parent", "similar to its parent by character pairs (least 0.3)"),
        ("这家酒店很宽敞，住了3天。", "too near its parent", "(most 0.8)"),
    ],
)
def test_what_is_not_added_and_why(back: str, kind: str, reason: str) -> None:
    translator = FakeTranslator(lambda text, source, target: "x" if target == "en" else back)
    op = opened(translator, window={"least": 0.3, "most": 0.8})
    ((_, verdict),) = judged(op, [review("a", "这家酒店很宽敞，住了3天")])
    assert isinstance(verdict, Remove)
    assert verdict.kind == kind and reason in verdict.reason


def test_a_failure_is_listed_in_the_place_of_the_record() -> None:
    translator = FakeTranslator(there_and_back, fails=lambda text: "停车" in text)
    records = [review("a", LONG), review("b", f"{LONG}\n但是停车很贵"), review("c", LONG)]
    found = {one.parent.id: verdict for one, verdict in judged(opened(translator), records)}
    assert isinstance(found["a"], Keep) and isinstance(found["c"], Keep)
    failed = found["b"]
    assert isinstance(failed, Remove)
    assert failed.kind == "no answer"
    assert failed.reason == "the translation from zh to en failed: as the script says"


def test_a_failed_correction_is_a_failure_too() -> None:
    op = BackTranslate(
        config(), OpContext(LABELS), FakeTranslator(there_and_back), [FakeCorrector(fails=lambda _: True)]
    )
    op.open()
    ((_, verdict),) = judged(op, [review("a", "酒店很宽敞")])
    assert isinstance(verdict, Remove) and verdict.reason == "the correction failed: as the script says"


def test_when_all_fail_the_work_stops_and_what_was_answered_stays(tmp_path: Path) -> None:
    records = [review(str(number), f"酒店很宽敞，第{number + 2}次来") for number in range(10)]
    first = FakeTranslator(there_and_back)
    opened(first, tmp_path).grow(records[:2])
    with pytest.raises(EngineError, match="what was answered before is kept"):
        opened(FakeTranslator(fails=lambda _: True), tmp_path).grow(records)
    second = FakeTranslator(there_and_back)
    assert len(opened(second, tmp_path).grow(records)) == 10
    assert len(first.asked) + len(second.asked) == 20


def test_translations_are_asked_for_once(tmp_path: Path) -> None:
    records = [review("a", "酒店很宽敞"), review("b", "酒店很宽敞")]
    translator = FakeTranslator(there_and_back)
    before = opened(translator, tmp_path).grow(records)
    assert len(translator.asked) == 2
    again = FakeTranslator(there_and_back)
    assert opened(again, tmp_path).grow(records[::-1])[::-1] == before
    assert again.asked == []


def test_batches_and_order_change_nothing() -> None:
    records = [review(str(number), f"酒店很宽敞，第{number + 2}次来") for number in range(12)]
    whole = opened(FakeTranslator(there_and_back)).grow(records)
    op = opened(FakeTranslator(there_and_back))
    assert [one for record in records for one in op.grow([record])] == whole


def test_lines_stay_where_they_are() -> None:
    op = opened(FakeTranslator(there_and_back))
    ((one, _),) = judged(op, [review("a", "酒店很大\n\n  酒店很新 \n")])
    assert one.record.text == "评论是正面还是负面？\n宾馆非常大\n\n宾馆非常新\n"


def test_languages_and_the_pivot() -> None:
    english = Record("e", (Message("user", "The hotel was quiet"), Message("assistant", "ok")))
    nothing = Record("n", (Message("user", "123 !!"), Message("assistant", "ok")))
    translator = FakeTranslator(lambda text, source, target: f"{target} {text}")
    assert [one.parent.id for one in opened(translator).grow([review("z", "很好"), english, nothing])] == ["z", "e"]
    assert {asked[1:] for asked in translator.asked} == {("zh", "en"), ("en", "zh")}
    assert [one.parent.id for one in opened(FakeTranslator(), pivot="en").grow([review("z", "很好"), english])] == ["z"]


def test_a_share_of_the_records() -> None:
    records = [review(str(number), "酒店很宽敞") for number in range(200)]
    tried = [one.parent.id for one in opened(FakeTranslator(there_and_back), share=0.2).grow(records)]
    assert 20 <= len(tried) <= 60


def test_a_translator_that_is_not_there_ends_it_before_the_work() -> None:
    op = BackTranslate(config(), OpContext(), FakeTranslator(reachable=False))
    with pytest.raises(InputError, match="not reachable") as caught:
        op.check()
    assert caught.value.exit_code == 2


@settings(max_examples=60)
@given(
    st.lists(st.sampled_from(PIECES), min_size=1, max_size=12),
    st.lists(st.sampled_from(PIECES), min_size=1, max_size=12),
)
def test_nothing_is_added_that_lost_something(parent: list[str], back: list[str]) -> None:
    """Whatever a translator answers, what is accepted keeps label, numbers, names and lies in the window."""
    answer = "".join(back)
    translator = FakeTranslator(lambda text, source, target: "x" if target == "en" else answer)
    op = opened(translator)
    record = review("a", "".join(parent), "负面")
    for one, verdict in judged(op, [record]):
        if isinstance(verdict, Keep):
            text = verdict.record.text.split("\n")[1]
            assert verdict.record.label == "负面" and verdict.record.answer == "负面"
            for kept in ("3000", "AB-1", "正面"):
                assert text.count(kept) == record.text.split("\n")[1].count(kept)
            assert WINDOW["least"] <= verdict.evidence["similarity"] <= WINDOW["most"]
            assert one.parent == record


def test_the_dictionary_says_that_it_is_rough() -> None:
    op: BackTranslate = GROW_OPS.load("back_translate")(config(), OpContext(LABELS))
    op.check()
    op.open()
    grown = op.grow([review("a", "酒店的早餐品种很多，服务员非常热情，房间也干净")])
    assert grown[0].how.endswith("rough")
    assert "breakfast" in str(grown[0].evidence["between"])
    assert grown[0].record.text != grown[0].parent.text
