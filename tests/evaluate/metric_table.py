"""`python -m tests.evaluate.metric_table`: each metric and its reference on 250 English and 250 Chinese pairs."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF
from sklearn.metrics import accuracy_score, f1_score
from tests.evaluate.test_real_pairs import PAIRS, Pairs, decisions, figure, squad_f1

from seekforge.evaluate.metrics.exact_match import fold
from seekforge.evaluate.text import ngrams, words

Row = tuple[str, str, Pairs, float]


class Words:
    """rouge-score with our words, so that only the measure is compared."""

    def tokenize(self, text: str) -> list[str]:
        return words(text)


def of_texts(language: str) -> Iterator[Row]:
    """Each metric of texts, its reference, the pairs and the reference's figure."""
    pairs = answers, references = PAIRS[language]
    tokenize = "zh" if language == "zh" else "13a"
    yield "bleu", f"sacreBLEU, {tokenize}", pairs, BLEU(tokenize=tokenize).corpus_score(answers, [references]).score
    yield "chrf", "sacreBLEU", pairs, CHRF().corpus_score(answers, [references]).score
    for kind in ("rouge1", "rouge2", "rougeL"):
        scorer = RougeScorer([kind], tokenizer=Words())
        scores = [scorer.score(r, a)[kind].fmeasure for a, r in zip(answers, references, strict=True)]
        yield kind, "rouge-score", pairs, float(np.mean(scores))
    wanted = [squad_f1(words(a), words(r)) for a, r in zip(answers, references, strict=True)]
    yield "f1", "SQuAD's definition", pairs, float(np.mean(wanted))
    folded = [[fold(text) for text in side] for side in pairs]
    yield "exact_match", "scikit-learn", pairs, float(accuracy_score(*folded))
    cut = [words(answer) for answer in answers]
    for size in (1, 2):
        runs = [run for own in cut for run in ngrams(own, size)]
        yield f"distinct{size}", "its definition", pairs, len(set(runs)) / len(runs)


def of_labels() -> Iterator[Row]:
    """The same of the metrics of decisions."""
    pairs = answers, right = decisions()
    labels = sorted({*answers, *right} - {""})
    yield "accuracy", "scikit-learn", pairs, float(accuracy_score(right, answers))
    yield "macro_f1", "scikit-learn", pairs, float(f1_score(right, answers, labels=labels, average="macro"))


if __name__ == "__main__":
    for name, rows in {"en": of_texts("en"), "zh": of_texts("zh"), "both": of_labels()}.items():
        for metric, reference, pairs, wanted in rows:
            ours = figure(metric, pairs)
            print(f"| {metric} | {name} | {ours:.6f} | {wanted:.6f} | {abs(ours - wanted):.0e} | {reference} |")  # noqa: T201
