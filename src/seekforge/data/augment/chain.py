"""Texts through several askers, one after the other; each answer is kept, each failure says where it was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from seekforge.data.augment.grammar import Corrector
from seekforge.data.augment.memory import Answers, Ask, remembered
from seekforge.data.augment.translate import Translator
from seekforge.data.augment.words import Language
from seekforge.engines.chat.protocol import Heard, Reply


@dataclass(frozen=True, slots=True)
class Link:
    """One asker.

    Attributes:
        title: For people, in a failure: `the translation to en`.
        what: All that an answer depends on besides the text.
        ask: Asks.
    """

    title: str
    what: tuple[str, ...]
    ask: Ask


@dataclass(frozen=True, slots=True)
class Passage:
    """One text's way: what each link answered, as far as it came; `failure` where it ended too early."""

    steps: tuple[str, ...]
    failure: str = ""


def translation(translator: Translator, source: Language, target: Language) -> Link:
    """The link that translates."""

    def ask(texts: Sequence[str], heard: Heard) -> list[Reply]:
        return translator.translate(texts, source, target, heard)

    return Link(f"the translation from {source} to {target}", (translator.name, source, target), ask)


def correction(corrector: Corrector, language: Language) -> Link:
    """The link that corrects."""

    def ask(texts: Sequence[str], heard: Heard) -> list[Reply]:
        return corrector.correct(texts, language, heard)

    return Link("the correction", (corrector.name, language), ask)


def passed(texts: Sequence[str], links: Sequence[Link], answers: Answers) -> dict[str, Passage]:
    """Each different text's way through all links.

    Raises:
        EngineError: Nobody answers any more.
    """
    ways = {text: Passage((text,)) for text in texts}
    for link in links:
        going = [text for text, way in ways.items() if not way.failure]
        replies = remembered(answers, link.what, [ways[text].steps[-1] for text in going], link.ask)
        for text, reply in zip(going, replies, strict=True):
            steps = ways[text].steps
            failed = f"{link.title} failed: {reply.failure}" if reply.failure else ""
            ways[text] = Passage(steps if failed else (*steps, reply.text), failed)
    return ways
