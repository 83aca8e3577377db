"""What happens between optimiser steps: progress, the overfit guard, and the mark of a complete checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from seekforge.core.progress import Task
from seekforge.train.guard import judge

COMPLETE = ".complete"


class ShowProgress(TrainerCallback):
    """Moves the bar and shows the latest loss."""

    def __init__(self, task: Task) -> None:
        self._task, self._note = task, ""

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float], **_: object) -> None:  # noqa: ANN401
        """Remembers the latest losses."""
        for name, title in (("loss", "loss"), ("eval_loss", "validation")):
            if name in logs:
                self._note = f"{title} {float(logs[name]):.3f}"

    def on_step_end(self, args: Any, state: Any, control: Any, **_: object) -> None:  # noqa: ANN401
        """One optimiser step is done."""
        self._task.advance(1, self._note)


class OverfitGuard(TrainerCallback):
    """Stops the run when `judge` says so; the reason stays readable in `reason`."""

    def __init__(self, tolerance: float) -> None:
        self._tolerance = tolerance
        self.reason = ""

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: object) -> None:  # noqa: ANN401
        """A killed run that was over already, by its steps or by its losses, stays over."""
        self._judge(state, control)
        if state.global_step >= state.max_steps:
            control.should_training_stop = True

    def on_evaluate(self, args: Any, state: Any, control: Any, **_: object) -> None:  # noqa: ANN401
        """Judges all validation losses so far, those before a resume included."""
        self._judge(state, control)

    def _judge(self, state: Any, control: Any) -> None:  # noqa: ANN401
        losses = [float(row["eval_loss"]) for row in state.log_history if "eval_loss" in row]
        verdict = judge(losses, self._tolerance) if losses else None
        if verdict and verdict.stop:
            self.reason = verdict.reason
            control.should_training_stop = True


class MarkCheckpoint(TrainerCallback):
    """Marks a checkpoint complete once all its files are written: a kill in between leaves it unmarked."""

    def on_save(self, args: Any, state: Any, control: Any, **_: object) -> None:  # noqa: ANN401
        """Called after the last file of a checkpoint."""
        (Path(args.output_dir) / f"checkpoint-{state.global_step}" / COMPLETE).touch()
