"""Sensitive content: listed words however they are written, and what classifiers call abuse or pornography."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from seekforge.core.config import SensitiveConfig, WordListConfig, environment
from seekforge.core.records import Record
from seekforge.core.words import lists as words
from seekforge.core.words.matcher import Matcher
from seekforge.data.ops.protocol import Keep, OpContext, Remove, RowOp
from seekforge.data.sensitive import lists
from seekforge.data.sensitive.chinese import Chinese, kept
from seekforge.data.sensitive.classifiers import Profanity, Transformer
from seekforge.data.sensitive.views import folded, squeezed

_BUILTIN = ("default", "abuse")
_VIEWS = {"written": "", "symbols": " with symbols between its characters", "sound": " by its sound"}
_SHOWN = 80


@dataclass(frozen=True, slots=True)
class Look:
    """What was measured of one record.

    Attributes:
        words: Listed words: the view, the word, what the text has for it, and the list.
        chinese: Score and limit of the n-gram classifier.
        english: The highest probability of a sentence, and the sentence.
        model: Probability of the named classifier's sensitive labels.
    """

    words: tuple[tuple[str, str, str, str], ...] = ()
    chinese: tuple[float, float] | None = None
    english: tuple[float, str] | None = None
    model: float | None = None


class Sensitive(RowOp[Look]):
    """Looks into every turn.

    Args:
        config: Lists, classifiers and thresholds.
        context: Not used.
    """

    name: ClassVar[str] = "sensitive"
    batch: ClassVar[int] = 512

    def __init__(self, config: SensitiveConfig, context: OpContext) -> None:
        self.config = config
        self._own: Matcher | None = None
        self._chinese: Chinese | None = None
        self._english: Profanity | None = None
        self._model: Transformer | None = None

    def check(self) -> None:
        """Reads the lists and looks for the packages; what takes time, the classifiers, is made in `open`.

        Raises:
            InputError: A list or a package cannot be used.
        """
        config = self.config
        for path in config.words:
            words.read(WordListConfig(path=path))
        if config.english is not None:
            Profanity()
        if config.chinese and config.categories:
            for name in config.categories:
                lists.category(name)
            lists.ordinary_text(config.ordinary)

    def open(self) -> None:
        """Reads the lists and makes the classifier of them, or takes it from the cache.

        Raises:
            InputError: A list, a package or a model cannot be used.
        """
        config = self.config
        own = [WordListConfig(builtin=name) for name in _BUILTIN] + [WordListConfig(path=path) for path in config.words]
        self._own = Matcher([words.read(one) for one in own])
        if config.chinese and config.categories:
            readings = lists.syllables()
            listed = {str(name): lists.category(name) for name in config.categories}
            ordinary = lists.ordinary_text(config.ordinary)
            self._chinese = Chinese(kept(environment().cache, listed, ordinary, readings), readings)
        if config.english is not None:
            self._english = Profanity()
        if config.model is not None:
            self._model = Transformer(config.model, config.model_labels)

    def measure(self, records: Sequence[Record]) -> list[Look]:
        """Words and scores of each record, of all its turns together."""
        texts = ["\n".join(message.content for message in record.messages) for record in records]
        hits = [tuple(self._words(text)) for text in texts]
        chinese: list[tuple[float, float] | None] = [None] * len(texts)
        english: list[tuple[float, str] | None] = [None] * len(texts)
        model: list[float | None] = [None] * len(texts)
        if self._chinese is not None:
            limit = self._chinese.known.quality.limit
            chinese = [(score, limit) for score in self._chinese.scores(texts)]
        if self._english is not None:
            english = list(self._english.worst(texts))
        if self._model is not None:
            model = list(self._model.scores(texts))
        return [Look(*found) for found in zip(hits, chinese, english, model, strict=True)]

    def decide(self, record: Record, statistic: Look) -> Keep | Remove:
        """Drops for the first thing that is found: a word, then the classifiers."""
        for reason, kind, evidence in self._reasons(statistic):
            if self.config.action == "drop":
                return Remove(reason, kind, evidence=evidence)
            return Keep(record, reason, kind, evidence)
        return Keep(record)

    def _reasons(self, look: Look) -> Iterator[tuple[str, str, dict[str, object]]]:
        for view, word, text, source in look.words:
            reason = f"holds the word {word!r}{_VIEWS[view]} (list {source}, none allowed)"
            yield reason, "listed word", {"word": word, "written": text, "view": view, "list": source}
        if look.chinese is not None and look.chinese[0] > look.chinese[1]:
            score, limit = look.chinese
            yield f"n-gram score {score:.2f} (most {limit:.2f})", "Chinese classifier", {"score": round(score, 4)}
        if look.english is not None and self.config.english is not None and look.english[0] >= self.config.english:
            probability, sentence = look.english
            evidence = {"probability": round(probability, 4), "sentence": sentence[:_SHOWN]}
            yield f"profanity {probability:.2f} (below {self.config.english:g})", "English classifier", evidence
        if look.model is not None and look.model >= self.config.model_threshold:
            reason = f"{', '.join(self.config.model_labels)} {look.model:.2f} (below {self.config.model_threshold:g})"
            yield reason, "named classifier", {"probability": round(look.model, 4)}

    def _words(self, text: str) -> Iterator[tuple[str, str, str, str]]:
        plain = folded(text)
        if self._own is not None:
            tight = squeezed(plain)
            for view, seen in (("written", plain), ("symbols", tight if tight != plain else "")):
                for start, end, number, _ in self._own.hits(seen):
                    yield view, seen[start:end], seen[start:end], self._own.lists[number].name
        if self._chinese is not None:
            for hit in self._chinese.hits(text):
                yield hit.view, hit.word, hit.text, "jionlp"
