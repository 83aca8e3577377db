"""Near duplicates: questions whose character shingles overlap by the threshold or more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from seekforge.core.config import MinhashConfig
from seekforge.core.records import Record
from seekforge.data.ops.protocol import OpContext, Ragged, Remove, SetOp, Table
from seekforge.data.similarity import Match, band_keys, repeats, shingle_sets

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Minhash(SetOp):
    """Drops records that are nearly another; test records stay before validation and training ones.

    Greedy in canonical order: a record goes if one that stays is like it. So nothing is dropped for its likeness to a
    record that is itself dropped, as the merging of chains would do, and the input's order does not matter.

    Args:
        config: Threshold, hash functions, shingle size.
        context: Not used.
    """

    name: ClassVar[str] = "minhash"

    def __init__(self, config: MinhashConfig, context: OpContext) -> None:
        self.config = config

    def measure(self, records: Sequence[Record]) -> Mapping[str, NDArray[Any] | Ragged]:
        """`keys`: shape (records, bands), uint64; `shingles`: the hashed set of each, ascending, uint32."""
        config, texts = self.config, [record.text for record in records]
        keys = band_keys(texts, config.threshold, config.shingle, config.permutations)
        return {"keys": keys, "shingles": Ragged(*shingle_sets(texts, config.shingle))}

    def decide(self, table: Table) -> dict[int, Remove]:
        """Each near duplicate, with the most similar of those that stay."""
        found = repeats(table.array("keys"), table.ragged("shingles"), table.rank, self.config.threshold)
        return {row: self._remove(table, row, match) for row, match in found.items()}

    def _remove(self, table: Table, row: int, match: Match) -> Remove:
        reason = f"{match.similarity:.2f} similar to {table.ids[match.index]} (threshold {self.config.threshold:g})"
        kind = "near duplicate"
        label, original = table.labels[row], table.labels[match.index]
        if label != original:
            reason += f"; labelled {label}, the kept one {original}"
            kind = "near duplicate of another label"
        return Remove(reason, kind, match.index, match.similarity)
