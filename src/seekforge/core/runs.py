"""The run folder: its id, its state for resume, its journal, and `runs/latest`."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from seekforge.core.files import disk_errors, read_json, write_json

STATE = "run.json"
JOURNAL = "events.jsonl"


@dataclass(slots=True)
class RunFolder:
    """One run on disk.

    Attributes:
        folder: `runs/<id>`.
        started: When the run began, over all its attempts (ISO 8601).
        finished_stages: Stages that this run has made or reused already, in an earlier attempt too.
        resumed: Whether an earlier attempt was cut off.
    """

    folder: Path
    started: str
    finished_stages: list[str]
    resumed: bool

    @property
    def id(self) -> str:
        """The folder's name."""
        return self.folder.name

    def journal(self, event: str, **facts: object) -> None:
        """Appends one line to `events.jsonl`, on disk before it returns."""
        line = {"at": _now(), "event": event, "pid": os.getpid(), **facts}
        with disk_errors(self.folder), (self.folder / JOURNAL).open("a+b") as file:
            if file.tell() and file.seek(-1, os.SEEK_END) and file.read(1) != b"\n":
                file.write(b"\n")  # what a kill cut in half must not swallow this line
            file.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def save(self, recipe_hash: str, *, done: bool) -> None:
        """Writes the state that a later attempt looks for."""
        state = {"recipe": recipe_hash, "started": self.started, "finished": self.finished_stages, "done": done}
        write_json(self.folder / STATE, state)


def open_run(runs: Path, name: str, recipe_hash: str, *, again: bool = False) -> RunFolder:
    """The unfinished run of the same recipe if there is one, else a new folder; `latest` points to it.

    Args:
        runs: Where all runs lie.
        name: The folder's name, before the time.
        recipe_hash: What makes two runs the same.
        again: Also take up a finished run.
    """
    with disk_errors(runs):
        runs.mkdir(parents=True, exist_ok=True)
    run = _earlier(runs, name, recipe_hash, again) or _new(runs, name)
    run.save(recipe_hash, done=False)
    _point_latest(runs, run.id)
    return run


def events(folder: Path) -> Iterable[dict[str, Any]]:
    """The journal's lines; a line that a kill cut in half is passed over."""
    path = folder / JOURNAL
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        try:
            yield json.loads(line)
        except ValueError:
            continue


def _earlier(runs: Path, name: str, recipe_hash: str, again: bool) -> RunFolder | None:
    for state_path in sorted(runs.glob(f"{name}-*/{STATE}"), reverse=True):
        state = read_json(state_path)
        if state["recipe"] == recipe_hash and (again or not state["done"]):
            return RunFolder(state_path.parent, state["started"], list(state["finished"]), resumed=True)
    return None


def _new(runs: Path, name: str) -> RunFolder:
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    for attempt in range(100):
        folder = runs / (f"{name}-{stamp}" if attempt == 0 else f"{name}-{stamp}-{attempt}")
        with disk_errors(folder):
            try:
                folder.mkdir()
            except FileExistsError:
                continue
        return RunFolder(folder, _now(), [], resumed=False)
    raise FileExistsError(f"{runs / name}-{stamp}")


def _point_latest(runs: Path, run_id: str) -> None:
    scratch = runs / f".latest.{os.getpid()}"
    scratch.unlink(missing_ok=True)
    scratch.symlink_to(run_id)
    scratch.replace(runs / "latest")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
