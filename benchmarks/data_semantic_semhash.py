"""semhash's side of `benchmarks.data_semantic`, in a Python of its own: reads one .npz, writes one JSON.

In: `texts` (texts,), `vectors` (texts, dimension) and `thresholds`. Out: for each threshold the pairs of places
(dropped, kept), and the seconds of building the index and of the first deduplication.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np


class NoEncoder:
    """The vectors are given."""

    def encode(self, inputs: Any, **settings: Any) -> np.ndarray:  # noqa: ANN401  semhash's own protocol
        """Never called."""
        raise NotImplementedError


def main(source: str, target: str) -> None:
    """Deduplicates at every threshold; the first one is timed."""
    from semhash import SemHash

    with np.load(source) as data:
        texts, vectors, thresholds = data["texts"].tolist(), data["vectors"], data["thresholds"].tolist()
    place = {text: row for row, text in enumerate(texts)}
    started = time.perf_counter()
    hashes = SemHash.from_embeddings(embeddings=vectors, records=texts, model=NoEncoder())
    found, seconds = [], 0.0
    for threshold in thresholds:
        result = hashes.self_deduplicate(threshold=threshold)
        seconds = seconds or time.perf_counter() - started
        drops = [(place[drop.record], place[drop.duplicate_of]) for drop in result.filtered]
        found.append({"threshold": threshold, "drops": drops})
    Path(target).write_text(json.dumps({"seconds": seconds, "runs": found}), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
