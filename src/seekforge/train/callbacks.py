"""What happens between optimiser steps: progress, the two guards, the rate, and the mark of a complete checkpoint."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from seekforge.core.progress import Task
from seekforge.train.checkpoints import COMPLETE
from seekforge.train.guard import diverged, judge
from seekforge.train.ranks import Ranks


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
    """Stops the run when `judge` says so on rank 0; the reason stays readable in `reason`."""

    def __init__(self, tolerance: float, ranks: Ranks) -> None:
        self._tolerance, self._ranks = tolerance, ranks
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
        verdict = self._ranks.lead(lambda: judge(losses, self._tolerance)) if losses else None
        if verdict and verdict.stop:
            self.reason = verdict.reason
            control.should_training_stop = True


class DivergenceGuard(TrainerCallback):
    """Stops the run when the training loss, as rank 0 knows it, says so.

    Attributes:
        reason: Why it stopped, in words; empty while all is well.
        good_until: The last step before the loss that told: checkpoints up to it are good.
    """

    def __init__(self, factor: float, ranks: Ranks) -> None:
        self._factor, self._ranks = factor, ranks
        self.reason, self.good_until = "", 0

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: object) -> None:  # noqa: ANN401
        """What had diverged when it was killed stays so."""
        self._judge(state, control)

    def on_log(self, args: Any, state: Any, control: Any, **_: object) -> None:  # noqa: ANN401
        """A loss was written into the history: the mean of the steps since the one before it."""
        self._judge(state, control)

    def _judge(self, state: Any, control: Any) -> None:  # noqa: ANN401
        self.reason, self.good_until = self._ranks.lead(lambda: self._verdict(state.log_history))
        if self.reason:
            control.should_training_stop = True

    def _verdict(self, history: list[dict[str, Any]]) -> tuple[str, int]:
        losses: list[float] = []
        steps = [0]
        for row in history:
            loss = row.get("loss", row.get("eval_loss"))
            if loss is None:
                continue
            trained = "loss" in row
            reason = diverged([*losses, float(loss)] if trained else [float(loss)], self._factor)
            if reason:
                # The mean holds all steps since the loss before it; the validation sees the weights after its step.
                return reason, steps[-1] if trained else int(row["step"]) - 1
            if trained:
                losses.append(float(loss))
                steps.append(int(row["step"]))
        return "", 0


class SetRate(TrainerCallback):
    """After a rollback: a checkpoint brings the rate of its time along, and this one counts."""

    def __init__(self, rate: float) -> None:
        self._rate = rate

    def on_train_begin(
        self,
        args: Any,  # noqa: ANN401
        state: Any,  # noqa: ANN401
        control: Any,  # noqa: ANN401
        optimizer: Any = None,  # noqa: ANN401
        lr_scheduler: Any = None,  # noqa: ANN401
        **_: object,
    ) -> None:
        """Called when optimiser and schedule have been taken up."""
        shares = [now / base for now, base in zip(lr_scheduler.get_last_lr(), lr_scheduler.base_lrs, strict=True)]
        lr_scheduler.base_lrs = [self._rate] * len(shares)
        for group, share in zip(optimizer.param_groups, shares, strict=True):
            group["initial_lr"], group["lr"] = self._rate, self._rate * share


class Watch(TrainerCallback):
    """Tells somebody of every validation: the step and the loss in nats a token."""

    def __init__(self, tell: Callable[[int, float], None]) -> None:
        self._tell = tell

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: object) -> None:  # noqa: ANN401
        """Those that a killed attempt has made."""
        for row in state.log_history:
            if "eval_loss" in row:
                self._tell(int(row["step"]), float(row["eval_loss"]))

    def on_evaluate(
        self,
        args: Any,  # noqa: ANN401
        state: Any,  # noqa: ANN401
        control: Any,  # noqa: ANN401
        metrics: dict[str, float],
        **_: object,
    ) -> None:
        """The one that was just made."""
        self._tell(int(state.global_step), float(metrics["eval_loss"]))


class MarkCheckpoint(TrainerCallback):
    """Marks a checkpoint complete once all ranks have written their files: a kill in between leaves it unmarked."""

    def __init__(self, ranks: Ranks) -> None:
        self._ranks = ranks

    def on_save(self, args: Any, state: Any, control: Any, **_: object) -> None:  # noqa: ANN401
        """Called after the last file of a checkpoint."""
        self._ranks.wait()
        if self._ranks.leads:
            (Path(args.output_dir) / f"checkpoint-{state.global_step}" / COMPLETE).touch()
