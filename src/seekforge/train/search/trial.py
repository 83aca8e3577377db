"""One trial: a training as the train stage makes it, that is given up when its validation losses say so."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from math import ceil
from typing import Any

import optuna

from seekforge.core.config import TrainConfig
from seekforge.core.errors import InputError, ResourceError, SeekforgeError
from seekforge.core.memory import release
from seekforge.core.progress import Progress
from seekforge.train.loading import load_base, this_device
from seekforge.train.plan import Device, Plan, check
from seekforge.train.prepare import Devices, Ready, plan_of
from seekforge.train.search.space import with_values
from seekforge.train.search.study import Claim, Study
from seekforge.train.sft import Trained, total_steps, train

_NO_CHANGE = {"batch_size", "accumulate", "checkpointing"}  # of what is learnt, as long as batch times accumulate stays


_OUT_OF_MEMORY = ("out of memory", "can't allocate memory")  # torch's words for CUDA and for main memory


@dataclass(frozen=True, slots=True)
class Trials:
    """What all trials of a worker share.

    Attributes:
        ready: Model and tokens, prepared once.
        config: The recipe's training; its method is settled.
        seed: The recipe's: every trial sees the records in the same order.
        validations: Of a trial that comes to its end.
        memory: Bytes that this worker may take of its device; None for all that is free.
        progress: Where each training says how far it is.
    """

    ready: Ready
    config: TrainConfig
    seed: int
    validations: int
    memory: int | None
    progress: Progress

    def run(self, study: Study, claim: Claim, seconds: float) -> None:
        """Runs one trial and writes down how it ended; after `seconds` it is given up.

        Raises:
            ConfigError: The settings do not suit the model, with these values or any.
        """
        try:
            config = self._config(claim)
        except ResourceError as error:
            study.fail(claim, error.what)
            return
        facts = {"settings": _changed(self.config, config)}
        job = self.ready.job(config, self.seed, claim.folder / "out", claim.folder / "scratch")
        watch = _Watch(claim.trial, total_steps(job), self.validations, seconds, time.monotonic)
        try:
            base = load_base(self.ready.base, config)
            trained = train(base, self.ready.tokenizer, replace(job, watch=watch), self.progress)
        except optuna.TrialPruned as pruned:
            study.prune(claim, {**facts, "steps": watch.step}, str(pruned))
        except InputError:
            raise
        except SeekforgeError as error:  # diverged, and again after it had gone back
            study.prune(claim, {**facts, "steps": watch.step}, error.what)
        except RuntimeError as error:
            if not any(words in str(error) for words in _OUT_OF_MEMORY):
                raise
            study.fail(claim, "out of memory, against the plan")
        else:
            study.complete(claim, trained.best_loss, {**facts, **_facts(trained)}, trained.stop_reason)
        finally:
            release()

    def _config(self, claim: Claim) -> TrainConfig:
        """The trial's settings, changed where they do not fit the memory to what is the same in smaller pieces.

        Raises:
            ResourceError: Nothing that is the same fits.
        """
        config = with_values(self.config, claim.values)
        if config.memory_check:
            plan = plan_of(self.ready, config, Devices(1, self._device()))
            config = config.model_copy(update=_pieces(plan))
        total = total_steps(self.ready.job(config, self.seed, claim.folder, claim.folder))
        return config.model_copy(update={"evaluate_every": ceil(total / self.validations)})

    def _device(self) -> Device:
        device = this_device()
        return device if self.memory is None else replace(device, free=min(device.free, self.memory))


def _pieces(plan: Plan) -> dict[str, Any]:
    """Smaller forward passes or recomputed activations, if the plan does not fit as it is."""
    same = [proposal.settings for proposal in plan.proposals if proposal.settings.keys() <= _NO_CHANGE]
    if plan.fits or not same:
        check(plan)
        return {}
    return dict(same[0])


class _Watch:
    """Reports every validation to the trial.

    Trials of different batch sizes have different numbers of steps. They are held against each other by the number of
    the validation, which is the share of the training that is done.
    """

    def __init__(
        self, trial: optuna.Trial, total: int, validations: int, seconds: float, clock: Callable[[], float]
    ) -> None:
        self._trial, self._total, self._validations = trial, total, validations
        self._clock, self._end = clock, clock() + seconds
        self._seen = 0
        self.step = 0

    def __call__(self, step: int, loss: float) -> None:
        """A validation was made.

        Raises:
            TrialPruned: The trial is given up.
        """
        number = number_of(step, self._total, self._validations)
        if number <= self._seen:  # after a rollback the same steps come again
            return
        self._seen, self.step = number, step
        self._trial.report(loss, number)
        if step >= self._total:
            return
        # What all others are held against comes to its end.
        if not self._trial.user_attrs.get("recipe") and self._trial.should_prune():
            raise optuna.TrialPruned(f"not among the best at step {step} of {self._total}")
        if self._clock() >= self._end:
            raise optuna.TrialPruned(f"the search's time was over at step {step} of {self._total}")


def number_of(step: int, total: int, validations: int) -> int:
    """The number of the validation after a step, from 1; the last step has the last number.

    >>> [number_of(step, 31, 8) for step in (4, 8, 12, 28, 31)]
    [1, 2, 3, 7, 8]
    """
    return validations if step >= total else max(1, step * validations // total)


def _changed(recipe: TrainConfig, config: TrainConfig) -> dict[str, Any]:
    """What differs from the recipe, by the keys of `train`."""
    before, after = recipe.model_dump(mode="json"), config.model_dump(mode="json")
    found = {key: value for key, value in after.items() if key != "lora" and value != before[key]}
    return found | {f"lora.{key}": v for key, v in after["lora"].items() if v != before["lora"][key]}


def _facts(trained: Trained) -> dict[str, Any]:
    return {
        "steps": trained.steps,
        "best_step": trained.best_step,
        "tokens_per_second": round(trained.tokens_per_second, 1),
        "rollback": trained.rollback.reason if trained.rollback else "",
    }
