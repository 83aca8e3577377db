"""A file of JSON lines that is written behind."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seekforge.serve.strict import encoder

_log = logging.getLogger(__name__)
_WRITE_EVERY = 0.5
_MOST_LINES = 1000


class LazyLines:
    """Lines for a log: kept for half a second or a thousand lines and written at once.

    Args:
        path: The file; it is appended to.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab", buffering=0)
        self._lines: list[bytes] = []
        self._timer: asyncio.TimerHandle | None = None

    def add(self, entry: Mapping[str, Any]) -> None:
        """Adds a line."""
        self._lines.append(encoder.encode(entry))
        if len(self._lines) >= _MOST_LINES:
            self.flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_WRITE_EVERY, self.flush)

    def flush(self) -> None:
        """Writes what is kept. A full disk costs lines, never requests."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        lines, self._lines = self._lines, []
        if lines:
            try:
                self._file.write(b"\n".join(lines) + b"\n")
            except OSError as error:
                _log.error("the access log cannot be written: %s", error)

    def close(self) -> None:
        """Writes the rest."""
        self.flush()
        self._file.close()
