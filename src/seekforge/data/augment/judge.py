"""Whether a new record is added: measured with tagger and embedder, decided from the figures alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from seekforge.core.config.augment import GuardedConfig, WindowConfig
from seekforge.data.augment.keep import Keeper, read_terms
from seekforge.data.augment.lines import Lines
from seekforge.data.augment.window import Likeness, outside
from seekforge.data.augment.words import Tagger
from seekforge.data.ops.protocol import Grown, Keep, OpContext, Remove
from seekforge.data.similarity import compact

FAILURE = "failure"  # the key in `Grown.evidence` of what failed


@dataclass(frozen=True, slots=True)
class Finding:
    """What was measured of one proposal.

    Attributes:
        similarity: To its parent, 0 to 1, without the lines that may not change.
        lost: What it must keep and does not; empty for nothing.
        same: It is its parent again, case and white space aside.
    """

    similarity: float = 0.0
    lost: str = ""
    same: bool = False


class Judge:
    """Measures proposals.

    Args:
        window: How like its parent a new record must be.
        guarded: What it must keep.
        context: The task's labels.

    Attributes:
        tagger: Cuts texts into words; knows the terms.
        keeper: Knows what must stay.
        lines: Knows which lines may change.

    Raises:
        DataError: The file of terms cannot be read.
    """

    def __init__(self, window: WindowConfig, guarded: GuardedConfig, context: OpContext) -> None:
        terms = read_terms(guarded.terms)
        self.tagger = Tagger(terms)
        self.keeper = Keeper(self.tagger, context.labels, terms, guarded.negation)
        self.lines = Lines(context.labels, guarded.keep_lines)
        self._likeness = Likeness(window)

    def open(self) -> None:
        """Loads the embedder, where there is one.

        Raises:
            ModelError: There is no such embedder.
        """
        self._likeness.open()

    def measure(self, grown: Sequence[Grown]) -> list[Finding]:
        """One finding for each proposal, in order."""
        pairs = [(self.lines.case(one.parent), self.lines.case(one.record)) for one in grown]
        whole = [index for index, one in enumerate(grown) if FAILURE not in one.evidence]
        alike = dict(zip(whole, self._likeness.of([pairs[index] for index in whole]), strict=True))
        return [
            Finding(alike[index], self._lost(*pairs[index]), compact(pairs[index][0]) == compact(pairs[index][1]))
            if index in alike
            else Finding()
            for index in range(len(grown))
        ]

    def _lost(self, parent: str, child: str) -> str:
        return self.keeper.lost(self.keeper.substance(parent), self.keeper.substance(child))


def verdict(grown: Grown, finding: Finding, window: WindowConfig) -> Keep | Remove:
    """Whether it is added: nothing failed, it is new, keeps what it must, and lies inside the window."""
    evidence = {**grown.evidence, "similarity": round(finding.similarity, 4)}
    if (failure := grown.evidence.get(FAILURE)) is not None:
        return Remove(str(failure), "no answer", evidence=grown.evidence)
    if grown.record.answer != grown.parent.answer or grown.record.label != grown.parent.label:
        return Remove("its answer or label is not its parent's", "label changed", evidence=evidence)
    if finding.same:
        return Remove("the same as its parent", "unchanged", evidence=evidence)
    if finding.lost:
        return Remove(finding.lost, "lost what it must keep", evidence=evidence)
    reason, kind = outside(finding.similarity, window)
    if reason:
        return Remove(reason, kind, similarity=finding.similarity, evidence=evidence)
    return Keep(grown.record, f"{grown.how}, {finding.similarity:.3f} similar", grown.how, evidence)
