"""Back-translation: a training record's question through another language and back, corrected, added if it is good."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import ClassVar

from seekforge.core.config.augment import BackTranslateConfig
from seekforge.core.records import Record
from seekforge.data.augment.chain import Passage, correction, passed, translation
from seekforge.data.augment.draw import chosen
from seekforge.data.augment.grammar import Corrector, open_corrector
from seekforge.data.augment.judge import FAILURE, Finding, Judge, verdict
from seekforge.data.augment.memory import Answers
from seekforge.data.augment.translate import Translator, open_translator
from seekforge.data.augment.words import Language, language_of
from seekforge.data.ops.protocol import Grown, GrowOp, Keep, OpContext, Remove

_OTHER: Mapping[Language, Language] = {"zh": "en", "en": "zh"}


class BackTranslate(GrowOp[Finding]):
    """Proposes one new record for each that is tried; a record in the pivot language is not.

    Line by line, so that the lines of a question stay where they are. Source of the method: Sennrich, Haddow and Birch
    2016, "Improving Neural Machine Translation Models with Monolingual Data"; for classification Edunov et al. 2018.

    Args:
        config: Who translates and corrects, what is accepted.
        context: Labels, seed, the folder for answers.
        translator: In place of the config's, for tests.
        correctors: In place of the config's.
    """

    name: ClassVar[str] = "back_translate"
    batch: ClassVar[int] = 32
    most_workers: ClassVar[int | None] = 1  # it asks many at once by itself, and the file of answers is one

    def __init__(
        self,
        config: BackTranslateConfig,
        context: OpContext,
        translator: Translator | None = None,
        correctors: Sequence[Corrector] | None = None,
    ) -> None:
        self.config, self._context = config, context
        self._translator, self._correctors = translator, correctors
        self._answers: Answers | None = None

    def check(self) -> None:
        """Asks translator and correctors for a sign of life, before any work is done.

        Raises:
            InputError: One of them cannot answer.
        """
        self._find_translator().check()
        for corrector in self._find_correctors():
            corrector.check()
        _ = self._judge  # reads the terms

    def open(self) -> None:
        """Opens the file of answers and loads what measures.

        Raises:
            InputError: A model, a file or a package is missing.
        """
        self._judge.open()
        self._answers = self._answers or Answers(self._context.scratch)
        self._find_translator()
        self._find_correctors()

    def grow(self, records: Sequence[Record]) -> list[Grown]:
        """One proposal for each record that is tried, or the failure in its place."""
        tried = {record.id: self._language(record) for record in records if self._is_tried(record)}
        ways: dict[Language, dict[str, Passage]] = {}
        for language in sorted({found for found in tried.values() if found is not None}):
            mine = [record for record in records if tried.get(record.id) == language]
            ways[language] = self._passed([line for one in mine for line in self._lines(one)], language)
        grown = []
        for record in records:
            if (found := tried.get(record.id)) is not None:
                grown.append(self._grown(record, found, ways[found]))
        return grown

    def measure(self, grown: Sequence[Grown]) -> list[Finding]:
        """Similarity to the parent, and what is lost."""
        return self._judge.measure(grown)

    def decide(self, grown: Grown, statistic: Finding) -> Keep | Remove:
        """Whether it is added."""
        return verdict(grown, statistic, self.config.window)

    def _is_tried(self, record: Record) -> bool:
        return chosen(self._context.seed, self.name, record, self.config.share)

    def _language(self, record: Record) -> Language | None:
        """The record's language; None where there is nothing to translate."""
        found = language_of("\n".join(self._lines(record)))
        return None if found is None or found == self.config.pivot else found

    def _lines(self, record: Record) -> list[str]:
        return self._judge.lines.changeable(record)

    def _passed(self, lines: Sequence[str], language: Language) -> dict[str, Passage]:
        pivot, translator = _OTHER[language], self._find_translator()
        links = [translation(translator, language, pivot), translation(translator, pivot, language)]
        links += [correction(corrector, language) for corrector in self._find_correctors()]
        assert self._answers is not None, "open() comes first"
        return passed(lines, links, self._answers)

    def _grown(self, record: Record, language: Language, ways: Mapping[str, Passage]) -> Grown:
        translator, pivot = self._find_translator(), _OTHER[language]
        who = translator.name.partition(" | ")[0]
        how = f"{language}→{pivot}→{language} by {who}{', rough' if translator.rough else ''}"
        lines = self._lines(record)
        failures = [ways[line].failure for line in lines if ways[line].failure]
        if failures:
            return Grown(record, record, how, {FAILURE: failures[0]})
        between = "\n".join(ways[line].steps[1] for line in lines)
        fresh = self._judge.lines.replaced(record, [ways[line].steps[-1] for line in lines])
        return Grown(record, fresh, how, {"between": between})

    def _find_translator(self) -> Translator:
        if self._translator is None:
            self._translator = open_translator(self.config.translator)
        return self._translator

    def _find_correctors(self) -> Sequence[Corrector]:
        if self._correctors is None:
            self._correctors = [open_corrector(config) for config in self.config.grammar]
        return self._correctors

    @cached_property
    def _judge(self) -> Judge:
        return Judge(self.config.window, self.config.guarded, self._context)
