"""Training through Ray Train: a local Ray with two CPU workers gives the losses of one process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.engines import tiny

from seekforge.core.progress import Silent
from seekforge.train.cluster import Remote, show

ROOT = Path(__file__).parents[2]


class Kept(Silent):
    """A progress that keeps tasks too."""

    @contextmanager
    def task(self, title: str, total: int, done: int = 0) -> Iterator[Any]:
        """Keeps where it begins and ends."""
        self.lines.append(f"{title} {done}/{total}")
        yield self
        self.lines.append("done")

    def advance(self, steps: int = 1, note: str = "") -> None:
        """Keeps the note."""
        self.lines.append(f"{steps} {note}")


class Pipe(list[tuple[Any, ...]]):
    """A queue with both ends here."""

    put = list.append

    def get(self) -> tuple[Any, ...]:
        """The oldest."""
        return self.pop(0)


def test_progress_of_a_worker_is_shown_here_even_when_its_group_was_started_anew() -> None:
    pipe, kept = Pipe(), Kept()
    remote = Remote(pipe)
    remote.say("begin")
    cut_off = remote.task("training", 9)
    cut_off.__enter__().advance(1, "loss 2")
    with remote.task("training", 9, 3) as task:
        remote.say("back to step 3")
        task.advance(2)
    remote.say("end")
    pipe.put(("end",))
    show(pipe.get, kept)
    assert kept.lines == [
        "begin", "training 0/9", "1 loss 2", "done", "training 3/9", "back to step 3", "2 ", "done", "end",
    ]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["ddp", "fsdp"])
def test_two_workers_have_the_losses_of_one_process(strategy: str, tmp_path: Path) -> None:
    pytest.importorskip("ray.train")
    tiny.make(tmp_path / "model", "qwen2")
    rows = [{"instruction": f"case {n}: of {n * n} it", "output": "go" if n % 3 else "stop"} for n in range(60)]
    (tmp_path / "x.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}", "OMP_NUM_THREADS": "1"}
    environment.pop("RAY_ADDRESS", None)

    def run(out: str, *more: str) -> list[float]:
        command = [sys.executable, "-m", "seekforge", "train", "--model_name", "model", "--train_data", "x.jsonl"]
        command += ["--output_dir", out, "--epochs", "2", *more]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert "train: lora, 14 steps" in done.stdout
        details = json.loads((tmp_path / out / "train" / "details.json").read_text("utf-8"))
        return [row.get("train_loss", row.get("eval_loss")) for row in details["curve"]]

    alone = run("alone")
    together = run("together", "--cluster", "--devices", "2", "--strategy", strategy)
    assert together == pytest.approx(alone, rel=3e-3)
    assert sorted(path.name for path in (tmp_path / "together" / "train").iterdir()) == sorted(
        path.name for path in (tmp_path / "alone" / "train").iterdir()
    )
