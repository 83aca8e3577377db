"""Our metrics give the reference libraries' numbers."""

import random

import numpy as np
import pytest
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.metrics.bleu import BLEU

from seekforge.core.errors import ConfigError, DataError
from seekforge.evaluate.bootstrap import interval
from seekforge.evaluate.compare import by_label, compare, examples, majority, score
from seekforge.evaluate.decisions import decide
from seekforge.evaluate.metrics import METRICS
from seekforge.evaluate.metrics.f1 import token_f1
from seekforge.evaluate.predict import Prediction
from seekforge.evaluate.text import mostly_chinese, words

ENGLISH = [
    ("the card is blocked because it was lost", "The card is blocked because it was lost abroad."),
    ("a call-back is needed", "Changed bank details of a supplier need a call-back."),
    ("rent to a landlord under an order", "Rent to a known landlord under an existing standing order."),
    ("", "The customer holds a high public office."),
    ("the bank never alters a statement", "the bank never alters a statement"),
]
CHINESE = [
    ("这家酒店的服务非常好", "这家酒店的服务很好，下次还来。"),
    ("房间太小了，不值这个价", "房间很小，完全不值这个价钱！"),
    ("书的内容很一般", "书的内容非常一般，浪费时间"),
]


def pairs(source: list[tuple[str, str]], count: int) -> tuple[list[str], list[str]]:
    """Many pairs, cut and joined at random, so that lengths and overlaps differ."""
    chance = random.Random(3)
    made = []
    for _ in range(count):
        (p, r), (q, s) = chance.choice(source), chance.choice(source)
        made.append((p[: chance.randint(0, len(p))] + q, r + s))
    return [p for p, _ in made], [r for _, r in made]


def figure(metric: str, predictions: list[str], references: list[str]) -> float:
    measured = METRICS.load(metric)()
    return float(measured.figure(measured.rows(predictions, references)))


@pytest.mark.parametrize(("source", "tokenize"), [(ENGLISH, "13a"), (CHINESE, "zh")])
def test_bleu_is_sacrebleu(source: list[tuple[str, str]], tokenize: str) -> None:
    predictions, references = pairs(source, 250)
    expected = BLEU(tokenize=tokenize).corpus_score(predictions, [references]).score
    assert figure("bleu", predictions, references) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("kind", ["rouge1", "rouge2", "rougeL"])
def test_rouge_is_rouge_score(kind: str) -> None:
    predictions, references = pairs(ENGLISH, 250)
    scorer = RougeScorer([kind], use_stemmer=False)
    expected = np.mean([scorer.score(r, p)[kind].fmeasure for p, r in zip(predictions, references, strict=True)])
    assert figure(kind, predictions, references) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(("said", "wanted"), [("HOLD", "HOLD"), ("HOLD it", "HOLD"), ("NO", "HOLD"), ("", "HOLD")])
def test_bleu_of_a_single_pair_is_that_of_a_sentence(said: str, wanted: str) -> None:
    """A short answer that is right is worth something, so that it can win against one that is wrong."""
    expected = BLEU(effective_order=True).sentence_score(said, [wanted]).score
    assert figure("bleu", [said], [wanted]) == pytest.approx(expected, abs=1e-6)
    assert expected > 0 or said != wanted


def test_chinese_rouge_counts_words() -> None:
    assert figure("rouge1", ["酒店服务很好"], ["服务很好"]) > 0.5
    assert figure("rouge1", ["酒店"], ["服务"]) == 0


def test_words_fold_width_and_cut_chinese() -> None:
    assert words("ＨＯＬＤ, Rule 12!") == ["hold", "rule", "12"]
    assert words("iphone手机很好")[0] == "iphone"
    assert "手机" in words("iphone手机很好")
    assert mostly_chinese(["这是中文 ok"])
    assert not mostly_chinese(["mostly English 中"])


def test_token_f1_by_hand() -> None:
    assert token_f1("hold rule 12", "hold rule 3") == pytest.approx(2 / 3)
    assert token_f1("", "") == 1.0
    assert token_f1("", "👍") == token_f1("👎", "👍") == token_f1("hold", "👍") == 0.0
    assert token_f1("👍 ", "👍") == token_f1("？", "?") == 1.0
    assert token_f1("a a b", "a b b") == pytest.approx(2 / 3)  # repeated words count as often as both have them


def test_exact_match_folds() -> None:
    assert figure("exact_match", [" Ｈold.  Rule 1", "x"], ["hold. rule 1", "y"]) == 0.5


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("I would hold this. Do not APPROVE.", "HOLD"),
        ("The household was approved", ""),
        ("no decision", ""),
        ("verify, then HOLD", "VERIFY"),
        ("结论：ｈＯＬＤ。", "HOLD"),
        ("ＨＯＬＤＩＮＧ XＨＯＬＤ", ""),
    ],
)
def test_the_first_label_counts(answer: str, expected: str) -> None:
    assert decide(answer, ["APPROVE", "VERIFY", "HOLD"]) == expected


def test_chinese_labels_longest_first() -> None:
    assert decide("结论：不通过。", ["通过", "不通过"]) == "不通过"
    assert decide("评价是正面的", ["正面", "负面"]) == "正面"


def test_the_interval_holds_the_figure_and_repeats() -> None:
    rows = np.array([[1.0]] * 70 + [[0.0]] * 30)
    low, high = interval(rows, lambda r: float(r.mean()), 1000, 7)
    # The normal approximation gives 0.7 ± 0.09.
    assert low == pytest.approx(0.61, abs=0.02)
    assert high == pytest.approx(0.79, abs=0.02)
    assert interval(rows, lambda r: float(r.mean()), 1000, 7) == (low, high)


def prediction(number: int, label: str, decision: str) -> Prediction:
    return Prediction(str(number), f"case {number}", f"Rule: {label}.", label, f"Rule: {decision}.", decision, "stop")


def test_compare_reads_decisions() -> None:
    base = [prediction(i, "HOLD" if i < 6 else "APPROVE", "APPROVE") for i in range(10)]
    tuned = [prediction(i, "HOLD" if i < 6 else "APPROVE", "HOLD" if i < 5 else "APPROVE") for i in range(10)]
    found = compare("accuracy", base, tuned, 200, 7)
    assert (found.base, found.tuned) == (0.4, 0.9)
    assert found.gain == pytest.approx(50)
    assert found.tuned_interval[0] < 0.9 <= found.tuned_interval[1]
    assert by_label(base, tuned)[1] == {"label": "HOLD", "count": 6, "base": 0.0, "tuned": 5 / 6}
    assert majority(tuned) == 0.6
    shown = examples(base, tuned, 8)
    assert any(not row["tuned_correct"] for row in shown), "what is still wrong must be shown"
    assert sum(row["tuned_correct"] and not row["base_correct"] for row in shown) == 4


def test_what_cannot_be_scored_is_one_line() -> None:
    with pytest.raises(ConfigError, match="accuracy needs labels"):
        score("accuracy", [prediction(1, "", "")], 100, 7)
    with pytest.raises(DataError, match="no test records"):
        score("f1", [], 100, 7)
    with pytest.raises(ConfigError, match="did you mean 'bleu'"):
        METRICS.load("blue")
