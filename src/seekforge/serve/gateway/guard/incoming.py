"""The verdict on a conversation: a function of its text and the rules, nothing else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from seekforge.core.config.guard import InputGuardConfig
from seekforge.serve.gateway.guard import characters, injection, markup
from seekforge.serve.gateway.seams import InputVerdict, Message

# The operator's own lines and the model's may hold HTML and speak of instructions; users and tools bring in the rest.
_TRUSTED = frozenset({"system", "developer", "assistant"})


@dataclass(frozen=True, slots=True)
class Observation:
    """A rule that hit, what was done, and where."""

    rule: str
    action: str
    param: str


class _Refused(Exception):
    """A rule says no; carries what the client is told."""

    def __init__(self, rule: str, why: str, param: str) -> None:
        super().__init__(rule)
        self.rule, self.why, self.param = rule, why, param


def judge(messages: Sequence[Message], config: InputGuardConfig) -> tuple[InputVerdict, list[Observation]]:
    """What may go to the engine, and what there is to write down. Messages that pass are the same objects."""
    seen: list[Observation] = []
    try:
        _check_size(messages, config.max_chars)
        passed = [_message(message, f"messages.{number}", config, seen) for number, message in enumerate(messages)]
    except _Refused as no:
        seen.append(Observation(no.rule, "refuse", no.param))
        return InputVerdict((), refusal=no.why, rule=no.rule, param=no.param), seen
    return InputVerdict(passed, rule=seen[0].rule if seen else None, param=seen[0].param if seen else None), seen


def _check_size(messages: Sequence[Message], limit: int) -> None:
    size = 0
    for number, message in enumerate(messages):
        size += sum(map(len, _texts(message, f"messages.{number}")))
        if size > limit:
            why = f"the conversation is longer than the {limit} characters that guard.input.max_chars allows"
            raise _Refused("size", why, f"messages.{number}.content")


def _texts(message: Message, param: str) -> list[str]:
    """All texts of a message's content; a shape that could hide text is refused."""
    content = message.get("content")
    if content is None:
        return []
    if isinstance(content, str):
        return [content]
    if not isinstance(content, list | tuple):
        raise _Refused("shape", "content must be a text or a list of parts", f"{param}.content")
    texts = []
    for number, part in enumerate(content):
        place = f"{param}.content.{number}"
        kind = part.get("type") if hasattr(part, "get") else None
        if not isinstance(kind, str):
            raise _Refused("shape", "a part of the content must have a type", place)
        text = part.get("text")
        if text is not None or kind == "text":
            if not isinstance(text, str):
                raise _Refused("shape", "a text part must have a text", place)
            texts.append(text)
    return texts


def _message(message: Message, param: str, config: InputGuardConfig, seen: list[Observation]) -> Message:
    texts = _texts(message, param)
    if not texts:
        return message
    place, trusted = f"{param}.content", message.get("role") in _TRUSTED
    changes = _characters("".join(texts), place, config, seen)
    whole = "".join(map(_through(changes), texts))  # all parts together, for a rule may be split over two
    if not trusted:
        if config.html != "pass" and (kind := markup.find_markup(whole)) is not None:
            if config.html == "refuse":
                raise _Refused(kind, "the message holds HTML or script", place)
            seen.append(Observation(kind, "escape", place))
            changes.append(markup.escaped)
        if config.injection != "pass" and (finding := injection.look(whole)).is_attempt:
            rule = f"injection.{finding.rules[0]}"
            if config.injection == "refuse":
                raise _Refused(rule, "the message tries to change the model's instructions", place)
            seen.append(Observation(rule, "audit", place))
    return _changed(message, _through(changes)) if changes else message


def _characters(text: str, place: str, config: InputGuardConfig, seen: list[Observation]) -> list[Callable[[str], str]]:
    """Refuses characters, or gives what removes them."""
    changes: list[Callable[[str], str]] = []
    control = characters.first_control(text) if config.control != "pass" else None
    # Half a surrogate pair cannot be encoded, so it cannot be passed on, whatever the rule.
    for rule, first in (("control", control), ("surrogate", characters.first_surrogate(text))):
        if first is None:
            continue
        if config.control != "strip":
            raise _Refused(rule, f"the message holds the character {first}", place)
        seen.append(Observation(rule, "strip", place))
        changes.append(characters.without_control)
    if (first := characters.first_bidi(text)) is not None:
        if config.bidi == "refuse":
            raise _Refused("bidi", f"the message holds the character {first}, which turns the reading direction", place)
        seen.append(Observation("bidi", "strip", place))
        changes.append(characters.without_bidi)
    return changes


def _through(changes: Sequence[Callable[[str], str]]) -> Callable[[str], str]:
    def change(text: str) -> str:
        for step in changes:
            text = step(text)
        return text

    return change


def _changed(message: Message, change: Callable[[str], str]) -> dict[str, Any]:
    content = message["content"]
    if isinstance(content, str):
        return {**message, "content": change(content)}
    parts = [{**part, "text": change(part["text"])} if part.get("text") is not None else part for part in content]
    return {**message, "content": parts}
