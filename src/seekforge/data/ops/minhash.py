"""Near duplicates: questions whose character shingles overlap by the threshold or more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from seekforge.core.config import MinhashConfig
from seekforge.core.records import Record
from seekforge.data.ops import Drop, OpResult
from seekforge.data.order import canonical
from seekforge.data.similarity import Match, Neighbours


def duplicates(records: Sequence[Record], config: MinhashConfig) -> dict[int, Match]:
    """Which records repeat which kept one, by index.

    Greedy in canonical order: a record goes if one that stays is like it. So nothing is dropped for its likeness to a
    record that is itself dropped, as the merging of chains would do, and the input's order does not matter.
    """
    near = Neighbours([record.text for record in records], config.threshold, config.shingle, config.permutations)
    found: dict[int, Match] = {}
    for index in sorted(range(len(records)), key=lambda index: canonical(records[index])):
        # Equally similar ones are told apart by their canonical order, never by their place in the input.
        best = min(
            near.matches(index), key=lambda match: (-match.similarity, canonical(records[match.index])), default=None
        )
        if best is None:
            near.add(index)
        else:
            found[index] = best
    return found


class Minhash:
    """Drops records that are nearly another; test records stay before validation and training ones.

    Args:
        config: Threshold, hash functions, shingle size.
    """

    name: ClassVar[str] = "minhash"

    def __init__(self, config: MinhashConfig) -> None:
        self.config = config

    def run(self, records: Sequence[Record]) -> OpResult:
        """Drops near duplicates; the reason names the one that stays, the similarity and the threshold."""
        found = duplicates(records, self.config)
        kept = tuple(record for index, record in enumerate(records) if index not in found)
        drops = tuple(self._drop(records[index], records[match.index], match) for index, match in sorted(found.items()))
        return OpResult(self.name, kept, drops)

    def _drop(self, record: Record, original: Record, match: Match) -> Drop:
        reason = f"{match.similarity:.2f} similar to {original.id} (threshold {self.config.threshold:g})"
        if record.label != original.label:
            reason += f"; labelled {record.label}, the kept one {original.label}"
        return Drop(record, self.name, reason, original, match.similarity)
