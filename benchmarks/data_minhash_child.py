"""py-data-juicer's side of `data_minhash.py`; runs in its environment, without this project."""

import json
import sys
import time

from data_juicer.ops.deduplicator.document_minhash_deduplicator import DocumentMinhashDeduplicator
from datasets import Dataset


def main() -> None:
    """Writes seconds and kept texts of each round as JSON."""
    with open(sys.argv[1], encoding="utf-8") as file:  # noqa: PTH123  as plain as can be
        texts = json.load(file)
    rows = []
    for _ in range(int(sys.argv[2])):
        op = DocumentMinhashDeduplicator(
            tokenization="character", window_size=5, lowercase=False, num_permutations=128, jaccard_threshold=0.7
        )
        started = time.process_time()
        hashed = [op.compute_hash({"text": text}) for text in texts]
        kept, _ = op.process(Dataset.from_list(hashed))
        rows.append({"seconds": time.process_time() - started, "kept": len(kept)})
    sys.stdout.write(json.dumps(rows) + "\n")


if __name__ == "__main__":
    main()
