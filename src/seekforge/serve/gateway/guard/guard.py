"""The guard as the gateway sees it: rules for what goes in, filters for what comes out, and it fails closed."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from seekforge.core.config.guard import GuardConfig
from seekforge.core.words.lists import WordList
from seekforge.serve.gateway.guard.audit import Audit, AuditLog, Event
from seekforge.serve.gateway.guard.incoming import judge
from seekforge.serve.gateway.guard.lists import Lists
from seekforge.serve.gateway.guard.stream import ShutFilter, StreamFilter
from seekforge.serve.gateway.seams import InputVerdict, Message, OutputFilter

_log = logging.getLogger(__name__)
_BROKEN = "the request could not be checked"


@dataclass(frozen=True, slots=True)
class GuardStats:
    """What the guard has done since it was made, for metrics.

    Attributes:
        hits: By direction, rule or list, and action.
        errors: Requests that were refused or cut because the guard itself failed.
        entries: Words and exceptions in force.
        reloads: Times that changed lists were taken.
        failed_reloads: Times that they could not be.
        problem: Why the newest files are not in force; None when they are.
    """

    hits: Mapping[tuple[str, str, str], int]
    errors: int
    entries: int
    reloads: int
    failed_reloads: int
    problem: str | None


class TextGuard:
    """Checks conversations and answers; made once, used by every request.

    Args:
        config: The rules and lists.
        audit: Where hits are written down; None writes nothing.
        clock: Seconds, from anywhere; only for looking at the lists' files.

    Raises:
        ConfigError: A list cannot be used.
    """

    def __init__(
        self, config: GuardConfig, audit: Audit | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._config, self._audit = config, audit
        self.lists = Lists(config.output, clock)
        self._hits: Counter[tuple[str, str, str]] = Counter()
        self._errors = 0

    def check_input(self, messages: Sequence[Message], *, user: str, request_id: str) -> InputVerdict:
        """Judges a conversation before an engine sees it."""
        try:
            verdict, observed = judge(messages, self._config.input)
            for seen in observed:
                if self._audit is not None:
                    self._audit.write(Event(request_id, user, "input", "input", seen.rule, seen.action, seen.param))
                self._hits["input", seen.rule, seen.action] += 1
        except Exception as error:
            self._failed(error)
            return InputVerdict((), refusal=_BROKEN, rule="guard_error")
        return verdict

    def open_output(self, *, user: str, request_id: str) -> OutputFilter:
        """A filter for one answer, with the lists as they are now."""

        def record(words: WordList, line: int) -> None:
            if self._audit is not None:
                source, action = f"{words.name}@{words.version}", words.config.action
                self._audit.write(Event(request_id, user, "output", source, f"line {line}", action))
            self._hits["output", words.name, words.config.action] += 1

        try:
            return StreamFilter(self.lists.current(), record, self._failed)
        except Exception as error:
            self._failed(error)
            return ShutFilter()

    def stats(self) -> GuardStats:
        """What it has done until now."""
        lists = self.lists
        entries = lists.current().size
        return GuardStats(dict(self._hits), self._errors, entries, lists.reloads, lists.failed_reloads, lists.problem)

    def _failed(self, error: Exception) -> None:
        """Says where it failed, not with what: an exception's text may quote the user's."""
        self._errors += 1
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        place = f"{trace.tb_frame.f_code.co_qualname}:{trace.tb_lineno}" if trace else "unknown"
        _log.error("the guard failed and refused: %s at %s", type(error).__name__, place)


def open_guard(config: GuardConfig) -> TextGuard | None:
    """The guard that a config describes, its audit folder made; None when it is off.

    Raises:
        ConfigError: A list cannot be used.
        ResourceError: The audit folder cannot be written.
    """
    if not config.enabled:
        return None
    return TextGuard(config, AuditLog(config.audit) if config.audit is not None else None)
