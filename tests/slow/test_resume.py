"""kill -9 at three random moments of one training: the adapter's file is that of a training that nobody killed."""

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.engines import tiny
from tests.patience import wait_for

from seekforge.train.checkpoints import step_of

ROOT = Path(__file__).parents[2]
KILLS, TRIES = 3, 5
ADAPTER = Path("train", "adapter", "adapter_model.safetensors")


class Training:
    """The same training into folders of their own, by the command line in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        tiny.make(folder / "model", "qwen2")
        rows = [{"instruction": f"case {n}: of {n * n} it", "output": "go" if n % 3 else "stop"} for n in range(60)]
        (folder / "x.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")

    def start(self, out: Path) -> subprocess.Popen[str]:
        words = ["train", "--model_name", "model", "--train_data", "x.jsonl", "--output_dir", out]
        words += ["--method", "lora", "--epochs", 60, "--lr", 2e-4]  # 420 steps with eight checkpoints
        return subprocess.Popen(
            [sys.executable, "-m", "seekforge", *map(str, words)],
            cwd=self._folder,
            env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}", "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def finish(self, out: Path) -> str:
        said, _ = (process := self.start(out)).communicate()
        assert process.returncode == 0, said
        return said

    def killed_after(self, out: Path, delay: float) -> bool:
        """Whether it was still at work so many seconds after its next checkpoint."""
        before = last_step(out)
        with self.start(out) as process:
            wait_for(lambda: last_step(out) > before or process.poll() is not None, 600)
            time.sleep(delay)
            process.kill()
            said, _ = process.communicate()
        assert process.returncode in {0, -9}, said
        return process.returncode != 0


def last_step(out: Path) -> int:
    """Of the newest complete checkpoint."""
    marks = (out / "train.partial" / "scratch").glob("checkpoint-*/.complete")
    return max((step_of(mark.parent) for mark in marks), default=0)


@pytest.mark.slow
def test_a_training_that_was_killed_three_times_ends_byte_for_byte_as_one_that_was_not(tmp_path: Path) -> None:
    training, moments = Training(tmp_path), random.SystemRandom()
    whole = tmp_path / "whole"
    with training.start(whole) as process:
        wait_for(lambda: last_step(whole), 600)
        began = time.monotonic()
        assert process.wait() == 0
    stretch = (time.monotonic() - began) / 7  # from one checkpoint to the next

    for number in range(TRIES):  # where this process slept for long, the training had ended before it was killed
        broken = tmp_path / f"broken{number}"
        steps: list[int] = []
        while len(steps) < KILLS and training.killed_after(broken, moments.uniform(0, stretch)):
            steps.append(last_step(broken))
        if len(steps) == KILLS:
            break
    assert len(steps) == KILLS
    assert f"taking up training at step {steps[-1]} of 420" in training.finish(broken)
    assert (broken / ADAPTER).read_bytes() == (whole / ADAPTER).read_bytes(), f"killed after the steps {steps}"
