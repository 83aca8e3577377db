"""What a reasoning model thinks, apart from what it answers.

R1-type models write `<think> ... </think>` before the answer; DeepSeek's own API gives the two as `reasoning_content`
and `content` (https://api-docs.deepseek.com/guides/reasoning_model). This is the state machine between them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from seekforge.core.config.gateway import Reasoning

OPEN, CLOSE = "<think>", "</think>"


@dataclass(frozen=True, slots=True)
class Split:
    """Text that is sure by now: what was thought and what was answered."""

    reasoning: str = ""
    content: str = ""


class _State(Enum):
    START = "start"  # nothing but white space and a beginning of <think> so far
    THINKING = "thinking"
    ANSWERING = "answering"


class Splitter:
    """Splits one answer, however it is cut into pieces.

    White space at the beginning of the thoughts, and of the answer after them, is the template's and is left out. An
    answer without thoughts is given as it is, to the letter.

    Args:
        mode: `auto` takes thoughts only after an opening tag; `deepseek` also at once, as the chat template has
            written the tag already; `off` takes none.
    """

    def __init__(self, mode: Reasoning) -> None:
        self._assumed = mode == "deepseek"
        self._state = _State.ANSWERING if mode == "off" else _State.START
        self._held = ""
        self._strip = False  # leave out white space until something else comes
        self._thoughts: list[str] = []  # of an assumed beginning, in case there was none

    def push(self, text: str) -> Split:
        """Takes more text and gives what can no longer become a tag."""
        if self._state is _State.ANSWERING and not self._strip:
            return Split(content=text)
        self._held += text
        reasoning = ""
        if self._state is _State.START and not self._begin():
            return Split()
        if self._state is _State.THINKING:
            reasoning = self._think()
        if self._state is _State.THINKING:
            return Split(reasoning)
        content, self._held = self._stripped(self._held), ""
        return Split(reasoning, content)

    def finish(self, *, whole: bool) -> Split:
        """What is left when the engine has ended.

        Thoughts that were never closed are thoughts, cut short. But if the model ended by itself and wrote neither tag
        where the opening one was only assumed, it has answered without thinking: then the text is the content.

        Args:
            whole: The model ended by itself, not by a limit.
        """
        held, self._held = self._held, ""
        if self._state is not _State.THINKING:
            return Split(content=self._stripped(held) if self._state is _State.ANSWERING else held)
        held = self._stripped(held)
        if whole and self._assumed:
            return Split(held, "".join(self._thoughts) + held)
        return Split(held)

    def _begin(self) -> bool:
        """Leaves START if it is clear by now how the answer begins."""
        text = self._held.lstrip()
        if text.startswith(OPEN):
            self._state, self._strip, self._held = _State.THINKING, True, text[len(OPEN) :]
            self._assumed = False
        elif OPEN.startswith(text):
            return False
        elif self._assumed:
            self._state, self._strip = _State.THINKING, True
        else:
            self._state = _State.ANSWERING
        return True

    def _think(self) -> str:
        thought, tag, rest = self._held.partition(CLOSE)
        if tag:
            self._state, self._held = _State.ANSWERING, rest
            thought, self._strip = self._stripped(thought), True
        else:
            keep = _beginning_of(CLOSE, self._held)
            thought, self._held = self._stripped(thought[: len(thought) - keep]), self._held[len(thought) - keep :]
        if self._assumed:
            self._thoughts.append(thought)
        return thought

    def _stripped(self, text: str) -> str:
        if self._strip:
            text = text.lstrip()
            self._strip = not text
        return text


def opens(prompt: str) -> bool:
    """Whether a rendered prompt has written the opening tag, so that the answer begins within the thoughts."""
    return prompt.rstrip().endswith(OPEN)


def apart(text: str, *, opened: bool = False, whole: bool = True) -> Split:
    """A whole answer's thoughts, here with their tags and the white space, and what was answered.

    The two make up the text. A closing tag says that thoughts were opened, wherever that was.

    Args:
        text: What the model wrote.
        opened: `opens` of its prompt.
        whole: The model ended by itself, not by a limit.

    >>> apart("HOLD or DENY?</think>DENY")
    Split(reasoning='HOLD or DENY?</think>', content='DENY')
    """
    splitter = Splitter("deepseek" if opened or CLOSE in text else "auto")
    content = "".join(part.content for part in (splitter.push(text), splitter.finish(whole=whole)))
    return Split(text[: len(text) - len(content)], content)


def _beginning_of(tag: str, text: str) -> int:
    """How many characters at the end of the text may become the tag."""
    return next((size for size in range(min(len(tag) - 1, len(text)), 0, -1) if tag.startswith(text[-size:])), 0)
