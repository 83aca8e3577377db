"""What `train_trl.py` and `train_llamafactory.py` share: the data, the trainings in turns, the common judge."""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.train_table import show

from seekforge.core import hardware
from seekforge.core.config import environment, load_recipe
from seekforge.core.models import resolve
from seekforge.core.progress import Silent
from seekforge.core.records import write_records
from seekforge.data.pipeline import run_pipeline
from seekforge.engines.transformers import load_tokenizer
from seekforge.engines.weights import hf_folder
from seekforge.train.examples import encode

RECIPE = Path("recipes/risk_desk.yaml")


@dataclass(frozen=True, slots=True)
class Side:
    """Who trains.

    Attributes:
        name: As the tables say it.
        command: Ends where the path of the job follows.
        options: What this side is told beyond the common settings.
        environment: Of the process; None for ours.
    """

    name: str
    command: Sequence[str]
    options: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Work:
    """What all sides are given, as JSON in the job of each: the demo's recipe, some of its records, one pass over them.

    Attributes:
        model: A Hugging Face folder.
        train: Records, one pass over which is `steps` batches.
        validation: Records on which the adapters are judged.
        tokens: Of all training records, as our own training encodes them, without padding.
    """

    model: str
    train: str
    validation: str
    tokens: int
    steps: int
    batch: int
    rate: float
    warmup: float
    schedule: str
    max_length: int
    rank: int
    alpha: int

    @property
    def records(self) -> int:
        """Of the training."""
        return self.steps * self.batch


@dataclass(frozen=True, slots=True)
class Run:
    """One training.

    Attributes:
        side: Whose.
        seed: Of the order and the adapters' beginning.
        seconds: Of each step, the first one with all that begins there.
        cpu: Seconds of processor time of all steps.
        peak: Largest resident set of the process, bytes.
        adapter: Its folder.
    """

    side: str
    seed: int
    seconds: Sequence[float]
    cpu: float
    peak: int
    adapter: str


def arguments(description: str) -> argparse.ArgumentParser:
    """The options of both benchmarks."""
    parser = argparse.ArgumentParser(description=description.partition("\n")[0])
    parser.add_argument("--folder", type=Path, help="where jobs, logs and adapters go; a temporary one by default")
    parser.add_argument("--steps", type=int, default=8, help="optimiser steps of a training")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2], help="one round each")
    parser.add_argument("--threads", type=int, help="of every training; on a busy machine 1, and the processor's time")
    parser.add_argument("--json", type=Path)
    return parser


def prepare(folder: Path, steps: int) -> Work:
    """The demo's records as its recipe cleans and splits them, and its settings."""
    recipe = load_recipe(RECIPE)
    model = hf_folder(resolve(recipe.model), environment(), Silent())
    splits = dict(run_pipeline(recipe.data, recipe.seed, Silent()).splits)
    settings = recipe.train
    batch = settings.batch_size
    count = len(splits["train"]) // batch * batch
    count = min(count, steps * batch)
    chosen = random.Random(recipe.seed).sample(list(splits["train"]), count)
    write_records(folder / "train.jsonl", chosen)
    write_records(folder / "validation.jsonl", splits["validation"])
    tokenizer = load_tokenizer(model)
    tokens = sum(len(example.input_ids) for record in chosen for example in encode(record, tokenizer))
    return Work(
        model=str(model),
        train=str(folder / "train.jsonl"),
        validation=str(folder / "validation.jsonl"),
        tokens=tokens,
        steps=count // batch,
        batch=batch,
        rate=settings.rate,
        warmup=settings.warmup_ratio,
        schedule=settings.schedule,
        max_length=settings.max_length,
        rank=settings.lora.rank,
        alpha=settings.lora.alpha,
    )


def ours(**options: Any) -> Side:  # noqa: ANN401
    """Our side, with further keys of the recipe's `train`."""
    return Side("seekforge", child("ours"), options)


def child(what: str) -> list[str]:
    """A process of `train_children.py`."""
    return [sys.executable, "-m", "benchmarks.train_children", what]


def compare(title: str, sides: Sequence[Side], options: argparse.Namespace) -> None:
    """Trains every side once a seed, in turns and each in a process of its own, judges all, prints and writes."""
    with tempfile.TemporaryDirectory() as temporary:
        folder: Path = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        _compare(title, folder, prepare(folder, options.steps), sides, options)


def _compare(title: str, folder: Path, work: Work, sides: Sequence[Side], options: argparse.Namespace) -> None:
    print(f"{title}\n{hardware.where()}\n{work.records} records, {work.tokens} tokens, {work.steps} steps", flush=True)
    runs = []
    for seed in options.seeds:
        for side in sides:
            run = _train(side, work, seed, folder, options.threads)
            took = sum(run.seconds)
            busy = run.cpu / took
            rate = work.tokens / took
            print(f"  seed {seed}  {side.name:32}{took:7.1f} s{rate:7.0f} tokens/s, {busy:.2f} cores", flush=True)
            runs.append(run)
    judged = judge(work, [run.adapter for run in runs], folder)
    found = show(work, [side.name for side in sides], runs, judged)
    if options.json:
        record = {"where": hardware.where(), "work": asdict(work), "runs": [asdict(run) for run in runs], **found}
        options.json.write_text(json.dumps(record, indent=1), encoding="utf-8")


def judge(work: Work, adapters: Sequence[str], folder: Path) -> dict[str, Any]:
    """What `train_children.evaluate` finds."""
    job, output = folder / "judge.json", folder / "judged.json"
    job.write_text(json.dumps({**asdict(work), "adapters": adapters, "output": str(output)}), encoding="utf-8")
    _run([*child("evaluate"), str(job)], folder / "judge.log", None)
    found: dict[str, Any] = json.loads(output.read_text(encoding="utf-8"))
    return found


def _train(side: Side, work: Work, seed: int, folder: Path, threads: int | None) -> Run:
    place = folder / f"{side.name.replace(' ', '-').replace(',', '')}-{seed}"
    place.mkdir()
    job = place / "job.json"
    job.write_text(json.dumps({**asdict(work), "seed": seed, "options": dict(side.options)}), encoding="utf-8")
    variables = dict(os.environ if side.environment is None else side.environment)
    if threads:
        variables["OMP_NUM_THREADS"] = str(threads)
    _run([*side.command, str(job)], place / "log.txt", variables)
    result = json.loads((place / "result.json").read_text(encoding="utf-8"))
    if len(result["seconds"]) != work.steps:
        raise SystemExit(f"{side.name} took {len(result['seconds'])} steps, {work.steps} were asked for")
    return Run(side.name, seed, result["seconds"], result["cpu"], result["peak"], str(place / "adapter"))


def _run(command: Sequence[str], log: Path, variables: Mapping[str, str] | None) -> None:
    with log.open("wb") as file:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, env=variables, check=False)
    if done.returncode:
        end = log.read_text(encoding="utf-8", errors="replace")[-2000:]
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}:\n{end}")
