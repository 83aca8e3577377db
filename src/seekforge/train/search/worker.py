"""A worker of a search: begins trials on a run folder's study until the budget is used up."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seekforge.core.config import SearchConfig, TrainConfig
from seekforge.core.progress import Progress
from seekforge.core.stage import StageContext
from seekforge.train.packing import rows_of
from seekforge.train.prepare import Ready, choose, prepare
from seekforge.train.search.budget import Budget, Row, best
from seekforge.train.search.pruning import pruner_of
from seekforge.train.search.space import Space, check_warmup, recipe_values, space_of
from seekforge.train.search.study import Study
from seekforge.train.search.trial import Trials


@dataclass(frozen=True, slots=True)
class Search:
    """A search on disk, ready to be worked on.

    Attributes:
        study: Its trials.
        space: What is tried.
        budget: When it ends.
        trials: How one is run.
    """

    study: Study
    space: Space
    budget: Budget
    trials: Trials

    def work(self, progress: Progress) -> None:
        """Runs trials until the budget allows no more.

        Raises:
            InputError: The model or the records cannot be trained with these settings.
        """
        while claim := self.study.claim(self.budget):
            self._say(progress, claim.trial.number)
            self.trials.run(self.study, claim, self.budget.left(self.study.rows(), time.time()))
            self._say(progress, claim.trial.number)

    def _say(self, progress: Progress, number: int) -> None:
        rows = self.study.rows()
        progress.say(line_of(next(row for row in rows if row.number == number), rows))


def open_search(context: StageContext, memory: int | None = None) -> Search:
    """Prepares the records and opens the study in `context.folder`, or makes it with the recipe's settings first.

    Args:
        context: Of the whole search; its folder is the run's.
        memory: Bytes of the device that this worker may take; None for all that is free.

    Raises:
        InputError: The recipe's model, records or search space cannot be used.
    """
    ready = prepare(context)
    config = _settled(context, ready)
    search = context.recipe.search
    space = space_of(search.space, config)
    lines = rows_of(ready.splits["train"].examples, config.max_length if config.packing else None)
    check_warmup(space, config, len(lines))
    study = Study(context.folder, space, pruner_of(search.prune, search.validations), context.recipe.seed)
    study.begin(recipe_values(space, config))
    trials = Trials(ready, config, context.recipe.seed, search.validations, memory, context.progress)
    return Search(study, space, budget_of(search), trials)


def budget_of(search: SearchConfig) -> Budget:
    """The recipe's, in seconds."""
    return Budget(search.trials, None if search.minutes is None else 60 * search.minutes)


def _settled(context: StageContext, ready: Ready) -> TrainConfig:
    choice = choose(context, ready)
    return context.recipe.train.model_copy(update={"method": choice.method})


def settings_in_words(values: Mapping[str, Any]) -> str:
    """For one line.

    >>> settings_in_words({"learning_rate": 0.00123456, "lora.rank": 8})
    'learning_rate 0.00123, lora.rank 8'
    """
    return ", ".join(f"{k} {v:.3g}" if isinstance(v, float) else f"{k} {v}" for k, v in values.items())


def line_of(row: Row, rows: Sequence[Row]) -> str:
    """What becomes of a trial, in one line."""
    head = f"trial {row.number:<3} {row.state:<9}"
    if row.state == "running":
        again = "" if row.retry_of is None else f"again, for trial {row.retry_of} was killed: "
        own = "the recipe's own settings" if row.recipe else settings_in_words(row.values)
        return f"{head}{again}{own}"
    loss = "" if row.loss is None else f"validation loss {row.loss:.4f}"
    why = f": {row.note}" if row.state != "complete" and row.note else ""
    lead = best(rows)
    after = f" (best so far: {lead.loss:.4f}, trial {lead.number})" if lead and lead.loss is not None else ""
    return f"{head}{loss}{why}{after}"
