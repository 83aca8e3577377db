"""How the data stage grows: seconds by op and peak memory for ten thousand, a hundred thousand and a million records.

    python -m benchmarks.data_scale --json data_scale.json

Short records are made up: of a hundred, ten repeat an earlier one to the letter and ten but for one word. The stage
runs as the command `seekforge data`; the memory is the sum over its processes of what each holds (RSS, so shared pages
count once for each), looked at twenty times a second.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any

import psutil

from seekforge.core import hardware

_WORDS = 12
_VOCABULARY = 4000


def records(count: int, seed: int) -> Iterator[dict[str, str]]:
    """Made-up questions of twelve words with their answers, duplicates among them."""
    chance = Random(seed)
    vocabulary = [
        "".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=chance.randint(3, 9))) for _ in range(_VOCABULARY)
    ]
    recent: list[list[str]] = []
    for number in range(count):
        draw = chance.random()
        if draw < 0.2 and recent:
            words = list(chance.choice(recent))
            if draw < 0.1:
                words[chance.randrange(_WORDS)] = chance.choice(vocabulary)
        else:
            words = chance.choices(vocabulary, k=_WORDS)
        if len(recent) < 5000:
            recent.append(words)
        else:
            recent[number % 5000] = words
        yield {"instruction": " ".join(words), "output": f"answer {len(words[0])}", "label": "ab"[len(words[1]) % 2]}


def measured(command: Sequence[str]) -> tuple[float, int]:
    """Seconds that a command takes, and the most bytes that it and its children held at one time."""
    started, peak = time.perf_counter(), 0
    child = psutil.Popen(command, stdout=subprocess.DEVNULL)
    while child.poll() is None:
        peak = max(peak, _held(child))
        time.sleep(0.05)
    if child.returncode:
        raise SystemExit(f"{' '.join(command)}: exit code {child.returncode}")
    return time.perf_counter() - started, peak


def _held(process: psutil.Process) -> int:
    total = 0
    try:
        for each in (process, *process.children(recursive=True)):
            total += each.memory_info().rss
    except psutil.NoSuchProcess:
        pass
    return total


def one(count: int, options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """One size: makes the records, runs the stage, reads its report."""
    source, out = folder / f"records-{count}.jsonl", folder / f"out-{count}"
    with source.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(record) + "\n" for record in records(count, options.seed))
    command = [sys.executable, "-m", "seekforge", "data", str(source), "--out", str(out), "--ops", options.ops]
    if options.workers:
        command += ["--workers", str(options.workers)]
    seconds, peak = measured(command)
    details = json.loads((out / "details.json").read_text(encoding="utf-8"))
    return {
        "records": count,
        "seconds": round(seconds, 2),
        "microseconds_per_record": round(1e6 * seconds / count, 1),
        "peak_rss_mb": round(peak / 1e6),
        "kept": sum(details["splits"].values()),
        "seconds_by_op": {row["step"]: row["seconds"] for row in details["funnel"]},
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints a table and writes JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--ops", default="normalise,exact,minhash", help="as of `seekforge data`")
    parser.add_argument("--workers", type=int, default=None, help="processes; by default as the command has it")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--folder", type=Path, default=None, help="where records and results go; by default /tmp")
    parser.add_argument("--json", type=Path, default=None)
    options = parser.parse_args(arguments)
    rows = []
    with tempfile.TemporaryDirectory(dir=options.folder, prefix="data-scale-") as folder:
        for count in options.sizes:
            rows.append(row := one(count, options, Path(folder)))
            ops = ", ".join(f"{name} {seconds:.1f}" for name, seconds in row["seconds_by_op"].items())
            print(
                f"{count:>9,} records: {row['seconds']:8.1f} s, {row['microseconds_per_record']:6.1f} us a record, "
                f"peak {row['peak_rss_mb']:,} MB, {row['kept']:,} kept; process seconds: {ops}",
                flush=True,
            )
    if options.json:
        options.json.write_text(json.dumps({"where": hardware.where(), "rows": rows}, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
