"""Progress of long work: a rich bar on a terminal, plain lines elsewhere, silence in tests."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Protocol, TextIO

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

_PLAIN_INTERVAL = 10.0


class Task(Protocol):
    """One piece of counted work."""

    def advance(self, steps: int = 1, note: str = "") -> None:
        """Counts `steps` more and shows `note` beside the bar."""


class Progress(Protocol):
    """Where a stage says how far it is."""

    def say(self, text: str) -> None:
        """One line that stays."""

    def task(self, title: str, total: int, done: int = 0) -> AbstractContextManager[Task]:
        """A counted task, as a context manager."""


class Silent:
    """Shows nothing; keeps what was said for whoever asks."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        """Keeps the line."""
        self.lines.append(text)

    @contextmanager
    def task(self, title: str, total: int, done: int = 0) -> Iterator[Task]:
        """Counts nothing."""
        yield _NoTask()


class _NoTask:
    def advance(self, steps: int = 1, note: str = "") -> None:
        """Nothing to show."""


class Plain:
    """One line every ten seconds, for logs and CI."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def say(self, text: str) -> None:
        """Writes the line at once."""
        self._stream.write(text + "\n")
        self._stream.flush()

    @contextmanager
    def task(self, title: str, total: int, done: int = 0) -> Iterator[Task]:
        """Says where it stands every ten seconds and how long it took at the end."""
        started = time.monotonic()
        counter = _PlainTask(self, title, total, done)
        yield counter
        if time.monotonic() - started >= _PLAIN_INTERVAL:
            self.say(f"  {title}: {counter.done}/{total} in {time.monotonic() - started:.0f} s")


class _PlainTask:
    def __init__(self, owner: Plain, title: str, total: int, done: int) -> None:
        self._owner, self._title, self._total, self.done = owner, title, total, done
        self._last = time.monotonic()

    def advance(self, steps: int = 1, note: str = "") -> None:
        """Counts; writes when ten seconds have passed."""
        self.done += steps
        now = time.monotonic()
        if now - self._last >= _PLAIN_INTERVAL:
            self._last = now
            self._owner.say(f"  {self._title}: {self.done}/{self._total} {note}".rstrip())


class Rich:
    """Bars on a terminal."""

    def __init__(self) -> None:
        from rich.console import Console

        self._console = Console(stderr=True)

    def say(self, text: str) -> None:
        """Prints above any bar."""
        self._console.print(text, markup=False, highlight=False)

    @contextmanager
    def task(self, title: str, total: int, done: int = 0) -> Iterator[Task]:
        """A bar with the count, the time left and the latest note."""
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bars

        columns = (
            "  {task.description}",
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            "{task.fields[note]}",
        )
        bars = Bars(
            *(TextColumn(c) if isinstance(c, str) else c for c in columns), console=self._console, transient=True
        )
        with bars:
            yield _RichTask(bars.add_task(title, total=total, completed=done, note=""), bars)


class _RichTask:
    def __init__(self, number: TaskID, bars: Bars) -> None:
        self._number, self._bars = number, bars

    def advance(self, steps: int = 1, note: str = "") -> None:
        """Moves the bar."""
        self._bars.update(self._number, advance=steps, note=note)


def for_terminal(log: TextIO | None = None) -> Progress:
    """Bars when standard error is a terminal, else plain lines on `log`, which is standard error by default."""
    return Rich() if sys.stderr.isatty() else Plain(log or sys.stderr)
