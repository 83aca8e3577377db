"""Whether augmentation helps: 200 real Chinese reviews to learn from, 1,000 others to be judged by.

    python -m benchmarks.data_augment --out augment.json
    python -m benchmarks.data_augment --llm --seeds 2      # the fine-tuning of recipes/reviews_zh.yaml as well: hours

Each seed draws other 200 reviews, 100 of each class; what is made of them goes through the leak check against the
held-out ones, as the data stage does it. Two quick heads learn: TF-IDF of one to three characters, and the vectors of
multilingual-e5-small, each with a logistic regression as the library has it. An augmented set is larger, which alone
makes a regularised model bolder, so one side has every record twice: what augmentation gives is what it gives beyond
that. Differences are taken seed by seed; the interval is Student's, over the seeds.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from examples.reviews_zh.make import FILES, INSTRUCTION, choose, package_folder, read
from numpy.typing import NDArray
from scipy import stats
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from seekforge.core.config import ExactConfig, LeakConfig, MinhashConfig, NormaliseConfig, RemoteConfig
from seekforge.core.config.augment import BackTranslateConfig, OpenaiTranslatorConfig, SynonymsConfig
from seekforge.core.records import Message, Record
from seekforge.data.leak import settle
from seekforge.data.ops import GROW_OPS, OpContext, build
from seekforge.data.ops.memory import apply
from seekforge.data.ops.protocol import Keep
from seekforge.data.split import Splits

ROOT = Path(__file__).parents[1]
LABELS = ("正面", "负面")
TRAIN, HELD_OUT, POOL = 200, 1_000, 3_000
Grow = Callable[[Sequence[Record], int], list[Record]]
Head = Callable[[Sequence[Record], Sequence[Record]], float]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs everything and shows the table."""
    options = _parser().parse_args(arguments)
    started = time.perf_counter()
    pool = clean(reviews(POOL, options.seed))
    held_out, rest = divided(pool, options.seed)
    sides = make_sides(options)
    heads: dict[str, Head] = {"character n-grams": ngram_head}
    if not options.skip_e5:
        heads["e5 vectors"] = E5Head().accuracy
    if options.llm:
        heads["SmolLM2, recipes/reviews_zh.yaml"] = llm_head
    rows: list[dict[str, Any]] = []
    for seed in range(1, options.seeds + 1):
        train = sample(rest, seed)
        for side, grow in sides.items():
            added, tally = checked(train, grow(train, seed), held_out)
            for head, accuracy in heads.items():
                figure = accuracy([*train, *added], held_out)
                rows.append({"seed": seed, "side": side, "head": head, "added": len(added), "accuracy": figure})
                rows[-1] |= {"leaks": tally}
                print(f"seed {seed} {head}: {side}: {figure:.4f}, {len(added)} added", file=sys.stderr, flush=True)
    table = summary(rows, list(sides))
    show(table, options.seeds, len(held_out), time.perf_counter() - started)
    if options.out:
        text = json.dumps({"rows": rows, "table": table}, ensure_ascii=False, indent=1)
        options.out.write_text(text + "\n", encoding="utf-8")
    return 0


def reviews(limit: int, seed: int) -> list[Record]:
    """So many reviews of each class, as the example's script takes them from the package."""
    folder, rng = package_folder(), Random(seed)
    chosen = [one for file in FILES for one in choose(read(folder, file), limit, 120, rng)]
    return [record(f"{one.file}-{one.line}", one.text, FILES[one.file], INSTRUCTION) for one in chosen]


def record(id: str, text: str, label: str, instruction: str) -> Record:
    """A review as the recipe has it."""
    return Record(id, (Message("user", f"{instruction}\n{text}"), Message("assistant", label)), label, "train")


def text_of(one: Record) -> str:
    """The review without the question."""
    return one.text.partition("\n")[2]


def clean(records: Sequence[Record]) -> list[Record]:
    """The recipe's cleaning, before anything is divided."""
    for config in (NormaliseConfig(), ExactConfig(), MinhashConfig(threshold=0.7, shingle=3)):
        records = apply(build(config), records).kept
    return sorted(records, key=lambda one: one.id)


