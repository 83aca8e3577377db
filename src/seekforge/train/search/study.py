"""The study on disk: Optuna's trials in SQLite, a lock for each one that runs, and what a kill left behind.

Several processes may work on one study. Each begins a trial under the study's lock and holds the trial's own lock until
the trial has ended. A trial that the database calls running, but whose lock is free, was killed: it is marked failed,
and its settings are put in line again, to go on from its last checkpoint. What is killed again and again (for want of
memory, say) is given up after `_ATTEMPTS`.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from seekforge.core import locks
from seekforge.train.search.budget import Budget, Row, State
from seekforge.train.search.space import Space

NAME = "search"
DATABASE = "study.db"
_LOCK_WAIT = 120.0  # seconds that SQLite waits for another process
_RANDOM = 4  # trials, the recipe's among them, before the sampler learns from them
_ATTEMPTS = 3
_STATES: Mapping[TrialState, State] = {
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
    TrialState.RUNNING: "running",
    TrialState.WAITING: "waiting",
}


@dataclass(frozen=True, slots=True)
class Claim:
    """A trial that this process runs.

    Attributes:
        trial: Optuna's.
        values: Its settings, by the keys of `train`; what is missing stays as in the recipe.
        folder: For its checkpoints; those of a killed attempt lie there already.
        resumed: The number of that attempt.
        lock: Held as long as the trial runs.
    """

    trial: optuna.Trial
    values: dict[str, Any]
    folder: Path
    resumed: int | None
    lock: IO[str]


class Study:
    """The trials of one search.

    Args:
        folder: The run folder.
        space: What is tried.
        pruner: When a trial is given up.
        seed: Of the sampler.
    """

    def __init__(self, folder: Path, space: Space, pruner: optuna.pruners.BasePruner, seed: int) -> None:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._folder, self._space, self._seed = folder, space, seed
        with self._locked():
            self._study = optuna.create_study(
                study_name=NAME, storage=_storage(folder), load_if_exists=True, pruner=pruner
            )

    def begin(self, own: Mapping[str, Any]) -> None:
        """Puts the recipe's own settings in line, unless that was done before.

        Args:
            own: Those that lie in the space. Optuna does not draw the others for this trial, the recipe has them.
        """
        with self._locked():
            if not self._study.get_trials(deepcopy=False):
                left_out = [key for key in self._space if key not in own]
                self._study.enqueue_trial(dict(own), user_attrs={"recipe": True, "left_out": left_out})

    def claim(self, budget: Budget) -> Claim | None:
        """Begins the next trial; None when the budget is used up."""
        with self._locked():
            self._reclaim()
            if not budget.allows(self.rows(), time.time()):
                return None
            # A sampler that began anew with the same seed would draw the same values in every process.
            trials = self._study.get_trials(deepcopy=False)
            self._study.sampler = optuna.samplers.TPESampler(
                n_startup_trials=_RANDOM, seed=(self._seed * 1_000_003 + len(trials)) % 2**32
            )
            waiting = next((trial for trial in trials if trial.state == TrialState.WAITING), None)
            left_out = waiting.user_attrs.get("left_out", ()) if waiting else ()
            trial = self._study.ask({key: values for key, values in self._space.items() if key not in left_out})
            lock = locks.take(self._lock(trial.number))
            assert lock is not None, "nobody else knows of this trial yet"
            resumed = trial.user_attrs.get("retry_of")
            folder = self._trial(trial.number)
            if resumed is not None and self._trial(resumed).is_dir():
                self._trial(resumed).rename(folder)
            folder.mkdir(parents=True, exist_ok=True)
            return Claim(trial, dict(trial.params), folder, resumed, lock)

    def complete(self, claim: Claim, loss: float, facts: Mapping[str, Any], note: str) -> None:
        """The trial came to its end."""
        self._end(claim, TrialState.COMPLETE, loss, facts, note)

    def prune(self, claim: Claim, facts: Mapping[str, Any], note: str) -> None:
        """The trial was given up."""
        self._end(claim, TrialState.PRUNED, None, facts, note)

    def fail(self, claim: Claim, note: str) -> None:
        """The trial could not be run."""
        claim.trial.set_user_attr("own", True)
        self._end(claim, TrialState.FAIL, None, {}, note)

    def rows(self) -> list[Row]:
        """All trials, as they stand in the database now."""
        return [_row(trial) for trial in self._study.get_trials(deepcopy=False)]

    def importance(self) -> dict[str, float]:
        """Each setting's share in what makes a trial good, by PED-ANOVA (Watanabe et al. 2023); empty if unknown."""
        complete = self._study.get_trials(states=(TrialState.COMPLETE,))
        whole = [trial for trial in complete if trial.params.keys() == set(self._space)]
        copy = optuna.create_study()
        copy.add_trials(whole)
        try:
            return dict(optuna.importance.get_param_importances(copy)) if len(whole) > 1 else {}
        except (ValueError, RuntimeError):  # all losses are equal
            return {}

    def _end(self, claim: Claim, state: TrialState, loss: float | None, facts: Mapping[str, Any], note: str) -> None:
        with self._locked():
            claim.trial.set_user_attr("facts", dict(facts))
            claim.trial.set_user_attr("note", note)
            self._study.tell(claim.trial, loss, state=state)
            shutil.rmtree(claim.folder, ignore_errors=True)
            self._lock(claim.trial.number).unlink(missing_ok=True)
            claim.lock.close()

    def _reclaim(self) -> None:
        trials = self._study.get_trials(deepcopy=False)
        for trial in trials:
            if trial.state == TrialState.RUNNING and (lock := locks.take(self._lock(trial.number))):
                self._retry(trial)
                self._study.tell(trial.number, state=TrialState.FAIL)
                self._lock(trial.number).unlink(missing_ok=True)
                lock.close()
        wanted = {r.retry_of for r in self.rows() if r.state == "waiting"}
        running = {r.number for r in self.rows() if r.state == "running"}
        for folder in (self._folder / "trials").glob("*"):
            if folder.is_dir() and int(folder.name) not in wanted | running:
                shutil.rmtree(folder, ignore_errors=True)  # of a trial whose worker was killed right after its end

    def _retry(self, trial: FrozenTrial) -> None:
        attempts = trial.user_attrs.get("attempts", 1)
        if attempts >= _ATTEMPTS or any(row.retry_of == trial.number for row in self.rows()):
            return  # the second: whoever put it in line was killed before it could mark the trial
        kept: dict[str, Any] = {k: trial.user_attrs[k] for k in ("recipe", "left_out") if k in trial.user_attrs}
        again: dict[str, Any] = {**kept, "retry_of": trial.number, "attempts": attempts + 1}
        # Killed before its settings were drawn, it has those that it was given; the others will be drawn.
        values: dict[str, Any] = {**trial.system_attrs.get("fixed_params", {})}
        values.update(trial.params)
        self._study.enqueue_trial(values, user_attrs=again)

    def _locked(self) -> AbstractContextManager[None]:
        return locks.waiting(self._folder / ".study.lock")

    def _lock(self, number: int) -> Path:
        return self._folder / "trials" / f".{number}.lock"

    def _trial(self, number: int) -> Path:
        return self._folder / "trials" / str(number)


def _storage(folder: Path) -> optuna.storages.RDBStorage:
    return optuna.storages.RDBStorage(
        f"sqlite:///{folder / DATABASE}", engine_kwargs={"connect_args": {"timeout": _LOCK_WAIT}}
    )


def _row(trial: FrozenTrial) -> Row:
    notes = trial.user_attrs
    killed = trial.state == TrialState.FAIL and not notes.get("own")  # it did not fail of its own
    start, end = trial.datetime_start, trial.datetime_complete
    return Row(
        number=trial.number,
        state=_STATES[trial.state],
        loss=trial.value if trial.state != TrialState.PRUNED else min(trial.intermediate_values.values(), default=None),
        values=dict(trial.params),
        losses=dict(trial.intermediate_values),
        began=start.timestamp() if start and not killed else None,
        ended=end.timestamp() if end and not killed else None,
        note="its worker was killed" if killed else str(notes.get("note", "")),
        recipe=bool(notes.get("recipe", False)),
        retry_of=notes.get("retry_of"),
        attempts=int(notes.get("attempts", 1)),
        facts=dict(notes.get("facts", {})),
    )
