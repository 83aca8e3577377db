"""What a search has used up and whether another trial may begin: pure, over the trials so far."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

State = Literal["complete", "pruned", "failed", "running", "waiting"]


@dataclass(frozen=True, slots=True)
class Row:
    """One trial.

    Attributes:
        number: From 0, in the order of their beginning.
        state: `failed` also where its worker was killed.
        loss: Best validation loss, nats a token; of a pruned trial the best that it came to.
        values: The searched settings, by the keys of `train`.
        losses: Validation loss by the number of the validation, from 1 to the search's `validations`.
        began: Seconds on the wall clock.
        ended: The same; None while it runs, and where a kill ended it, for nobody knows when.
        note: Why it ended, in words.
        recipe: Whether these are the recipe's own settings.
        retry_of: The killed trial whose settings these are.
        attempts: How often these settings were begun.
        facts: What else is known of it: steps, settings in force.
    """

    number: int
    state: State
    loss: float | None = None
    values: dict[str, Any] = field(default_factory=dict)
    losses: dict[int, float] = field(default_factory=dict)
    began: float | None = None
    ended: float | None = None
    note: str = ""
    recipe: bool = False
    retry_of: int | None = None
    attempts: int = 1
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Budget:
    """When a search ends: at so many trials, or after so many seconds of work; None sets no bound."""

    trials: int | None
    seconds: float | None

    def allows(self, rows: Sequence[Row], now: float) -> bool:
        """Whether another trial may begin at `now`, in seconds on the wall clock."""
        if self.trials is not None and len(counted(rows)) >= self.trials:
            return False
        return self.left(rows, now) > 0

    def left(self, rows: Sequence[Row], now: float) -> float:
        """Seconds that are left at `now`; infinite without a bound."""
        return float("inf") if self.seconds is None else self.seconds - worked(rows, now)


def counted(rows: Sequence[Row]) -> list[Row]:
    """Trials that use up the budget: all that ended or run, but for those that were killed and begun again.

    >>> rows = [Row(0, "complete"), Row(1, "failed"), Row(2, "waiting", retry_of=1), Row(3, "pruned")]
    >>> [row.number for row in counted(rows)]
    [0, 3]
    """
    again = {row.retry_of for row in rows}
    return [row for row in rows if row.state != "waiting" and row.number not in again]


def worked(rows: Iterable[Row], now: float) -> float:
    """Seconds on the clock in which at least one trial ran; pauses between two attempts are none of them.

    >>> worked([Row(0, "complete", began=0.0, ended=10.0), Row(1, "running", began=5.0)], now=12.0)
    12.0
    """
    spans = [(row.began, now if row.ended is None else row.ended) for row in rows if row.began is not None]
    total, until = 0.0, float("-inf")
    for began, ended in sorted(spans):
        total += max(0.0, ended - max(began, until))
        until = max(until, ended)
    return total


def best(rows: Iterable[Row]) -> Row | None:
    """The finished trial with the lowest validation loss, the first of equals."""
    done = [row for row in rows if row.state == "complete" and row.loss is not None]
    return min(done, key=lambda row: (row.loss, row.number), default=None)


def reference(rows: Iterable[Row]) -> Row | None:
    """The trial of the recipe's own settings, if it came to its end."""
    return next((row for row in rows if row.recipe and row.state == "complete"), None)
