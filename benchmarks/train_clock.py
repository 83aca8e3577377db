"""When each step of `transformers`' trainer ended: one clock for every side, whichever environment it is in."""

from __future__ import annotations

import json
import resource
import time
from pathlib import Path

from transformers import TrainerCallback


class Clock(TrainerCallback):  # type: ignore[misc]
    """Times the steps from the moment the trainer is ready; what happens after the last one is not counted.

    By the wall, and by the processor's time of all threads, which other work on the machine moves less.
    """

    def __init__(self) -> None:
        self._wall: list[float] = []
        self._cpu: list[float] = []

    def on_train_begin(self, *_: object, **__: object) -> None:
        """The first step starts here."""
        self._wall, self._cpu = [time.perf_counter()], [time.process_time()]

    def on_step_end(self, *_: object, **__: object) -> None:
        """The optimiser has stepped."""
        self._wall.append(time.perf_counter())
        self._cpu.append(time.process_time())

    def write(self, path: Path) -> None:
        """`seconds` of each step, `cpu` seconds of all, and the process's largest resident set in bytes as `peak`."""
        spans = [end - start for start, end in zip(self._wall, self._wall[1:], strict=False)]
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        found = {"seconds": spans, "cpu": self._cpu[-1] - self._cpu[0], "peak": peak}
        path.write_text(json.dumps(found), encoding="utf-8")
