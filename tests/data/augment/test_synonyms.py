"""Synonym replacement: what is never touched, what depends on nothing but seed and id, what the thesauri offer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seekforge.core.config import GuardedConfig, SynonymsConfig, WindowConfig
from seekforge.core.errors import ResourceError
from seekforge.core.records import Message, Record
from seekforge.data.augment.keep import Keeper
from seekforge.data.augment.replace import free_words, replaced
from seekforge.data.augment.thesaurus.cilin import Cilin, groups_of
from seekforge.data.augment.thesaurus.fake import FakeThesaurus
from seekforge.data.augment.thesaurus.protocol import Choice
from seekforge.data.augment.thesaurus.wordnet import DEBIAN, WordNet
from seekforge.data.augment.window import Likeness, by_ngrams
from seekforge.data.augment.words import Tagger, Word, english
from seekforge.data.ops import GROW_OPS, Grown, Keep, OpContext, Remove
from seekforge.data.ops.synonyms import Synonyms

MakeRecord = Callable[..., Record]
LABELS = ("正面", "负面")
TAGGER = Tagger(["上网本"])
KEEPER = Keeper(TAGGER, LABELS, ["上网本"])
PIECES = ["房间", "干净", "正面", "负面", "北京", "3000元", "二十三天", "不便宜", "没有", "上网本", "AB-12"]
PIECES += ["早餐", "服务员", "很好", "，", "我们", "购买"]
CASES = [
    "房间很干净，早餐的品种也多，服务员的态度非常友好",
    "买了一台3000元的上网本，配置不高，但是平时上网足够了",
    "酒店的位置在北京，交通便利，附近的餐厅也不错",
]


def review(id: str, text: str, label: str = "正面") -> Record:
    question = Message("user", f"评论是正面还是负面？\n{text}")
    return Record(id, (Message("system", "分析评论"), question, Message("assistant", label)), label, "train")


def accepted(op: Synonyms, records: Sequence[Record]) -> list[Grown]:
    grown = op.grow(records)
    found = zip(grown, op.measure(grown), strict=True)
    return [one for one, finding in found if isinstance(op.decide(one, finding), Keep)]


def opened(config: SynonymsConfig | None = None, seed: int = 7) -> Synonyms:
    op = Synonyms(config or SynonymsConfig(), OpContext(LABELS, seed=seed))
    op.check()
    op.open()
    return op


@pytest.fixture(scope="module")
def op() -> Synonyms:
    return opened(SynonymsConfig(rate=0.4, copies=3))


@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=12), st.integers(0, 2**32), st.floats(0.01, 1))
def test_protected_stretches_never_change(pieces: list[str], seed: int, rate: float) -> None:
    """Every word that is free may become anything; what is protected stands in the same order between."""
    text = "".join(pieces)
    words = TAGGER.words(text)
    spans = KEEPER.spans(text, words)
    choices = {word: [Choice("〇〇", 1.0)] for word in free_words(words, spans)}
    done = replaced(text, choices, rate, len(words), Random(seed))
    place = -1
    # From left to right; a stretch inside a longer one begins where that does or later.
    for start, end in sorted({(span.start, span.end) for span in spans}, key=lambda ends: (ends[0], -ends[1])):
        place = done.text.find(text[start:end], max(place, 0))
        assert place >= 0, (text, done.text, text[start:end])
    for label in LABELS:
        assert done.text.count(label) == text.count(label)
    assert done.text.count("〇〇") == len(done.pairs)


@settings(max_examples=25)
@given(st.lists(st.sampled_from(PIECES), min_size=3, max_size=15), st.sampled_from(LABELS))
def test_what_is_added_keeps_label_answer_and_window(op: Synonyms, pieces: list[str], label: str) -> None:
    record = review("r", "".join(pieces), label)
    grown = op.grow([record])
    for one, finding in zip(grown, op.measure(grown), strict=True):
        verdict = op.decide(one, finding)
        if isinstance(verdict, Keep):
            child = verdict.record
            assert (child.label, child.answer, child.messages[0]) == (label, label, record.messages[0])
            assert child.text.split("\n")[0] == record.text.split("\n")[0]
            assert op.config.window.least <= finding.similarity <= op.config.window.most
            assert not KEEPER.lost(KEEPER.substance(record.text), KEEPER.substance(child.text))
            assert child.text != record.text


def test_real_reviews_get_new_words(op: Synonyms) -> None:
    grown = accepted(op, [review(str(number), text) for number, text in enumerate(CASES)])
    assert {one.parent.id for one in grown} == {"0", "1", "2"}
    assert len({one.record.text for one in grown}) == len(grown) >= 6
    for one in grown:
        for old, new in one.evidence["replaced"]:
            assert old in one.parent.text and new in one.record.text and old != new


def test_chance_belongs_to_the_record_alone(op: Synonyms) -> None:
    records = [review(str(number), text) for number, text in enumerate(CASES * 4)]
    whole = {(one.parent.id, one.record.text) for one in op.grow(records)}
    pieces = {(one.parent.id, one.record.text) for record in reversed(records) for one in op.grow([record])}
    assert whole == pieces
    other = {(one.parent.id, one.record.text) for one in opened(op.config, seed=8).grow(records)}
    assert whole != other


def test_a_share_is_a_share_of_the_ids() -> None:
    records = [review(str(number), CASES[0]) for number in range(200)]
    op = opened(SynonymsConfig(share=0.25))
    tried = {one.parent.id for one in op.grow(records)}
    assert 30 <= len(tried) <= 70
    assert {one.parent.id for one in op.grow(records[::-1])} == tried


def test_an_embedder_measures_when_it_is_asked_for() -> None:
    config = SynonymsConfig(window=WindowConfig(measure="fake", least=0.0, most=1.0))
    op = opened(config)
    grown = op.grow([review("0", CASES[0])])
    found = op.measure(grown)
    plain = opened().measure(grown)
    assert [one.similarity for one in found] != [one.similarity for one in plain]


def test_what_the_embedder_cannot_read_is_measured_by_character_pairs() -> None:
    likeness = Likeness(WindowConfig(measure="fake", least=0.0, most=1.0))
    likeness.open()
    pairs = [("room", "room\0"), ("room", " "), ("room", "word " * 600)]
    assert likeness.of(pairs) == [by_ngrams(*pair) for pair in pairs]


def test_lines_that_a_pattern_keeps_stay() -> None:
    op = opened(SynonymsConfig(rate=1.0, guarded=GuardedConfig(keep_lines="^编号")))
    grown = op.grow([review("0", "编号：房间早餐\n" + CASES[0])])
    assert grown and all(one.record.text.split("\n")[1] == "编号：房间早餐" for one in grown)


def test_a_thesaurus_may_offer_nothing() -> None:
    op = Synonyms(SynonymsConfig(), OpContext(LABELS), {"zh": FakeThesaurus({}), "en": FakeThesaurus({})})
    op.open()
    assert op.grow([review("0", CASES[0])]) == []


def test_it_is_registered() -> None:
    assert isinstance(GROW_OPS.load("synonyms")(SynonymsConfig(), OpContext()), Synonyms)


def test_cilin_offers_only_words_of_the_same_class_and_one_meaning() -> None:
    lines = ["Bn01A01= 房间 屋子 房", "Ed01A01= 干净 整洁", "Ed02A01= 干净 清爽", "Aa01A01# 房间 院子", "Bp01A01@ 早餐"]
    cilin = Cilin(groups_of(lines), {"屋子": 900, "整洁": 50, "清爽": 50}, {"屋子": "n"})
    cilin.open()
    assert [one.text for one in cilin.synonyms(Word("房间", 0, "noun", "n"))] == ["屋子"]
    assert cilin.synonyms(Word("房间", 0, "verb", "v")) == ()
    assert cilin.synonyms(Word("干净", 0, "adjective", "a")) == ()  # two groups: which is meant?
    assert cilin.synonyms(Word("早餐", 0, "noun", "n")) == ()


def test_the_real_cilin() -> None:
    cilin = Cilin()
    cilin.open()
    assert {"早饭"} <= {one.text for one in cilin.synonyms(Word("早餐", 0, "noun", "n"))}


@pytest.fixture
def wordnet(tmp_path: Path) -> WordNet:
    """A database of three meanings, in the files' own format."""
    licence = "  1 This software and database is being provided to you\n"
    for name in ("noun", "verb", "adj", "adv"):
        data, index = [licence], [licence]
        if name == "verb":
            data.append("00000060 40 v 02 buy 0 purchase 0 001 @ 00000000 v 0000 01 + 08 00 | obtain  \n")
            offset = len(data[0])
            index += [f"buy v 1 1 @ 1 1 {offset:08}  \n", f"purchase v 1 1 @ 1 1 {offset:08}  \n"]
        if name == "adj":
            data.append("00000060 00 s 03 big 0 large 0 sizeable(p) 0 000 | above average  \n")
            first = len(data[0])
            data.append("00000200 00 a 02 big 1 mature 0 000 | grown  \n")
            second = first + len(data[1])
            index += [f"big a 2 0 2 1 {first:08} {second:08}  \n", f"large a 1 0 1 1 {first:08}  \n"]
            index += [f"mature a 1 0 1 0 {second:08}  \n", f"sizeable a 1 0 1 0 {first:08}  \n"]
        (tmp_path / f"data.{name}").write_text("".join(data), encoding="ascii")
        (tmp_path / f"index.{name}").write_text("".join(index), encoding="ascii")
    counts = ["big%3:00:01:: 1 90", "big%3:00:02:: 2 10", "buy%2:40:00:: 1 30", "large%5:00:00:big:01 1 40"]
    counts.append("purchase%2:40:00:: 1 2")
    (tmp_path / "cntlist.rev").write_text("".join(f"{line}\n" for line in counts), encoding="ascii")
    found = WordNet(tmp_path)
    found.open()
    return found


