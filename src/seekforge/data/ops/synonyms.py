"""Synonym replacement: a training record with some words of its question replaced, added if it is good."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from random import Random
from typing import ClassVar

from seekforge.core.config.augment import SynonymsConfig
from seekforge.core.errors import ResourceError
from seekforge.core.records import Record
from seekforge.data.augment.chain import Passage, correction, passed
from seekforge.data.augment.draw import chosen, draw
from seekforge.data.augment.grammar import open_corrector
from seekforge.data.augment.judge import FAILURE, Finding, Judge, verdict
from seekforge.data.augment.memory import Answers
from seekforge.data.augment.replace import Replacement, free_words, replaced
from seekforge.data.augment.thesaurus import Thesaurus
from seekforge.data.augment.thesaurus.cilin import Cilin
from seekforge.data.augment.thesaurus.wordnet import DEBIAN, WordNet
from seekforge.data.augment.words import Language, language_of
from seekforge.data.ops.protocol import Grown, GrowOp, Keep, OpContext, Remove


class Synonyms(GrowOp[Finding]):
    """Proposes `copies` new records for each that is tried; fewer where two would be the same.

    A word is replaced where its class and its meaning are clear, and never a name, a number, a negation, a domain term
    or a label word. Source of the method: Zhang, Zhao and LeCun 2015, "Character-level Convolutional Networks"; Wei and
    Zou 2019, "EDA".

    Args:
        config: How much is replaced, what is accepted.
        context: Labels, seed.
        thesauri: In place of Cilin and WordNet, for tests.
    """

    name: ClassVar[str] = "synonyms"
    batch: ClassVar[int] = 256

    def __init__(
        self, config: SynonymsConfig, context: OpContext, thesauri: Mapping[Language, Thesaurus] | None = None
    ) -> None:
        self.config, self._context = config, context
        self._thesauri: Mapping[Language, Thesaurus] = thesauri or {
            "zh": Cilin(),
            "en": WordNet(config.wordnet or DEBIAN),
        }
        self._correctors = [open_corrector(one) for one in config.grammar]
        self._answers: Answers | None = None

    def check(self) -> None:
        """Asks the correctors for a sign of life, and reads the file of terms.

        Raises:
            InputError: One of them cannot answer, or the file cannot be read.
        """
        for corrector in self._correctors:
            corrector.check()
        _ = self._judge  # reads the terms
        if self.config.wordnet is not None:
            self._thesauri["en"].open()

    def open(self) -> None:
        """Loads what measures; a thesaurus is read when the first text of its language comes.

        Raises:
            InputError: A model or a file is missing.
        """
        self._judge.open()
        self._answers = self._answers or Answers(self._context.scratch if self._correctors else None)

    def grow(self, records: Sequence[Record]) -> list[Grown]:
        """New records, different from each other; where a thesaurus is not installed, that in their place."""
        grown = []
        for record in records:
            if chosen(self._context.seed, self.name, record, self.config.share):
                grown += self._copies(record)
        return self._corrected(grown) if self._correctors else grown

    def measure(self, grown: Sequence[Grown]) -> list[Finding]:
        """Similarity to the parent, and what is lost."""
        return self._judge.measure(grown)

    def decide(self, grown: Grown, statistic: Finding) -> Keep | Remove:
        """Whether it is added."""
        return verdict(grown, statistic, self.config.window)

    def _copies(self, record: Record) -> list[Grown]:
        lines = self._judge.lines
        found: dict[str, Grown] = {}
        for copy in range(self.config.copies):
            rng = draw(self._context.seed, self.name, record, copy)
            try:
                done = [self._line(line, rng) for line in lines.changeable(record)]
            except ResourceError as error:  # an English line among Chinese ones must not end the work
                return [Grown(record, record, "synonyms", {FAILURE: str(error)})]
            pairs = [pair for line in done for pair in line.pairs]
            fresh = lines.replaced(record, [line.text for line in done])
            if pairs and fresh.text not in found:
                found[fresh.text] = Grown(record, fresh, "synonyms", {"replaced": [list(pair) for pair in pairs]})
        return list(found.values())

    def _line(self, line: str, rng: Random) -> Replacement:
        language = language_of(line)
        if language is None:
            return Replacement(line)
        thesaurus = self._thesauri[language]
        thesaurus.open()
        words = self._judge.tagger.words(line)
        free = free_words(words, self._judge.keeper.spans(line, words))
        choices = {word: thesaurus.synonyms(word) for word in free}
        return replaced(line, choices, self.config.rate, sum(word.kind != "other" for word in words), rng)

    def _corrected(self, grown: Sequence[Grown]) -> list[Grown]:
        """The same proposals after all correctors; a failure stands in its place."""
        assert self._answers is not None, "open() comes first"
        lines = self._judge.lines
        failed = [one for one in grown if FAILURE in one.evidence]
        grown = [one for one in grown if FAILURE not in one.evidence]
        ways: dict[str, Passage] = {}
        languages: tuple[Language, ...] = ("en", "zh")
        for language in languages:
            texts = [line for one in grown for line in lines.changeable(one.record) if language_of(line) == language]
            links = [correction(corrector, language) for corrector in self._correctors]
            ways.update(passed(texts, links, self._answers))
        result = failed
        for one in grown:
            mine = [ways.get(line, Passage((line,))) for line in lines.changeable(one.record)]
            failures = [way.failure for way in mine if way.failure]
            fresh = lines.replaced(one.record, [way.steps[-1] for way in mine])
            if failures:
                result.append(Grown(one.parent, one.parent, one.how, {FAILURE: failures[0]}))
            else:
                result.append(Grown(one.parent, fresh, f"{one.how}, corrected", one.evidence))
        return result

    @cached_property
    def _judge(self) -> Judge:
        return Judge(self.config.window, self.config.guarded, self._context)
