"""Finding the checkpoint to go on from."""

from __future__ import annotations

import shutil
from pathlib import Path

from seekforge.train.callbacks import COMPLETE


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
