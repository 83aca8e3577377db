"""Our runner on the served INT8 model beside lm-evaluation-harness's `hf` backend, the same questions in one run.

    seekforge run recipes/risk_desk.yaml --until compress
    seekforge engine install lm-eval
    python -m benchmarks.evaluate_harness --run runs/latest --json harness.json

Questions: records of the run's data, all splits, each once (a repeated question would be half answered by the server's
prefix cache, and the peer has none), drawn by a seed. They are for speed; the scores are of records that the model has
seen, and are shown to prove that both sides did the work.

Sides, one after the other, each with the machine to itself:

- `ours`: `seekforge serve` on the run's Q8_0 file as a user starts it, asked by our runner with 16 requests at once,
  and in a second turn with 64. Each turn has a server of its own: one that has read the questions before is half done.
- `hf`: the harness's `hf` backend on the run's merged folder. Before it is measured, its own default, a batch
  of 1, and the arithmetics and batch sizes below are tried on some of the questions; the fastest pair is taken.
- `harness on ours`: the harness against our endpoint, 16 at once: what of the difference is the endpoint, what the
  runner; and its score must be our runner's to the last item.

`answering` is from the first question to the last answer. `whole` has everything a user waits for: the server's start
and the model's loading, the harness's start, its loading and its reading of the task; only our runner's own start,
about a second, is not in it, nor what `seekforge serve` makes of a file once and keeps in the cache. Two ratios are
shown, of our faster turn: against `hf` as it comes, which is what is promised, and against the fastest pair.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from benchmarks.processes import server

from seekforge.cli.answering import Task as Questions
from seekforge.cli.answering import from_endpoint, remote
from seekforge.core import artifacts
from seekforge.core.config import environment
from seekforge.core.errors import SeekforgeError
from seekforge.core.files import write_output
from seekforge.core.hardware import describe
from seekforge.core.progress import Silent
from seekforge.core.records import Record, read_records
from seekforge.engines.install import Installed, find
from seekforge.evaluate.harness.compare import Comparison, chat_prompt, compare
from seekforge.evaluate.harness.run import ENGINE, LocalModel, Model, run
from seekforge.evaluate.harness.samples import Outcome
from seekforge.evaluate.harness.task import Task, write
from seekforge.evaluate.predict import Prediction
from seekforge.serve.process import free_port

AT_ONCE = (16, 64)
BATCH_SIZES = (16, 64)
ARITHMETICS = ("bfloat16", "float32")
PROMISE = 5.0
_NAME = "served"
_READY_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Took:
    """What one side took. Times are seconds.

    Attributes:
        side: Its name.
        answering: From the first question to the last answer.
        whole: With starting and loading.
        score: Accuracy, 0 to 1.
    """

    side: str
    answering: float
    whole: float
    score: float


class Clock(Silent):
    """Notes when a bar moved, and how far."""

    def __init__(self) -> None:
        super().__init__()
        self.moved: list[tuple[float, int]] = []

    @contextlib.contextmanager
    def task(self, title: str, total: int, done: int = 0) -> Iterator[Clock]:
        """A task that only notes the time."""
        yield self

    def advance(self, steps: int = 1, note: str = "") -> None:
        """Notes the time."""
        self.moved.append((time.perf_counter(), steps))

    def seconds(self, items: int) -> float:
        """For so many, at the speed of those behind the first batch: a bar is first seen when that has ended.

        Raises:
            SeekforgeError: There was no second batch.
        """
        (began, _), *rest = self.moved
        counted = sum(steps for _, steps in rest)
        if not counted:
            raise SeekforgeError("one batch took all questions", mend="Raise --probe to twice the largest batch size")
        return items * (rest[-1][0] - began) / counted


def questions(folder: Path, count: int, seed: int) -> list[Record]:
    """So many records of a run's data, each once, in an order that the seed decides."""
    data = artifacts.load(folder / "data")
    records = [
        record for split in ("train", "validation", "test") for record in read_records(data.file(f"{split}.jsonl"))
    ]
    if len(records) < count:
        raise SeekforgeError(f"the run has {len(records)} records and not {count}", mend="Lower --items")
    return random.Random(seed).sample(records, count)


def harness(task: Task, model: Model, installed: Installed, folder: Path, name: str) -> tuple[Took, Outcome]:
    """The harness's time and score on one task, and all that it wrote."""
    work = folder / name.replace(" ", "-")
    clock, started = Clock(), time.perf_counter()
    outcome = run(write(task, work), model, installed, work, clock, len(task.records), resume=False)
    return Took(name, clock.seconds(len(task.records)), time.perf_counter() - started, outcome.score), outcome


def trials(
    task: Task, merged: Path, installed: Installed, folder: Path, sizes: Sequence[int]
) -> dict[LocalModel, float]:
    """Seconds for some of the questions: the harness's own default, which is a batch of 1, and each pair."""
    tried: dict[LocalModel, float] = {}
    pairs = [(ARITHMETICS[0], 1), *((dtype, size) for dtype in ARITHMETICS for size in sizes)]
    for dtype, size in dict.fromkeys(pairs):
        model = LocalModel(merged, dtype, size)
        took, _ = harness(task, model, installed, folder, f"hf {dtype} {size}")
        print(f"  tried hf {dtype}, batch size {size}: {len(task.records) / took.answering:.2f} items/s", flush=True)
        tried[model] = took.answering
    return tried


