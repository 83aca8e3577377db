"""For what hangs on a clock: a busy machine spoils a try, broken code spoils every one."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
LONG = 120.0  # seconds for what takes an instant on a quiet machine; what holds does not wait for them


def patiently(scenario: Callable[[float], T], *seconds: float) -> T:
    """What the first scenario returns that holds, each slower than the one before.

    Only for a scenario that cannot hold where the behaviour is missing, however the machine is scheduled.

    Args:
        scenario: Is given its measure of time, by which it sets limits and pauses alike.
        seconds: The measures, from one that a quiet machine keeps to one that a stop of seconds does not spoil.

    Raises:
        AssertionError: None held; of the last.
    """
    for measure in seconds[:-1]:
        try:
            return scenario(measure)
        except (AssertionError, OSError):  # and a server that was gone before it was asked
            continue
    return scenario(seconds[-1])


def wait_for(condition: Callable[[], object], seconds: float = LONG) -> float:
    """Returns as soon as it is so, with the seconds that it took.

    Raises:
        AssertionError: It was not so in time.
    """
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < seconds, "it did not happen in time"
        time.sleep(0.01)
    return time.monotonic() - started
