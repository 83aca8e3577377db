"""One rank of `test_devices.py`, or the single process against which it is held: trains tiny models one by one.

In float32 as a rule, so that what differs between one process and two is the order of sums and nothing else.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from tests.engines import tiny

from seekforge.core.config import environment
from seekforge.core.config.environment import quiet_libraries
from seekforge.core.errors import SeekforgeError
from seekforge.core.progress import Silent
from seekforge.core.records import Message, Record
from seekforge.engines.transformers import load_tokenizer
from seekforge.train import callbacks, trainer
from seekforge.train.loading import load_base
from seekforge.train.ranks import LeaderFailed, Ranks, join
from seekforge.train.sft import train

STEPS = {"epochs": 3, "max_steps": 9, "evaluate_every": 3, "learning_rate": 5e-3, "schedule": "constant"}
# 18 records in batches of 4: the last batch of an epoch has two, which two ranks share; accumulated, one rank has none.
CASES: dict[str, dict[str, Any]] = {
    "lora": STEPS,
    "accumulated": {**STEPS, "batch_size": 2, "accumulate": 2, "max_steps": 6},
    "packed": {**STEPS, "packing": True, "max_length": 96, "max_steps": 5},
    "overfit": {**STEPS, "learning_rate": 2e-2, "evaluate_every": 4, "epochs": 100, "max_steps": 60},
    "full": {**STEPS, "method": "full", "learning_rate": 5e-4, "max_steps": 6},
    "nan": {**STEPS, "learning_rate": 4e-3},
    "killed": STEPS,
}
BROKEN = 8  # the step whose loss is no number, on the last rank alone
KILLED = 6  # the step after whose checkpoint all ranks are cut off


class Cut(Exception):
    """Stands for SIGKILL of the whole group right after a checkpoint."""


def main(folder: Path, work: Path, compute: str, cases: list[str]) -> None:
    """Runs cases, each as `name:strategy`, and writes what rank 0 knows of them."""
    quiet_libraries()
    torch.set_num_threads(1)
    ranks = join(environment().group)
    for case in cases:
        name, _, strategy = case.partition(":")
        found = _run(folder, work / case, name, {"strategy": strategy or "auto", "compute": compute}, ranks)
        if ranks.leads:
            (work / f"{case}.json").write_text(json.dumps(found))


def _run(folder: Path, work: Path, name: str, more: dict[str, str], ranks: Ranks) -> dict[str, Any]:
    tokenizer = load_tokenizer(folder)
    records, held_out = (_nonsense(0, 4), _nonsense(4, 8)) if name == "overfit" else (tiny.records(18), None)
    job = tiny.job(work, tokenizer, "qwen2", records, held_out, **CASES[name], **more)
    job.scratch.mkdir(parents=True, exist_ok=True)

    def once() -> Any:
        return train(load_base(folder, job.config), tokenizer, job, Silent(), ranks)

    if name == "nan":
        _break(ranks)
    if name == "killed":
        _cut_off(once)
    try:
        trained = once()
    except (SeekforgeError, LeaderFailed) as error:
        return {"error": str(error)}
    steps = [(row["step"], row["train_loss"]) for row in trained.curve if "train_loss" in row]
    evaluations = [(row["step"], row["eval_loss"]) for row in trained.curve if "eval_loss" in row]
    back = trained.rollback
    return {
        "steps": steps,
        "evaluations": evaluations,
        "reason": trained.stop_reason,
        "best": trained.best_loss,
        "back": [back.step, back.rate] if back else None,
        "trainable": trained.trainable,
        "parameters": trained.parameters,
    }


def _nonsense(start: int, count: int) -> list[Record]:
    """Records from which nothing can be learnt for others."""
    numbers = [str(n**5 % 1_000_003) for n in range(start + 2, start + count + 2)]
    return [Record(f"n{n}", (Message("user", n), Message("assistant", n[::-1]))) for n in numbers]


def _break(ranks: Ranks) -> None:
    compute, left = trainer.Trainer.compute_loss, [BROKEN]

    def broken(self: Any, model: Any, inputs: Any, *args: Any, **more: Any) -> Any:
        loss: Any = compute(self, model, inputs, *args, **more)
        if model.training and left == [self.state.global_step + 1]:
            left.clear()
            return loss * float("nan") if ranks.group.rank == ranks.size - 1 else loss
        return loss

    trainer.Trainer.compute_loss = broken  # type: ignore[method-assign]


def _cut_off(once: Callable[[], Any]) -> None:
    mark = callbacks.MarkCheckpoint.on_save

    def on_save(self: Any, args: Any, state: Any, control: Any, **rest: object) -> None:
        mark(self, args, state, control, **rest)
        if state.global_step == KILLED:
            raise Cut

    callbacks.MarkCheckpoint.on_save = on_save  # type: ignore[method-assign]
    try:
        once()
    except Cut:
        torch.manual_seed(99)  # a new process is in any state
    callbacks.MarkCheckpoint.on_save = mark  # type: ignore[method-assign]


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], sys.argv[4:])
