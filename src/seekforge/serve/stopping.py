"""Being told to stop before there is an event loop that could hear it."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType


class _Stopped(SystemExit):
    """A signal came."""


@contextmanager
def stoppable() -> Iterator[None]:
    """Within the block SIGTERM and Ctrl-C end it, without an error. For the main thread only.

    They raise a `SystemExit`: event loops let it through, and wherever it is not caught, the status is 0 all the same.
    A `KeyboardInterrupt` that passes through a compiled module's import would end Python as killed, even when caught.
    """

    def stop(number: int, frame: FrameType | None) -> None:
        raise _Stopped(0)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with suppress(_Stopped):
            yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
