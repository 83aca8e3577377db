"""Several workers on one search: the same command in processes of their own, and what they say, gathered."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from seekforge.cli.run import repeated
from seekforge.cli.search_run import Begun
from seekforge.core.config.environment import worker_environment
from seekforge.core.errors import ConfigError, SeekforgeError
from seekforge.core.reaper import reaped
from seekforge.train.search.worker import line_of

_LOOK = 1.0  # seconds between two looks at the study


@dataclass(frozen=True, slots=True)
class _Worker:
    process: subprocess.Popen[bytes]
    log: Path


def side_by_side(begun: Begun, recipe: Path, settings: Sequence[str], workers: int) -> None:
    """Runs the search in so many processes; they end with this one, kill -9 included.

    Args:
        begun: The search.
        recipe: Its file.
        settings: All `--set`, those of the budget too.
        workers: Processes.

    Raises:
        ConfigError: The settings do not suit the model.
        SeekforgeError: A worker ended before the budget did.
    """
    import torch

    from seekforge.train.loading import this_device

    devices = torch.cuda.device_count()
    memory = this_device().free // -(-workers // max(1, devices))
    threads = max(1, len(os.sched_getaffinity(0)) // workers)
    command = [sys.executable, "-m", "seekforge.cli.app", "train", "search", str(recipe)]
    command += [*repeated("--set", settings), "--worker-memory", str(memory)]
    started = []
    try:
        for index in range(workers):
            log = begun.run.folder / f"worker-{index}.log"
            with log.open("wb") as stream:
                process = subprocess.Popen(
                    reaped(command),
                    env=worker_environment(index, threads, devices),
                    stdin=subprocess.DEVNULL,
                    stdout=stream,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            started.append(_Worker(process, log))
        _follow(begun, started)
    finally:
        for worker in started:
            if worker.process.poll() is None:
                worker.process.kill()  # its reaper ends what it has started
            worker.process.wait()
    _judge(begun, started)


def _follow(begun: Begun, workers: Sequence[_Worker]) -> None:
    """Says of each trial that it began and how it ended, until no worker is left."""
    said: dict[int, str] = {row.number: row.state for row in begun.search.study.rows() if row.state != "waiting"}
    alive = True
    while alive:
        alive = any(worker.process.poll() is None for worker in workers)
        rows = begun.search.study.rows()
        for row in rows:
            if row.state == "running" and not row.recipe and row.values.keys() != begun.search.space.keys():
                continue  # its settings are being drawn this moment
            if row.state != "waiting" and said.get(row.number) != row.state:
                said[row.number] = row.state
                begun.progress.say(line_of(row, rows))
        if alive:
            time.sleep(_LOOK)


def _judge(begun: Begun, workers: Sequence[_Worker]) -> None:
    failed = [worker for worker in workers if worker.process.returncode != 0]
    if not failed:
        return
    lines = failed[0].log.read_text(encoding="utf-8", errors="replace").splitlines()
    last = lines[-1].removeprefix("seekforge: ") if lines else f"exit code {failed[0].process.returncode}"
    if failed[0].process.returncode == ConfigError.exit_code:
        raise ConfigError(last)
    if begun.search.budget.allows(begun.search.study.rows(), time.time()):
        raise SeekforgeError(f"a worker ended early: {last}", where=str(failed[0].log), mend="Run the command again")
    begun.progress.say(f"a worker ended early, the others did its part: {last}")
