"""kill -9 at a random moment in each real stage, three times each: the run ends, and no finished stage runs twice."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from seekforge.cli.pipeline import STAGES
from seekforge.core.files import read_json
from seekforge.core.runs import events

ROOT = Path(__file__).parents[2]
KILLS = 3
SMALL = (
    "train.max_steps=6",
    "train.evaluate_every=2",
    "evaluate.limit=16",
    "evaluate.max_new_tokens=8",
    "parity.positions=60",
    "serve.requests=16",
    "serve.concurrency=8",
    "serve.max_new_tokens=16",
)


def start(runs: Path) -> subprocess.Popen[bytes]:
    settings = [part for setting in SMALL for part in ("--set", setting)]
    command = [sys.executable, "-m", "seekforge.cli.app", "run", str(ROOT / "recipes/risk_desk.yaml"), *settings]
    return subprocess.Popen(
        command,
        env={**os.environ, "SEEKFORGE_RUNS": str(runs)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def journal(runs: Path) -> list[dict[str, object]]:
    latest = runs / "latest"
    return list(events(latest)) if latest.exists() else []


def wait_for_start(process: subprocess.Popen[bytes], runs: Path, stage: str) -> None:
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        started = [e for e in journal(runs) if e["event"] == "stage started" and e["pid"] == process.pid]
        if any(e["stage"] == stage for e in started):
            return
        assert process.poll() is None, f"the run ended before {stage} began"
        time.sleep(0.02)
    pytest.fail(f"{stage} never began")


def kill(process: subprocess.Popen[bytes]) -> None:
    children = psutil.Process(process.pid).children(recursive=True)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    _, alive = psutil.wait_procs(children, timeout=5)
    assert not alive, f"left running: {alive}"


@pytest.fixture(scope="module")
def seconds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, float]:
    """How long each stage takes in an unbroken run."""
    runs = tmp_path_factory.mktemp("unbroken")
    process = start(runs)
    assert process.wait(900) in (0, 3)
    return {name: float(durations) for name, durations in stage_seconds(runs)}


def stage_seconds(runs: Path) -> Iterator[tuple[str, float]]:
    from seekforge.core import artifacts

    for name in STAGES:
        yield name, artifacts.load((runs / "latest" / name).resolve()).seconds


@pytest.mark.slow
def test_every_stage_survives_three_kills(tmp_path: Path, seconds: dict[str, float]) -> None:
    moments = random.Random(7)
    for stage in STAGES:
        for _ in range(KILLS):
            process = start(tmp_path)
            wait_for_start(process, tmp_path, stage)
            time.sleep(moments.uniform(0, 0.9 * seconds[stage]))
            kill(process)
            finished = {e["stage"] for e in journal(tmp_path) if e["event"] == "stage finished"}
            if stage in finished:
                break  # resuming made it faster than the kill; it must not be made again below
    if not read_json(tmp_path / "latest" / "run.json")["done"]:  # else the last resuming was faster than the last kill
        assert start(tmp_path).wait(900) in (0, 3)
    made = Counter(
        e["stage"] for e in journal(tmp_path) if e["event"] == "stage finished" and e["status"] in ("ran", "resumed")
    )
    assert made == dict.fromkeys(STAGES, 1)
    assert len([path for path in tmp_path.glob("risk_desk-*") if path.is_dir()]) == 1, "the kills made other runs"
    assert (tmp_path / "latest" / "report.html").exists()
