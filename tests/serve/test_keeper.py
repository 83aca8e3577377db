"""The keeper's decisions, and its thread with children that do as the test says."""

import subprocess
import threading
import time
from types import TracebackType

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.patience import LONG, wait_for

from seekforge.core.config import RestartConfig
from seekforge.core.errors import EngineError, SeekforgeError
from seekforge.serve.keeper import Child, Down, Keeper, Over, State, Up, next_delay

FAST = RestartConfig(attempts=3, first_delay=0.01, longest_delay=0.02, stable_seconds=3600)


def test_the_first_start_is_at_once_and_the_delay_doubles_up_to_its_end() -> None:
    config = RestartConfig(attempts=6, first_delay=0.5, longest_delay=3)
    assert [next_delay(ends, config) for ends in range(1, 8)] == [0, 0.5, 1, 2, 3, 3, None]
    assert next_delay(1, RestartConfig(attempts=0)) is None


@given(st.integers(1, 10_000), st.integers(0, 20), st.floats(0, 100), st.floats(0, 100))
def test_a_delay_is_never_longer_than_it_may_be(ends: int, attempts: int, first: float, longest: float) -> None:
    config = RestartConfig(attempts=attempts, first_delay=first, longest_delay=longest)
    delay = next_delay(ends, config)
    assert (delay is None) == (ends > attempts)
    assert delay is None or 0 <= delay <= longest


class Script:
    """A child. `lives`: seconds after which it has ended; negative for one that does not start."""

    def __init__(self, lives: float, loads: float = 0.0) -> None:
        self._lives, self._loads, self._entered = lives, loads, 0.0
        self._process: subprocess.Popen[bytes] | None = None
        self.url, self.left = f"http://{lives}", False

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    def __enter__(self) -> object:
        if self._lives < 0:
            raise EngineError("it does not start")
        if self._loads:
            self._process = subprocess.Popen(["sleep", str(self._loads)], start_new_session=True)
            if self._process.wait() != 0:
                raise EngineError("killed while it loaded")
        self._entered = time.monotonic()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.left = True

    def check(self) -> None:
        if time.monotonic() - self._entered >= self._lives:
            raise EngineError(f"ended after {self._lives}")


def kept(*children: Script, config: RestartConfig = FAST, states: int) -> tuple[Keeper, list[State]]:
    """A keeper, and its first so many states."""
    line, told, enough = list(children), [], threading.Event()

    def listener(state: State) -> None:
        told.append(state)
        if len(told) >= states:
            enough.set()

    def build() -> Child:
        return line.pop(0)

    keeper = Keeper(build, config)
    keeper.start()
    time.sleep(0.05)
    keeper.listen(listener)  # what was before is told first
    assert enough.wait(LONG)
    return keeper, told


def test_a_child_that_ends_is_followed_by_another() -> None:
    children = Script(0.0), Script(0.0), Script(3600.0)
    keeper, told = kept(*children, states=5)
    assert [type(state) for state in told] == [Up, Down, Up, Down, Up]
    assert (told[1], told[3]) == (Down("ended after 0.0", 0.0), Down("ended after 0.0", 0.01))
    assert told[4] == Up("http://3600.0")
    keeper.stop()
    assert children[2].left
    assert len(told) == 5, "what is stopped on purpose is no end"


def test_it_gives_up_after_so_many_ends_in_a_row() -> None:
    keeper, told = kept(*(Script(0.0) for _ in range(4)), states=8)
    assert isinstance(told[-1], Over)
    assert "given up after 4 ends in a row; the last one: ended after 0.0" in str(told[-1].error)
    keeper.stop()


def test_a_child_that_fails_to_come_back_counts_too() -> None:
    _, told = kept(Script(0.0), Script(-1), Script(-1), Script(-1), states=5)
    assert [type(state) for state in told] == [Up, Down, Down, Down, Over]


def test_one_that_never_came_up_is_not_tried_again() -> None:
    _, told = kept(Script(-1), states=1)
    assert isinstance(told[0], Over)
    assert str(told[0].error) == "it does not start"


def test_a_long_life_begins_a_new_row() -> None:
    config = FAST.model_copy(update={"stable_seconds": 0.0, "attempts": 1})
    keeper, told = kept(*(Script(0.0) for _ in range(20)), Script(3600.0), config=config, states=9)
    assert not any(isinstance(state, Over) for state in told)
    assert {state.delay for state in told if isinstance(state, Down)} == {0.0}
    keeper.stop()


def test_stop_does_not_wait_for_one_that_loads() -> None:
    child = Script(3600.0, loads=4 * LONG)
    keeper = Keeper(lambda: child, FAST)
    keeper.start()
    wait_for(lambda: child.pid is not None)
    assert child.pid is not None
    started = time.monotonic()
    keeper.stop()
    assert time.monotonic() - started < LONG
    assert not psutil.pid_exists(child.pid)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_an_error_that_nobody_thought_of_is_told_and_not_waited_for() -> None:
    told: list[State] = []

    def build() -> Child:
        raise ZeroDivisionError

    keeper = Keeper(build, FAST)
    keeper.listen(told.append)
    keeper.start()
    keeper.stop()
    assert len(told) <= 1
    assert all(isinstance(state, Over) and isinstance(state.error, SeekforgeError) for state in told)