def test_wordnet_gives_the_first_meaning_in_the_right_ending(wordnet: WordNet) -> None:
    words = {word.text: word for word in english("She bought a big house, and they buy it")}
    assert [one.text for one in wordnet.synonyms(words["bought"])] == ["purchased"]
    assert [one.text for one in wordnet.synonyms(words["buy"])] == ["purchase"]
    assert {one.text: one.weight for one in wordnet.synonyms(words["big"])} == {"large": 40.0}  # sizeable is never seen
    assert wordnet.synonyms(words["house"]) == ()


def test_wordnet_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(ResourceError, match=r"no WordNet database: .*index\.noun cannot be read\. .*wordnet-base"):
        Synonyms(SynonymsConfig(wordnet=tmp_path / "none"), OpContext()).check()


def test_an_english_line_among_chinese_ones_does_not_end_the_work(tmp_path: Path) -> None:
    op = Synonyms(SynonymsConfig(), OpContext(LABELS), {"zh": Cilin(), "en": WordNet(tmp_path)})
    op.open()
    grown = op.grow([review("e", "A big house"), review("z", CASES[0])])
    verdicts = {one.parent.id: op.decide(one, found) for one, found in zip(grown, op.measure(grown), strict=True)}
    failed = verdicts["e"]
    assert isinstance(failed, Remove) and failed.kind == "no answer" and "wordnet-base" in failed.reason
    assert isinstance(verdicts["z"], Keep)


@pytest.mark.skipif(not (DEBIAN / "index.noun").is_file(), reason="Debian's wordnet-base is not installed")
def test_the_real_wordnet() -> None:
    found = WordNet(DEBIAN)
    found.open()
    words = {word.text: word for word in english("The physicians bought cars quickly")}
    assert "doctors" in {one.text for one in found.synonyms(words["physicians"])}
    assert "purchased" in {one.text for one in found.synonyms(words["bought"])}


def test_english_records_keep_names_and_numbers(wordnet: WordNet) -> None:
    op = Synonyms(SynonymsConfig(rate=1.0), OpContext(("APPROVE", "DECLINE")), {"en": wordnet, "zh": wordnet})
    op.open()
    text = "Maria bought 3 big rings from Tiffany for $4,200, never a big sum. APPROVE?"
    record = Record("e", (Message("user", text), Message("assistant", "DECLINE")), "DECLINE")
    (one,) = op.grow([record])
    assert "purchased" in one.record.text
    for kept in ("Maria", "3", "Tiffany", "$4,200", "never", "APPROVE"):
        assert kept in one.record.text
