"""Semantic duplicates: questions whose embeddings are alike and that state the same numbers and negations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from seekforge.core.config import SemanticConfig, environment
from seekforge.core.progress import Silent
from seekforge.core.records import Record
from seekforge.data.ops.protocol import Mark, OpContext, Ragged, Remove, SetOp, Table
from seekforge.data.semantic import guard
from seekforge.data.semantic.search import Match, matches, require
from seekforge.data.semantic.vectors import embed_whole

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from seekforge.engines.embed.protocol import Embedder

_TOO_LONG = "not compared: empty, or longer than the embedder reads"


class Semantic(SetOp):
    """Drops records that say what another says; test records stay before validation and training ones.

    Greedy in canonical order, as `minhash` is. A pair above the threshold that differs in a number, a unit or a
    negation is kept, and marked.

    Args:
        config: Embedder, threshold.
        context: Not used.
    """

    name: ClassVar[str] = "semantic"
    batch: ClassVar[int] = 128
    most_workers: ClassVar[int | None] = 2  # each holds a model

    def __init__(self, config: SemanticConfig, context: OpContext) -> None:
        self.config = config
        self._embedder: Embedder | None = None

    def check(self) -> None:
        """Before hours of embedding: whether the search will find its package.

        Raises:
            ResourceError: The package `usearch` is not installed.
        """
        require()

    def open(self) -> None:
        """Loads the embedder.

        Raises:
            ModelError: There is no such embedder, or its library is not installed.
        """
        from seekforge.engines.embed import open_embedder

        if self._embedder is None:
            self._embedder = open_embedder(self.config.embedder, environment(), Silent())

    def measure(self, records: Sequence[Record]) -> Mapping[str, NDArray[Any] | Ragged]:
        """`vectors`: shape (records, dimension), float16, zeros for a text not embedded; and the guard's columns."""
        assert self._embedder is not None, "open() comes first"
        texts = [record.text for record in records]
        return {"vectors": embed_whole(self._embedder, texts), **guard.columns(texts)}

    def decide(self, table: Table) -> dict[int, Remove | Mark]:
        """Each duplicate with the nearest of those that stay, each pair that the guard kept, each text not compared."""
        vectors, signatures = table.array("vectors"), {name: table.ragged(name) for name in guard.COLUMNS}

        def object_to(row: int, other: int) -> guard.Objection | None:
            one, two = (guard.from_columns(signatures, place) for place in (row, other))
            return guard.objection(one, two) if self.config.guard else None

        found = matches(vectors, table.rank, self.config.threshold, object_to)
        verdicts = {row: self._verdict(table, row, match) for row, match in sorted(found.items())}
        return verdicts | {row: Mark(_TOO_LONG, "not compared") for row in _not_embedded(vectors)}

    def _verdict(self, table: Table, row: int, match: Match) -> Remove | Mark:
        threshold, other = self.config.threshold, table.ids[match.index]
        if match.objection is not None:
            return Mark(
                f"{match.similarity:.3f} like {other} and kept: {match.objection.text}",
                f"kept: {match.objection.kind}",
                {"other": other, "cosine": round(match.similarity, 4)},
            )
        reason = f"{match.similarity:.3f} like {other} (threshold {threshold:g})"
        kind = "semantic duplicate"
        label, original = table.labels[row], table.labels[match.index]
        if label != original:
            reason += f"; labelled {label}, the kept one {original}"
            kind = "semantic duplicate of another label"
        return Remove(reason, kind, match.index, match.similarity)


def _not_embedded(vectors: NDArray[Any]) -> list[int]:
    """Block by block: the whole of it may not fit into memory."""
    import numpy as np

    block = 65_536
    return [
        start + int(row)
        for start in range(0, len(vectors), block)
        for row in np.flatnonzero(~vectors[start : start + block].any(axis=1))
    ]