def measure(options: argparse.Namespace, folder: Path) -> dict[str, object]:
    """All sides; prints as it goes and returns what goes into the JSON file."""
    base = options.run.resolve()
    config = artifacts.load(base / "data").config
    task = Task("risk_desk", questions(base, options.items, options.seed), config["labels"], options.max_new_tokens)
    compressed = artifacts.load(base / "compress")
    installed = find(ENGINE, environment(), "cpu")
    file = compressed.file("model-q8_0.gguf")
    with served(file, folder):
        print("  the file is in the cache", flush=True)
    turns = [ours(task, file, at_once, folder) for at_once in options.at_once]
    theirs, outcome = on_ours(task, file, installed, folder)
    prompts = [chat_prompt(record.prompt) for record in task.records]
    same = compare(turns[0][1], outcome, prompts, task.labels)
    probe = replace(task, records=task.records[: options.probe])
    tried = trials(probe, compressed.file("merged"), installed, folder, options.batch_sizes)
    best = min(tried, key=lambda model: tried[model])
    peer, _ = harness(task, best, installed, folder, "hf")
    mine = min((took for took, _ in turns), key=lambda took: took.answering)
    rows = [*(took for took, _ in turns), replace(peer, side=f"hf, {best.dtype}, batch size {best.batch_size}"), theirs]
    default = next(iter(tried.values())) / len(probe.records) * len(task.records)
    ratios = {
        "answering": peer.answering / mine.answering,
        "whole": peer.whole / mine.whole,
        "default": default / mine.answering,
    }
    show(rows, ratios, len(task.records), same)
    return {
        "hardware": describe(),
        "items": len(task.records),
        "max_new_tokens": task.max_new_tokens,
        "sides": [asdict(row) for row in rows],
        "ratios": ratios,
        "harness_equals_ours": same.agree,
        "equal_answers": same.equal_answers,
        "differences": [asdict(difference) for difference in same.differences],
    }


def ours(task: Task, file: Path, at_once: int, folder: Path) -> tuple[Took, list[Prediction]]:
    """Our runner against a fresh server."""
    started = time.perf_counter()
    with served(file, folder) as url:
        config = remote(url, _NAME, None, at_once, task.max_new_tokens)
        asked = time.perf_counter()
        questions = Questions(task.records, task.labels, ["accuracy"], task.max_new_tokens, None, Silent())
        given = from_endpoint(config, questions)
        ended = time.perf_counter()
    if given.failures:
        raise SeekforgeError(f"{len(given.failures)} questions got no answer: {next(iter(given.failures.values()))}")
    right = sum(p.decision == p.label for p in given.predictions) / len(task.records)
    side = f"ours, INT8 served, {at_once} at once"
    print(f"  {side}: {len(task.records) / (ended - asked):.2f} items/s", flush=True)
    return Took(side, ended - asked, ended - started, right), given.predictions


def on_ours(task: Task, file: Path, installed: Installed, folder: Path) -> tuple[Took, Outcome]:
    """The harness against a fresh server; `whole` has the server's start too."""
    started = time.perf_counter()
    with served(file, folder) as url:
        config = remote(url, _NAME, None, AT_ONCE[0], task.max_new_tokens)
        took, outcome = harness(task, config, installed, folder, "harness on ours")
        return replace(took, whole=time.perf_counter() - started), outcome


@contextlib.contextmanager
def served(file: Path, folder: Path) -> Iterator[str]:
    """`seekforge serve`, while it runs; its address."""
    port = free_port()
    settings = folder / "endpoint.yaml"
    settings.write_text(json.dumps({"model": str(file), "name": _NAME, "folder": str(folder / "served")}))
    command = [sys.executable, "-m", "seekforge.cli.app", "serve", "--config", str(settings), "--port", str(port)]
    with server(command, f"http://127.0.0.1:{port}/readyz", folder / "serve.log", _READY_SECONDS):
        yield f"http://127.0.0.1:{port}/v1"


def show(rows: Sequence[Took], ratios: dict[str, float], items: int, same: Comparison) -> None:
    """Prints the table and the verdicts."""
    print(f"\n{items} items{'':36}answering s   items/s    whole s   accuracy")
    for row in rows:
        speed = items / row.answering
        print(f"{row.side:46}{row.answering:11.1f}{speed:10.2f}{row.whole:11.1f}{row.score * 100:9.2f} %")
    print(
        f"\nours against hf at its best: {ratios['answering']:.2f} times answering, {ratios['whole']:.2f} times in all"
    )
    kept = "kept" if ratios["default"] >= PROMISE else "NOT kept"
    print(f"ours against hf as it comes, a batch of 1: {ratios['default']:.2f} times answering", end="")
    print(f" (promise: {PROMISE:g} times, {kept})")
    print(f"harness on ours: score {'equal' if same.agree else 'NOT equal'}, {len(same.differences)} items differ,")
    print(f"  {same.equal_answers} of {same.items} answers the same text")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures; 1 where the promise is not kept or an item differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True, help="a run that has reached compress, with Q8_0")
    parser.add_argument("--items", type=int, default=1000)
    parser.add_argument("--probe", type=int, default=128, help="questions that each batch size is tried with")
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=list(BATCH_SIZES))
    parser.add_argument(
        "--at-once", type=int, nargs="+", default=list(AT_ONCE), help="our turns; the first is compared"
    )
    parser.add_argument("--max-new-tokens", type=int, default=32)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--json", type=Path, help="write the figures here")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="evaluate-harness-") as folder:
        found = measure(options, Path(folder))
    if options.json:
        write_output(options.json, json.dumps(found, ensure_ascii=False, indent=2) + "\n")
    ratios = found["ratios"]
    assert isinstance(ratios, dict)
    return 0 if ratios["default"] >= PROMISE and found["harness_equals_ours"] else 1


if __name__ == "__main__":
    raise SystemExit(main())
