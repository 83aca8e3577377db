"""Another program's run, line by line; it ends with us, however we end."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence

from seekforge.core import reaper
from seekforge.core.errors import EngineError

_LAST_LINES = 3


def lines(
    command: Sequence[str],
    environment: Mapping[str, str],
    where: str,
    failure: str,
    bars: re.Pattern[str] | None = None,
) -> Iterator[str]:
    r"""The lines that a command writes, standard error among them, stripped; a bar's `\r` ends a line too.

    Args:
        command: What to run.
        environment: All of its variables.
        where: What an error is about.
        failure: What an error says failed.
        bars: What lines of progress begin with; they tell nothing about a failure.

    Raises:
        EngineError: Its exit status is not 0; the message has the last lines.
    """
    last: list[str] = []
    process = subprocess.Popen(
        reaper.reaped(command),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
        env=environment,
    )
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if line.strip() and not (bars and bars.match(line)):
                last = [*last, line.strip()][-_LAST_LINES:]
            yield line.strip()
        status = process.wait()
    except BaseException:
        process.kill()  # its reaper takes the rest of the group
        process.wait()
        raise
    finally:
        assert process.stdout is not None
        process.stdout.close()
    if status != 0:
        raise EngineError(f"{failure}: {' | '.join(last) or f'status {status}'}", where=where)
