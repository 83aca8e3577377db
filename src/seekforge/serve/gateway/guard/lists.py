"""The word lists in force, read again when a file changes. A broken new version changes nothing but the report."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence

from seekforge.core.config.guard import WordListConfig
from seekforge.core.errors import SeekforgeError
from seekforge.core.words import lists as words
from seekforge.core.words.matcher import Matcher

_log = logging.getLogger(__name__)
Signature = tuple[int, ...] | str
_EVERY = 1.0  # seconds between two looks at the files


class Lists:
    """Gives the matcher in force; an answer keeps the one that it began with.

    Args:
        configs: The lists.
        clock: Seconds, from anywhere.

    Raises:
        ConfigError: A list cannot be used; at the start there is no older version to keep.
    """

    def __init__(self, configs: Sequence[WordListConfig], clock: Callable[[], float]) -> None:
        self._configs, self._clock = tuple(configs), clock
        self._matcher = Matcher([words.read(config) for config in self._configs])
        self._seen: tuple[Signature, ...] = tuple(entry.signature for entry in self._matcher.lists)
        self._looked = clock()
        self._rebuilding: threading.Thread | None = None
        self.reloads, self.failed_reloads = 0, 0
        self.problem: str | None = None

    def current(self) -> Matcher:
        """The matcher in force; at most once a second it looks for changed files.

        New files are read beside the requests, for an automaton of 100,000 words takes a good part of a second.
        """
        now = self._clock()
        if now - self._looked >= _EVERY and self._rebuilding is None:
            self._looked = now
            signatures = tuple(map(_signature, self._configs))
            if signatures != self._seen:
                self._rebuilding = threading.Thread(target=self._rebuild, args=(signatures,), daemon=True)
                self._rebuilding.start()
        return self._matcher

    def settle(self) -> None:
        """Waits for a reading that is under way."""
        thread = self._rebuilding
        if thread is not None:
            thread.join()

    def _rebuild(self, signatures: tuple[Signature, ...]) -> None:
        """Replaces the matcher as a whole, or keeps it."""
        try:
            self._matcher = Matcher([words.read(config) for config in self._configs])
            self.reloads, self.problem = self.reloads + 1, None
            _log.info("word lists read again: %d entries", self._matcher.size)
        except Exception as error:  # in a thread of its own: whatever it is, the old lists stay in force
            self.failed_reloads += 1
            self.problem = str(error) if isinstance(error, SeekforgeError) else type(error).__name__
            _log.error("word lists not read again, the older ones stay in force: %s", self.problem)
        finally:
            # Also after a failure: the same broken file is not worth reading every second. What was written since
            # `signatures` were taken differs from them and is read next.
            self._seen = signatures
            self._rebuilding = None


def _signature(config: WordListConfig) -> Signature:
    """Of the file, or why there is none."""
    try:
        return words.signature(words.path_of(config))
    except OSError as error:
        return str(error.errno)
