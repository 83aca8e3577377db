"""From an upstream's answer to what the client may see: the model's name, thoughts apart, the guard, usage.

What needs no change goes out as the bytes that came in.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from seekforge.core.config.gateway import Reasoning
from seekforge.serve.gateway.audit import Auditor
from seekforge.serve.gateway.sse import frame
from seekforge.serve.gateway.stream import Event, index_of
from seekforge.serve.gateway.textpath import Piece, TextPath
from seekforge.serve.gateway.usage import with_cache_hits
from seekforge.serve.strict import encoder

FILTERED = "content_filter"
_SET_APART = ("reasoning_content", "reasoning")  # DeepSeek's name and vLLM's newer one


@dataclass(frozen=True, slots=True)
class View:
    """What a client is to see of an answer.

    Attributes:
        kind: `chat`, or `text` for plain completions.
        model: The model's name for the client; empty leaves the upstream's.
        reasoning: How thoughts are found.
        auditor: The guard; None without.
        hold: The content is JSON.
        usage: The client asked for usage in the stream.
    """

    kind: Literal["chat", "text"]
    model: str
    reasoning: Reasoning = "off"
    auditor: Auditor | None = None
    hold: bool = False
    usage: bool = False

    @property
    def looks_at_text(self) -> bool:
        """Texts may have to be changed."""
        return self.auditor is not None or (self.reasoning != "off" and self.kind == "chat")

    def path(self) -> TextPath:
        """The way of one choice's text."""
        return TextPath(self.reasoning if self.kind == "chat" else "off", self.auditor, hold=self.hold)


class OutgoingStream:
    """The events of one stream on their way out.

    Args:
        view: What the client is to see.

    Attributes:
        stopped: The guard has ended the answer: nothing more of it may be read.
        usage: What the upstream counted.
        finish_reason: Of the choice that finished last.
        pieces: Events with text so far.
    """

    def __init__(self, view: View) -> None:
        self._view = view
        self._paths: dict[int, TextPath] = {}
        self._last: dict[str, Any] = {}
        self.stopped = False
        self.usage: dict[str, Any] | None = None
        self.finish_reason: str | None = None
        self.pieces = 0

    def feed(self, events: list[Event]) -> bytes:
        """What may go out after these events, encoded."""
        out: list[bytes] = []
        for event in events:
            if self.stopped:
                break
            self._event(event, out)
        return b"".join(out)

    def end(self) -> bytes:
        """What was held back for a choice that never had a `finish_reason`."""
        out: list[bytes] = []
        for index, path in self._paths.items():
            if not path.is_finished and not self.stopped:
                self._emit(self._last, index, {}, path.finish(whole=False), None, out)
        return b"".join(out)

    def _event(self, event: Event, out: list[bytes]) -> None:
        tree, is_changed = event.tree, False
        if isinstance(usage := tree.get("usage"), dict):
            self.usage = with_cache_hits(usage)
            if not tree["choices"] and not self._view.usage:
                return  # the gateway asked for it, not the client
            if self.usage is not usage:
                tree["usage"], is_changed = self.usage, True
        if self._view.model and tree.get("model") != self._view.model:
            tree["model"], is_changed = self._view.model, True
        self.pieces += bool(tree["choices"])
        if self._view.looks_at_text and tree["choices"]:
            self._last = {**tree, "choices": []}
            for choice in tree["choices"]:
                if not self.stopped:
                    self._choice(tree, choice, out)
            return
        for choice in tree["choices"]:
            self.finish_reason = choice.get("finish_reason") or self.finish_reason
        out.append(frame(encoder.encode(tree) if is_changed else event.raw))

    def _choice(self, tree: dict[str, Any], choice: dict[str, Any], out: list[bytes]) -> None:
        index = index_of(choice)
        if index not in self._paths:
            self._paths[index] = self._view.path()
        path, reason = self._paths[index], choice.get("finish_reason")
        delta, piece = _take(path, choice, self._view, "delta")
        if reason is None:
            self._emit(tree, index, delta, piece, choice, out)
            return
        self._emit(tree, index, delta, piece, choice, out)
        if not self.stopped:
            self._emit(tree, index, {}, path.finish(whole=reason == "stop"), choice, out)
        if not self.stopped:
            self.finish_reason = reason
            out.append(self._frame(tree, index, {}, choice, reason))

    def _emit(
        self,
        tree: dict[str, Any],
        index: int,
        rest: dict[str, Any],
        piece: Piece,
        choice: dict[str, Any] | None,
        out: list[bytes],
    ) -> None:
        """Thoughts and answer go out one after the other, never in one event, as in DeepSeek's own API."""
        out += (self._frame(tree, index, delta, choice, None) for delta in _deltas(rest, piece))
        if piece.stopped:
            self.stopped, self.finish_reason = True, FILTERED
            open_ones = [i for i, path in self._paths.items() if not path.is_finished or i == index]
            out += (self._frame(tree, i, {}, None, FILTERED) for i in open_ones)

    def _frame(
        self, tree: dict[str, Any], index: int, delta: dict[str, Any], choice: dict[str, Any] | None, reason: str | None
    ) -> bytes:
        # With a guard, what it has not seen does not go out: log probabilities and token ids spell the text as well.
        kept = {} if choice is None or self._view.auditor is not None else choice
        body = {"delta": delta} if self._view.kind == "chat" else {"text": delta.get("content", "")}
        new = {**kept, "index": index, **body, "logprobs": kept.get("logprobs"), "finish_reason": reason}
        return frame(encoder.encode({**tree, "choices": [new]}))


