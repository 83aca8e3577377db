"""Which upstream answers next, and whether a failure is worth another try. Pure: the clock is passed in."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass


@dataclass(slots=True)
class UpstreamState:
    """What is known of an upstream. Times are seconds of the clock that is passed in everywhere.

    Attributes:
        name: Its name.
        in_flight: Requests that it works on.
        taken: Requests that it was ever given.
        failures: Failures since its last answer.
        cooling_until: It failed; until then it is the last choice.
        limited_until: It answered 429; until then it is asked nothing.
        answered_at: When it last wrote something of an answer.
    """

    name: str
    in_flight: int = 0
    taken: int = 0
    failures: int = 0
    cooling_until: float = float("-inf")
    limited_until: float = float("-inf")
    answered_at: float = float("-inf")


def choose(states: Sequence[UpstreamState], now: float, tried: Collection[str] = ()) -> UpstreamState | None:
    """The least busy upstream that is not cooling down; among equals the one that was given least so far.

    If all of them cool down, the one whose time is up first: to ask it costs less than to refuse for certain.

    Args:
        states: Those that may answer.
        now: Seconds.
        tried: Names that failed this request already; they come last.

    Returns:
        None when every one of them has asked to be left alone (429).
    """
    free = [state for state in states if state.limited_until <= now]
    if not free:
        return None
    return min(free, key=lambda s: (s.name in tried, max(0.0, s.cooling_until - now), s.in_flight, s.taken))


def free_in(states: Sequence[UpstreamState], now: float) -> float:
    """Seconds until the first upstream may be asked again; 0 when one may be now."""
    return max(0.0, min(state.limited_until for state in states) - now)


def failed(state: UpstreamState, now: float, cooldown: float) -> None:
    """Notes a failure: the cooldown doubles with every further one, up to eightfold.

    An answer from before it is no sign of life any more.
    """
    state.failures += 1
    state.answered_at = float("-inf")
    state.cooling_until = max(state.cooling_until, now + cooldown * min(8, 2 ** (state.failures - 1)))


def answered(state: UpstreamState, now: float) -> None:
    """Notes a sign of life."""
    state.failures, state.answered_at = 0, now
    state.cooling_until = float("-inf")


class RetryBudget:
    """Keeps retries a fixed share of the requests, so that a failing fleet is not given more work for it.

    Args:
        ratio: Retries a request, on average.
        reserve: What can be saved up.
    """

    def __init__(self, ratio: float, reserve: int) -> None:
        self._ratio, self._reserve = ratio, float(reserve)
        self._saved = self._reserve

    def earn(self) -> None:
        """A request came."""
        self._saved = min(self._reserve, self._saved + self._ratio)

    def take(self) -> bool:
        """May there be one more retry?"""
        if self._saved < 1:
            return False
        self._saved -= 1
        return True


def pause(asked: float, longest: float, chance: float) -> float | None:
    """How long to wait for an upstream that asked to be left alone, with jitter so that not all come back at once.

    Args:
        asked: Seconds that it asked for.
        longest: Longest wait that a client is kept for.
        chance: 0 to 1, drawn anew each time.

    Returns:
        Seconds: what was asked and up to a quarter more; None when that is too long.
    """
    wait = asked + min(1.0, asked / 4) * chance
    return wait if wait <= longest else None
