"""`seekforge train --devices 2`: what kills do, what is said, and that one process writes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
from tests.engines import tiny

from seekforge.cli import devices
from seekforge.core.errors import SeekforgeError
from seekforge.train.checkpoints import step_of

ROOT = Path(__file__).parents[2]
Seekforge = Callable[..., Any]


def failures(*codes: int) -> dict[int, Any]:
    return {rank: SimpleNamespace(exitcode=code) for rank, code in enumerate(codes)}


@pytest.mark.parametrize(("codes", "ended"), [((2, -15), 2), ((75, 1), 1), ((75, 75), 75), ((3, 75), 3)])
def test_what_a_rank_said_is_not_said_again(codes: Sequence[int], ended: int) -> None:
    with pytest.raises(SystemExit) as caught:
        devices._report(failures(*codes), 2)
    assert caught.value.code == ended


@pytest.mark.parametrize("codes", [(75, -9), (-15, -9), (2, -9)])
def test_a_killed_rank_is_one_line(codes: Sequence[int]) -> None:
    with pytest.raises(SeekforgeError) as caught:
        devices._report(failures(*codes), 2)
    assert str(caught.value) == (
        "rank 1 of 2 was ended by SIGKILL. Run the same command again: it goes on from the last checkpoint"
    )


def test_a_step_that_cannot_be_shared_is_one_line(seekforge: Seekforge, work: Path) -> None:
    model = tiny.make(work / "model", "qwen2")
    (work / "x.jsonl").write_text('{"instruction": "a", "output": "b"}\n')
    options = ["--model_name", model, "--train_data", "x.jsonl", "--output_dir", "o", "--devices", 3, "--plan"]
    done = seekforge("train", *options, "--batch_size", 8)
    assert (done.code, done.error) == (
        2,
        "train.batch_size: 3 devices cannot share the 8 records of a step equally. Set train.batch_size=9, or take "
        "fewer devices",
    )
    done = seekforge("train", *options, "--batch_size", 9)
    assert done.code == 0, done.err
    assert "lora, batch 3 on each of 3 devices, 1024 tokens" in done.out
    assert "full, batch 3 on each of 3 devices that share the model, 1024 tokens" in done.out


def test_gpus_that_are_not_used_are_named(
    seekforge: Seekforge, work: Path, inputs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seekforge.train.settle.visible_gpus", lambda: 4)
    options = ["--model_name", inputs / "model", "--train_data", inputs / "x.jsonl", "--output_dir", "o"]
    done = seekforge("train", *options, "--epochs", 0.1)
    assert done.code == 0, done.err
    assert "4 GPUs seen, one is used: --devices 4 takes all" in done.err


@pytest.mark.parametrize("rank", [0, 1])
def test_a_search_is_not_for_a_group(
    rank: int, seekforge: Seekforge, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"RANK": rank, "WORLD_SIZE": 2, "LOCAL_RANK": rank, "LOCAL_WORLD_SIZE": 2}.items():
        monkeypatch.setenv(name, str(value))
    done = seekforge("train", "search", ROOT / "recipes" / "risk_desk.yaml")
    assert done.code == 2
    said = "2 processes: a search's trials are trainings in one process. Start it alone; --workers N tries N at once"
    assert done.err.strip() == ("" if rank else f"seekforge: {said}")


def test_a_search_takes_no_devices(seekforge: Seekforge, work: Path) -> None:
    done = seekforge("train", "--devices", 2, "search", ROOT / "recipes" / "risk_desk.yaml")
    assert done.code == 2
    assert "'--devices' does not go with 'search'" in done.err


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("inputs")
    tiny.make(folder / "model", "qwen2")
    rows = [{"instruction": f"case {n}: of {n * n} it", "output": "go" if n % 3 else "stop"} for n in range(60)]
    (folder / "x.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return folder


def command(inputs: Path, out: Path, *more: object) -> list[str]:
    words = ["train", "--model_name", inputs / "model", "--train_data", inputs / "x.jsonl", "--output_dir", out]
    words += ["--epochs", 40, "--lr", 2e-4, "--method", "lora"]  # slow enough to be killed in between
    return [sys.executable, "-m", "seekforge", *map(str, [*words, *more])]


def run(words: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, env=ENVIRONMENT, capture_output=True, text=True, check=False, timeout=900)


ENVIRONMENT = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}", "OMP_NUM_THREADS": "1"}


def evaluations(out: Path) -> dict[int, float]:
    """By step. The training loss is logged as a mean, which a kill in between cuts."""
    details = json.loads((out / "train" / "details.json").read_text("utf-8"))
    return {row["step"]: row["eval_loss"] for row in details["curve"] if "eval_loss" in row}


def ranks_of(process: psutil.Process) -> list[psutil.Process]:
    """The processes that train, by rank."""
    found = [child for child in process.children() if "seekforge" in child.cmdline()]
    return sorted(found, key=lambda child: int(child.environ()["RANK"]))


def passed(scratch: Path, step: int) -> bool:
    return last_step(scratch) > step


def wait_for(ready: Callable[[], Any], process: subprocess.Popen[str]) -> Any:
    deadline = time.monotonic() + 600
    while not (value := ready()):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return value


def last_step(scratch: Path) -> int:
    return max((step_of(path.parent) for path in scratch.glob("checkpoint-*/.complete")), default=0)


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["auto", "fsdp"])
def test_kills_cost_nothing_and_are_one_line(strategy: str, inputs: Path, tmp_path: Path) -> None:
    """One rank is killed, then the process that started them; the third attempt ends as one that nobody killed."""
    whole, out = tmp_path / "whole", tmp_path / "broken"
    words = command(inputs, out, "--devices", 2, "--strategy", strategy)
    done = run(command(inputs, whole, "--devices", 2, "--strategy", strategy))
    assert done.returncode == 0, done.stderr
    scratch = out / "train.partial" / "scratch"
    for victim in ("rank", "all"):
        before = last_step(scratch)
        with subprocess.Popen(words, env=ENVIRONMENT, stdout=-1, stderr=-1, text=True) as process:
            wait_for(partial(passed, scratch, before), process)
            ranks = ranks_of(psutil.Process(process.pid))
            assert len(ranks) == 2
            (ranks[1] if victim == "rank" else process).send_signal(signal.SIGKILL)
            _, said = process.communicate(timeout=300)
        assert not psutil.wait_procs(ranks, timeout=60)[1]
        if victim == "rank":
            assert process.returncode == 1
            assert "Traceback" not in said
            [line] = [line for line in said.splitlines() if line.startswith("seekforge: ")]
            assert line == (
                "seekforge: rank 1 of 2 was ended by SIGKILL. "
                "Run the same command again: it goes on from the last checkpoint"
            )
    done = run(words)
    assert done.returncode == 0, done.stderr
    assert "taking up training at step" in done.stderr
    assert done.stdout.count("train: lora") == 1
    assert evaluations(out) == evaluations(whole)
    assert not scratch.exists()


@pytest.mark.slow
def test_bad_input_is_one_line_whatever_the_number_of_processes(inputs: Path, tmp_path: Path) -> None:
    done = run(command(inputs, tmp_path / "out", "--devices", 2, "--max_length", 8))
    assert done.returncode == 2
    lines = [line for line in done.stderr.splitlines() if line.startswith("seekforge: ")]
    assert len(lines) == 1
    assert "exceed train.max_length=8 tokens" in lines[0]