def finish_whole(tree: dict[str, Any], view: View) -> bool:
    """Makes a whole answer what the client may see, in place.

    Args:
        tree: The answer.
        view: What the client is to see.

    Returns:
        Whether anything was changed.
    """
    is_changed = False
    if isinstance(usage := tree.get("usage"), dict) and (both := with_cache_hits(usage)) is not usage:
        tree["usage"], is_changed = both, True
    if view.model and tree.get("model") != view.model:
        tree["model"], is_changed = view.model, True
    if view.looks_at_text:
        tree["choices"] = [_whole_choice(choice, view) for choice in tree["choices"]]
        is_changed = True
    return is_changed


def _whole_choice(choice: dict[str, Any], view: View) -> dict[str, Any]:
    path, reason = view.path(), choice.get("finish_reason")
    rest, piece = _take(path, choice, view, "message")
    if not piece.stopped:
        tail = path.finish(whole=reason == "stop")
        piece = Piece(
            piece.reasoning + tail.reasoning,
            piece.content + tail.content,
            tail.tool_calls,
            tail.function_call,
            tail.stopped,
        )
    kept = choice if view.auditor is None else {"index": index_of(choice), "logprobs": None}
    reason = FILTERED if piece.stopped else reason
    if view.kind == "text":
        return {**kept, "text": piece.content, "finish_reason": reason}
    has_calls = bool(piece.tool_calls or piece.function_call or rest.get("tool_calls"))
    message = {"role": "assistant", **rest, "content": piece.content or (None if has_calls else "")}
    for name, value in (
        ("reasoning_content", piece.reasoning),
        ("tool_calls", piece.tool_calls),
        ("function_call", piece.function_call),
    ):
        if value:
            message[name] = value
    return {**kept, "message": message, "finish_reason": reason}


def _take(path: TextPath, choice: dict[str, Any], view: View, name: str) -> tuple[dict[str, Any], Piece]:
    """Puts a choice's texts on their way; what is left of its delta or message goes out as it is."""
    if view.kind == "text":
        return {}, path.push(_text(choice, "text"), "")
    found = choice.get(name)
    delta = found if isinstance(found, dict) else {}
    thoughts = next((text for key in _SET_APART if (text := _text(delta, key))), "")
    piece = path.push(_text(delta, "content") or _text(delta, "refusal"), thoughts)
    if view.auditor is None:
        return {key: value for key, value in delta.items() if key not in {"content", *_SET_APART}}, piece
    calls = delta.get("tool_calls")
    path.calls(calls if isinstance(calls, list) else [], delta.get("function_call"))
    return {key: delta[key] for key in ("role",) if key in delta}, piece


def _deltas(rest: dict[str, Any], piece: Piece) -> Iterator[dict[str, Any]]:
    if rest:
        yield {**rest, "content": ""} if "role" in rest else rest
    if piece.reasoning:
        yield {"reasoning_content": piece.reasoning}
    if piece.content:
        yield {"content": piece.content}
    if piece.tool_calls:
        yield {"tool_calls": [{"index": number, **call} for number, call in enumerate(piece.tool_calls)]}
    if piece.function_call:
        yield {"function_call": piece.function_call}


def _text(node: dict[str, Any], key: str) -> str:
    value = node.get(key)
    return value if isinstance(value, str) else ""
