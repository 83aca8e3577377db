"""Near duplicates: questions whose character shingles overlap by the threshold or more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from seekforge.core.config import MinhashConfig
from seekforge.core.records import Record
from seekforge.data.ops.protocol import OpContext, Ragged, Removals, Remove, SetOp, Table
from seekforge.data.similarity import band_keys, repeats, shingled_texts

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
        """`keys`: shape (records, bands), uint64; `shingles`: those of each as hashes, uint64."""
        sets = shingled_texts([record.text for record in records], self.config.shingle)
        return {"keys": band_keys(sets, self.config.threshold, self.config.permutations), "shingles": sets}

    def decide(self, table: Table) -> Removals:
        """Each near duplicate, with the most similar of those that stay."""
        sets, threshold = table.ragged("shingles"), self.config.threshold
        return Removals(*repeats(table.array("keys"), sets, table.rank, threshold), partial(self._remove, table))

    def _remove(self, table: Table, row: int, kept: int, similarity: float) -> Remove:
        reason = f"{similarity:.2f} similar to {table.ids[kept]} (threshold {self.config.threshold:g})"
        kind = "near duplicate"
        label, original = table.labels[row], table.labels[kept]
        if label != original:
            reason += f"; labelled {label}, the kept one {original}"
            kind = "near duplicate of another label"
        return Remove(reason, kind, kept, similarity)
