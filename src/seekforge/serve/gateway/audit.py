"""The guard around an answer's text. Whatever goes wrong in a filter stops the answer: it fails closed."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from seekforge.serve.gateway.seams import Guard, OutputFilter, Passed

_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_SHORT = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}


class Auditor:
    """Opens filters for one answer and counts what they stopped.

    Args:
        guard: The guard.
        user: The caller's id.
        request_id: The request's id.
        hit: Told of every stop, with what stopped it (`output` or `error`).
    """

    def __init__(self, guard: Guard, *, user: str, request_id: str, hit: Callable[[str], None]) -> None:
        self._guard, self._user, self._request_id, self._hit = guard, user, request_id, hit

    def open(self) -> OutputFilter:
        """A filter for one text."""
        try:
            inner = self._guard.open_output(user=self._user, request_id=self._request_id)
        except Exception:
            self._hit("error")
            return _Stopped()
        return _Closing(inner, self._hit)

    def is_clean(self, text: str) -> bool:
        """Whether text that must go out unchanged or not at all may go out: JSON, arguments of a tool.

        A word can stand in JSON as escapes, so the text is judged as it is and as it reads.
        """
        return all(self._passes(view) for view in {text, unescaped(text)})

    def _passes(self, text: str) -> bool:
        opened = self.open()
        first = opened.push(text)
        if first.stopped:
            return False
        last = opened.finish()
        if last.stopped:
            return False
        if first.text + last.text != text:
            self._hit("output")
            return False
        return True


def unescaped(text: str) -> str:
    r"""JSON text with its escapes read, whether or not it is whole JSON.

    >>> unescaped(r'{"a": "\u5bc6\u94a5 \ud83d\ude00"}')
    '{"a": "密钥 😀"}'
    """
    read = _ESCAPE.sub(lambda m: chr(int(m[1], 16)) if m[1] else _SHORT.get(m[2], m[2]), text)
    return read.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def tool_text(calls: list[dict[str, Any]]) -> str:
    """Names and arguments of tool calls, for the audit."""
    functions = [call.get("function") or call.get("custom") or call for call in calls]
    pairs = [(f.get("name"), f.get("arguments") or f.get("input")) for f in functions if isinstance(f, dict)]
    return "\n".join(str(text) for pair in pairs for text in pair if text)


class _Closing:
    """A filter that stops when the one inside it raises."""

    def __init__(self, inner: OutputFilter, hit: Callable[[str], None]) -> None:
        self._inner, self._hit = inner, hit

    def push(self, text: str) -> Passed:
        return self._guarded(lambda: self._inner.push(text))

    def finish(self) -> Passed:
        return self._guarded(self._inner.finish)

    def _guarded(self, step: Callable[[], Passed]) -> Passed:
        try:
            passed = step()
        except Exception:
            self._hit("error")
            return Passed("", stopped=True)
        if passed.stopped:
            self._hit("output")
        return passed


class _Stopped:
    def push(self, text: str) -> Passed:
        return Passed("", stopped=True)

    def finish(self) -> Passed:
        return Passed("", stopped=True)
