"""Finding the checkpoint to go on from, and going back to an earlier one."""

from __future__ import annotations

import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

from seekforge.core.files import read_json, write_json

COMPLETE = ".complete"  # in a checkpoint whose last file is written
_ROLLBACK = "rollback.json"


@dataclass(frozen=True, slots=True)
class Rollback:
    """A run went back, once.

    Attributes:
        step: To this checkpoint.
        rate: The learning rate from there on.
        reason: Why, in words.
    """

    step: int
    rate: float
    reason: str


def roll_back(folder: Path, good_until: int, rate: float, reason: str) -> Rollback | None:
    """Goes back to the newest checkpoint up to a step and halves the rate; None if there is no such checkpoint.

    Later checkpoints are removed before it is written down: a kill in between takes the run up without a rollback, and
    it comes to this point again.
    """
    steps = [step_of(path) for path in folder.glob("checkpoint-*") if (path / COMPLETE).exists()]
    good = max((step for step in steps if step <= good_until), default=None)
    if good is None:
        return None
    _forget_after(folder, good)
    done = Rollback(good, rate / 2, reason)
    write_json(folder / _ROLLBACK, asdict(done))
    return done


def rolled_back(folder: Path) -> Rollback | None:
    """The rollback of an earlier attempt."""
    path = folder / _ROLLBACK
    return Rollback(**read_json(path)) if path.is_file() else None


def _forget_after(folder: Path, step: int) -> None:
    for path in folder.glob("checkpoint-*"):
        if step_of(path) > step:
            shutil.rmtree(path)


def latest(folder: Path) -> Path | None:
    """The newest complete checkpoint; incomplete ones, which a kill left, are removed."""
    complete = []
    for path in folder.glob("checkpoint-*"):
        if (path / COMPLETE).exists():
            complete.append(path)
        else:
            shutil.rmtree(path)
    return max(complete, key=step_of, default=None)


def step_of(path: Path) -> int:
    """The optimiser step in a checkpoint's name.

    >>> step_of(Path("checkpoint-120"))
    120
    """
    return int(path.name.rpartition("-")[2])
