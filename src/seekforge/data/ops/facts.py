"""Facts: an answer that a knowledge base contradicts goes, with the fact that contradicts it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from seekforge.core.config.facts import FactsConfig
from seekforge.core.records import Record
from seekforge.data.facts.check import FactChecker
from seekforge.data.facts.judge import Ruling, ask
from seekforge.data.facts.knowledge import read_knowledge
from seekforge.data.facts.verdict import Verdict
from seekforge.data.ops.protocol import Keep, OpContext, Remove, RowOp

if TYPE_CHECKING:
    from seekforge.engines.chat.protocol import Chat

_SHOWN = 4  # pieces of evidence in the report


class Facts(RowOp[Ruling]):
    """Links sentences to facts, compares values, names and denials, and asks a judge where one is configured.

    Args:
        config: The knowledge base and what to do.
        context: Not used.
        judge: Asked in place of the config's.
    """

    name: ClassVar[str] = "facts"
    batch: ClassVar[int] = 256  # so that progress moves while a judge is asked

    def __init__(self, config: FactsConfig, context: OpContext, judge: Chat | None = None) -> None:
        self.config = config
        self._judge = judge
        self._checker: FactChecker | None = None

    def open(self) -> None:
        """Reads the knowledge base, loads the embedder and asks the judge for a word.

        Raises:
            DataError: A line of the knowledge base is no fact.
            ModelError: The embedder does not load, or nobody answers at the judge's address.
        """
        config = self.config
        embedder = None
        if config.embedder is not None:
            from seekforge.core.config import environment
            from seekforge.core.progress import Silent
            from seekforge.engines.embed import open_embedder

            embedder = open_embedder(config.embedder, environment(), Silent())
        self._checker = FactChecker(read_knowledge(config.knowledge), config.tolerance, embedder, config.threshold)
        if config.judge is not None and self._judge is None:
            from seekforge.engines.chat.remote import RemoteChat

            self._judge = RemoteChat(config.judge)
        if self._judge is not None:
            self._judge.check()

    def measure(self, records: Sequence[Record]) -> list[Ruling]:
        """A ruling a record."""
        assert self._checker is not None, "open() comes first"
        findings = self._checker.check(records, whole=self.config.part == "all")
        if self._judge is None:
            return [Ruling(finding) for finding in findings]
        return ask(self._judge, records, findings)

    def decide(self, record: Record, statistic: Ruling) -> Keep | Remove:
        """Drops what is contradicted; what is supported, disputed or only noted says so."""
        config, evidence = self.config, _shown(statistic)
        if statistic.is_disputed:
            return Keep(record, f"rules and judge disagree: {_reason(statistic)}", "disputed", evidence)
        if statistic.verdict is Verdict.CONTRADICTED:
            goes = config.on_contradicted == "drop" and (config.judge_drops or not statistic.is_judged)
            kind = "contradicted by the judge" if statistic.is_judged else "contradicted"
            reason = _reason(statistic)
            return Remove(reason, kind, evidence=evidence) if goes else Keep(record, reason, kind, evidence)
        if statistic.opinion is not None and statistic.opinion.verdict is None:
            return Keep(record, f"the judge gave no verdict: {statistic.opinion.failure}", "judge failed", evidence)
        if statistic.verdict is Verdict.SUPPORTED:
            return Keep(record, f"supported: {_reason(statistic)}", "supported", evidence)
        return Keep(record)


def _reason(ruling: Ruling) -> str:
    """The first piece of evidence in a line: what is said, what is known, which fact."""
    first = ruling.finding.evidence[0]
    return f"“{first.sentence}”: {first.why} ({first.fact.id}: {first.fact.statement})"


def _shown(ruling: Ruling) -> Mapping[str, Any]:
    found: dict[str, Any] = {
        "verdict": ruling.verdict.value,
        "facts": [one.to_dict() for one in ruling.finding.evidence[:_SHOWN]],
    }
    return {**found, "judge": ruling.opinion.to_dict()} if ruling.opinion else found