def divided(pool: Sequence[Record], seed: int) -> tuple[list[Record], dict[str, list[Record]]]:
    """Held-out reviews, as many of each class, and the rest by class."""
    held_out, rest = [], {}
    for label in LABELS:
        mine = [one for one in pool if one.label == label]
        Random(seed).shuffle(mine)
        held_out += [one.with_split("test") for one in mine[: HELD_OUT // 2]]
        rest[label] = mine[HELD_OUT // 2 :]
    return held_out, rest


def sample(rest: Mapping[str, Sequence[Record]], seed: int) -> list[Record]:
    """The reviews of one seed to learn from."""
    rng = Random(seed)
    return [one for label in LABELS for one in rng.sample(list(rest[label]), TRAIN // 2)]


def checked(train: Sequence[Record], added: Sequence[Record], held_out: Sequence[Record]) -> tuple[list[Record], int]:
    """What may be added: nothing that is like a held-out review. Also how many were."""
    result = settle(Splits(tuple(added), (), tuple(held_out)), LeakConfig(threshold=0.7, shingle=3))
    return list(result.splits.train), len(result.drops)


def make_sides(options: argparse.Namespace) -> dict[str, Grow]:
    """Who adds what; the first is the one that all are compared with."""
    three = grower(SynonymsConfig(copies=3))
    cedict = BackTranslateConfig.model_validate({"translator": {"kind": "cedict"}})
    sides: dict[str, Grow] = {
        "as it is": lambda train, seed: [],
        "every record twice": lambda train, seed: [replace(one, id=f"{one.id}~twice") for one in train],
        "synonyms, at most 1 a record": lambda train, seed: first_of(three(train, seed)),
        "synonyms, at most 3 a record": three,
        "back-translation, CC-CEDICT": grower(cedict),
    }
    both = (sides["synonyms, at most 1 a record"], sides["back-translation, CC-CEDICT"])
    sides["synonyms and back-translation"] = lambda train, seed: [one for grow in both for one in grow(train, seed)]
    if options.endpoint:
        remote = RemoteConfig(url=options.endpoint, model=options.endpoint_model)
        translator = OpenaiTranslatorConfig(endpoint=remote)
        sides[f"back-translation, {options.endpoint_model}"] = grower(BackTranslateConfig(translator=translator))
    return sides


def first_of(records: Sequence[Record]) -> list[Record]:
    """The first accepted record of each parent."""
    found: dict[str, Record] = {}
    for one in records:
        found.setdefault(one.id.partition("~")[0], one)
    return list(found.values())


def grower(config: SynonymsConfig | BackTranslateConfig) -> Grow:
    """The op of a config: what it proposes and accepts."""
    made: dict[int, list[Record]] = {}  # two sides may ask for the same

    def grow(train: Sequence[Record], seed: int) -> list[Record]:
        if seed in made:
            return made[seed]
        op = GROW_OPS.load(config.op)(config, OpContext(LABELS, seed=seed))
        op.check()
        op.open()
        proposed = op.grow(train)
        verdicts = [op.decide(one, found) for one, found in zip(proposed, op.measure(proposed), strict=True)]
        kinds = Counter("added" if isinstance(one, Keep) else one.kind for one in verdicts)
        print(f"  {config.op}: {dict(kinds)}", file=sys.stderr)
        kept = [one.record for one in verdicts if isinstance(one, Keep)]
        made[seed] = [replace(one, id=f"{one.id}~{config.op}-{number}") for number, one in enumerate(kept)]
        return made[seed]

    return grow


def ngram_head(train: Sequence[Record], test: Sequence[Record]) -> float:
    """Accuracy of TF-IDF of 1 to 3 characters with a logistic regression."""
    features = TfidfVectorizer(analyzer="char", ngram_range=(1, 3), sublinear_tf=True)
    shown = features.fit_transform(map(text_of, train))
    return _fitted(shown, train).score(features.transform(map(text_of, test)), [one.label for one in test])


class E5Head:
    """Vectors of multilingual-e5-small with a logistic regression; each text is embedded once."""

    def __init__(self) -> None:
        from seekforge.engines.embed.e5 import E5Embedder

        self._embedder = E5Embedder()
        self._known: dict[str, Any] = {}

    def accuracy(self, train: Sequence[Record], test: Sequence[Record]) -> float:
        """Of the test."""
        return _fitted(self._vectors(train), train).score(self._vectors(test), [one.label for one in test])

    def _vectors(self, records: Sequence[Record]) -> NDArray[np.float32]:
        texts = [text_of(one) for one in records]
        missing = list(dict.fromkeys(text for text in texts if text not in self._known))
        for start in range(0, len(missing), 100):
            batch = missing[start : start + 100]
            self._known.update(zip(batch, self._embedder.embed(batch, "query"), strict=True))
        return np.stack([self._known[text] for text in texts])


def _fitted(features: Any, train: Sequence[Record]) -> LogisticRegression:  # noqa: ANN401  an array or a sparse matrix
    return LogisticRegression(max_iter=1000).fit(features, [one.label for one in train])


def llm_head(train: Sequence[Record], test: Sequence[Record]) -> float:
    """Accuracy of the recipe's fine-tuning on these records; 100 held-out ones, as generation is slow."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        parts = {"train": list(train), "test": list(test[:50]) + list(test[-50:]), "validation": test[60:80]}
        with (folder / "data.jsonl").open("w", encoding="utf-8") as out:
            for split, records in parts.items():
                for one in records:
                    row = {"id": f"{split} {one.id}", "messages": [m.to_dict() for m in one.messages]}
                    out.write(json.dumps(row | {"label": one.label, "split": split}, ensure_ascii=False) + "\n")
        settings = {
            "data.sources": f"[{{path: {folder / 'data.jsonl'}}}]",
            "data.split.column": "split",
            "data.ops": "[{op: normalise}]",
            "gates": "{}",
        }
        command = [sys.executable, "-m", "seekforge", "run", str(ROOT / "recipes" / "reviews_zh.yaml")]
        command += ["--until", "evaluate", *(part for pair in settings.items() for part in ("--set", "=".join(pair)))]
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        report = json.loads((folder / "runs" / "latest" / "report.json").read_text(encoding="utf-8"))
    found = [one["value"] for one in report["measurements"] if one["name"] == "evaluate.accuracy"]
    return float(found[0]) / 100


def summary(rows: Sequence[Mapping[str, Any]], sides: Sequence[str]) -> list[dict[str, Any]]:
    """Means, and differences to the first two sides with their intervals, in points."""
    table = []
    for head in dict.fromkeys(row["head"] for row in rows):
        by = {side: [row for row in rows if row["head"] == head and row["side"] == side] for side in sides}
        scores = {side: np.array([row["accuracy"] for row in mine]) for side, mine in by.items()}
        for side in sides:
            row = {"head": head, "side": side, "added": float(np.mean([one["added"] for one in by[side]]))}
            row |= {"accuracy": float(scores[side].mean())}
            for name, base in (("gain", sides[0]), ("over_twice", sides[1])):
                row |= {name: interval(100 * (scores[side] - scores[base]))}
            table.append(row)
    return table


def interval(differences: NDArray[np.float64]) -> list[float]:
    """Mean and both ends of Student's 95 % interval."""
    mean, count = float(np.mean(differences)), len(differences)
    if count < 2:
        return [mean, -math.inf, math.inf]
    half = float(stats.t.ppf(0.975, count - 1) * np.std(differences, ddof=1) / math.sqrt(count))
    return [mean, mean - half, mean + half]


def show(table: Sequence[Mapping[str, Any]], seeds: int, held_out: int, seconds: float) -> None:
    """Prints it as Markdown."""
    print(f"{TRAIN} reviews to learn from, {held_out} held out, {seeds} seeds, {seconds:.0f} s\n")
    print("| head | training records | added | accuracy | gain in points | against every record twice |")
    print("| --- | --- | ---: | ---: | ---: | ---: |")
    for row in table:
        gain, over = ("{:+.2f} ({:+.2f} to {:+.2f})".format(*row[name]) for name in ("gain", "over_twice"))
        print(
            f"| {row['head']} | {row['side']} | {row['added']:.0f} | {100 * row['accuracy']:.2f} % | {gain} | {over} |"
        )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Measure what augmentation gives.")
    parser.add_argument("--seeds", type=int, default=5, help="training sets that are drawn")
    parser.add_argument("--seed", type=int, default=7, help="of the held-out reviews")
    parser.add_argument("--skip-e5", action="store_true", help="character n-grams alone: two minutes")
    parser.add_argument("--endpoint", help="an OpenAI-compatible endpoint that translates as well")
    parser.add_argument("--endpoint-model", default="default", help="its model's name")
    parser.add_argument(
        "--llm", action="store_true", help="fine-tune the recipe's model too: half an hour a seed and side"
    )
    parser.add_argument("--out", type=Path, help="a JSON file for every figure")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
