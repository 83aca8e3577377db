"""When a trial is given up: asynchronous successive halving (ASHA, Li et al. 2020) on the losses that are on disk.

At a few points a trial is ranked among all that have come so far: finished, given up or still running. Optuna's
percentile and median pruners know finished trials only: with several workers the first ones have nothing to be held
against, and later ones are held against survivors. Its SuccessiveHalvingPruner keeps its ranking in the study, by the
number of the point alone, so that other settings in the course of a search would mix different validations; and a
killed trial would take a place beside its successor.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil, floor, inf, isnan

import optuna
from optuna.trial import FrozenTrial, TrialState

from seekforge.core.config import PruneConfig

Losses = Mapping[int, float]


def pruner_of(rule: PruneConfig | None, validations: int) -> optuna.pruners.BasePruner:
    """The recipe's rule for Optuna; None prunes nothing.

    Args:
        rule: The recipe's.
        validations: Of a trial that comes to its end.
    """
    return optuna.pruners.NopPruner() if rule is None else _Pruner(rule, validations)


class _Pruner(optuna.pruners.BasePruner):
    """Keeps nothing: the rule may change between two calls of a search."""

    def __init__(self, rule: PruneConfig, validations: int) -> None:
        self._rule, self._points = rule, points_of(rule, validations)

    def prune(self, study: optuna.Study, trial: FrozenTrial) -> bool:
        others = [
            other.intermediate_values
            for other in study.get_trials(deepcopy=False)
            if other.number != trial.number and other.state != TrialState.FAIL  # a killed one counts by its successor
        ]
        return behind(trial.intermediate_values, others, self._points, self._rule)


def points_of(rule: PruneConfig, validations: int) -> list[int]:
    """The numbers of the validations at which a trial can be given up.

    >>> points_of(PruneConfig(at=(0.5, 0.75)), 8)
    [4, 6]
    """
    return sorted({ceil(round(share * validations, 9)) for share in rule.at})


def behind(losses: Losses, others: Sequence[Losses], points: Sequence[int], rule: PruneConfig) -> bool:
    """Whether a trial has just come to a point and is not among the best there.

    The best of `n` are `keep * n`, rounded down, but at least one.

    Args:
        losses: The trial's validation losses by the number of the validation, from 1.
        others: Those of all other trials.
        points: Numbers of validations. A short training skips some; then its next one counts.
        rule: How many are kept.

    >>> rule = PruneConfig(keep=0.5, startup=1)
    >>> [behind({1: 3.0, 2: loss}, [{1: 2.5, 2: 1.5, 3: 1.0}], [2], rule) for loss in (1.4, 2.0)]
    [False, True]
    """
    number = max(losses, default=0)
    point = max((point for point in points if point <= number), default=None)
    if point is None or any(point <= seen < number for seen in losses):
        return False
    there = [_best(other, number) for other in others if max(other, default=0) >= point]
    if len(there) < rule.startup:
        return False
    mine, places = _best(losses, number), max(1, floor(round(rule.keep * (len(there) + 1), 9)))
    return sum(theirs < mine for theirs in there) >= places


def _best(losses: Losses, until: int) -> float:
    return min((loss for number, loss in losses.items() if number <= until and not isnan(loss)), default=inf)
