"""One choice's text on its way out: thoughts set apart, both judged, tool calls and JSON held until they are whole."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from seekforge.core.config.gateway import Reasoning
from seekforge.engines.reasoning import Splitter
from seekforge.serve.gateway.audit import Auditor, tool_text
from seekforge.serve.gateway.seams import OutputFilter


@dataclass(slots=True)
class Piece:
    """What may go out now. `stopped`: this and nothing after it."""

    reasoning: str = ""
    content: str = ""
    tool_calls: list[dict[str, Any]] = field(default_factory=list)
    function_call: dict[str, Any] | None = None
    stopped: bool = False

    @property
    def is_empty(self) -> bool:
        """There is nothing to send."""
        return not (self.reasoning or self.content or self.tool_calls or self.function_call)


class TextPath:
    """One choice of one answer.

    Args:
        mode: How thoughts are found.
        auditor: The guard; None without.
        hold: The content is JSON: with a guard it is held until it is whole.
    """

    def __init__(self, mode: Reasoning, auditor: Auditor | None, *, hold: bool) -> None:
        self._splitter = Splitter(mode)
        self._splits = mode != "off"
        self._auditor = auditor
        self._hold = hold and auditor is not None
        self._held: list[str] = []
        self._calls: dict[int, dict[str, Any]] = {}
        self._call: dict[str, Any] = {}  # the older `function_call`
        self._filters: dict[str, OutputFilter] = {}
        self.is_finished = False

    def push(self, content: str, reasoning: str) -> Piece:
        """Takes more text.

        Args:
            content: The answer's, with the thoughts in it if the upstream leaves them there.
            reasoning: Thoughts, where the upstream sets them apart itself.
        """
        piece = Piece()
        if reasoning:
            self._splits = False  # the upstream does it
            self._filter(piece, "reasoning", reasoning)
        if content:
            if self._splits:
                split = self._splitter.push(content)
                self._filter(piece, "reasoning", split.reasoning)
                content = split.content
            self._content(piece, content)
        return piece

    def calls(self, deltas: list[Any], function_call: Any) -> None:  # noqa: ANN401  as the upstream wrote it
        """Holds pieces of tool calls until `finish`."""
        for number, delta in enumerate(d for d in deltas if isinstance(d, dict)):
            index = delta.get("index")
            key = index if isinstance(index, int) else number
            _merge(self._calls.setdefault(key, {}), delta)
        if isinstance(function_call, dict):
            _merge(self._call, function_call)

    def finish(self, *, whole: bool) -> Piece:
        """What is left.

        Args:
            whole: The model ended by itself.
        """
        self.is_finished = True
        piece = Piece()
        if self._splits:
            split = self._splitter.finish(whole=whole)
            self._filter(piece, "reasoning", split.reasoning)
            self._content(piece, split.content)
        for name in ("reasoning", "content"):
            self._flush(piece, name)
        if not piece.stopped:
            self._release(piece)
        return piece

    def _content(self, piece: Piece, text: str) -> None:
        if text:
            self._flush(piece, "reasoning")  # thoughts that were held back come before the answer
        if self._hold:
            self._held.append(text)
        else:
            self._filter(piece, "content", text)

    def _filter(self, piece: Piece, name: str, text: str) -> None:
        if not text or piece.stopped:
            return
        if self._auditor is not None:
            if name not in self._filters:
                self._filters[name] = self._auditor.open()
            passed = self._filters[name].push(text)
            text, piece.stopped = passed.text, passed.stopped
        setattr(piece, name, getattr(piece, name) + text)

    def _flush(self, piece: Piece, name: str) -> None:
        opened = self._filters.pop(name, None)
        if opened is not None and not piece.stopped:
            rest = opened.finish()
            setattr(piece, name, getattr(piece, name) + rest.text)
            piece.stopped = rest.stopped

    def _release(self, piece: Piece) -> None:
        """What was held: all of it, or nothing and the end."""
        text = "".join(self._held)
        calls = [self._calls[index] for index in sorted(self._calls)]
        if self._auditor is None:
            return
        audited = [text, tool_text(calls), tool_text([self._call] if self._call else [])]
        if not all(self._auditor.is_clean(part) for part in audited if part):
            piece.stopped = True
            return
        piece.content += text
        piece.tool_calls = calls
        piece.function_call = self._call or None


def _merge(whole: dict[str, Any], delta: dict[str, Any]) -> None:
    """Adds a delta to what it continues: texts of the function grow, everything else is said once."""
    for name, value in delta.items():
        if name in {"function", "custom"} and isinstance(value, dict):
            _merge(whole.setdefault(name, {}), value)
        elif name in {"arguments", "input"} and isinstance(value, str):
            whole[name] = whole.get(name, "") + value
        elif value is not None:
            whole.setdefault(name, value)
