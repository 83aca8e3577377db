"""Label noise: the same text with two labels, and labels that a classifier contradicts with confidence."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from seekforge.core.config import LabelNoiseConfig
from seekforge.core.errors import DataError
from seekforge.core.records import Record
from seekforge.data.columns import bounds, hashed
from seekforge.data.noise.confident import BUCKETS, confident_labels, matrix, out_of_sample
from seekforge.data.ops.protocol import Mark, OpContext, Ragged, Remove, SetOp, Table
from seekforge.data.similarity import compact, fold

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_SIZES = (1, 2, 3)  # characters of an n-gram
_GOLDEN = 0x9E3779B97F4A7C15
_SHOWN = 5  # ids of a conflict in the evidence


class LabelNoise(SetOp):
    """Flags by default; what it flags stands in the report with its score, most doubtful labels first by rank.

    Args:
        config: What becomes of conflicts and of doubtful labels.
        context: Says which field the label came from, for the error.
    """

    name: ClassVar[str] = "label_noise"

    def __init__(self, config: LabelNoiseConfig, context: OpContext) -> None:
        self.config, self.context = config, context

    def measure(self, records: Sequence[Record]) -> Mapping[str, NDArray[Any] | Ragged]:
        """`key`: shape (records, 2), uint64, of the question; `grams`: its hashed n-grams, one for each occurrence."""
        import numpy as np

        grams = [_grams(fold(record.text)) for record in records]
        values = np.concatenate(grams) if grams else np.empty(0, np.uint32)
        return {"key": hashed([compact(record.text) for record in records]), "grams": Ragged(values, bounds(grams))}

    def decide(self, table: Table) -> dict[int, Remove | Mark]:
        """What is flagged or goes; a conflict is not judged a second time by its score.

        Raises:
            DataError: No record has a label.
        """
        if len(table) and not any(label is not None for label in table.labels):
            raise DataError(
                f"label_noise needs labels, and no record has the field `{self.context.label_field}`",
                where="data.ops",
                mend="Set data.label_field, or leave the op out",
            )
        found = dict(self._conflicts(table))
        if self.config.score != "off":
            found = {**dict(self._doubtful(table)), **found}
        return found

    def _conflicts(self, table: Table) -> Iterator[tuple[int, Remove | Mark]]:
        keys, rows = table.array("key"), defaultdict(list)
        for row, label in enumerate(table.labels):
            if label is not None:
                rows[keys[row].tobytes()].append(row)
        for same in rows.values():
            counts = Counter(table.labels[row] for row in same)
            if len(counts) > 1:
                yield from self._of_conflict(table, sorted(same, key=lambda row: int(table.rank[row])), counts)

    def _of_conflict(
        self, table: Table, same: list[int], counts: Counter[str | None]
    ) -> Iterator[tuple[int, Remove | Mark]]:
        """The verdicts on all records of one text, given by rank."""
        told = ", ".join(f"{label} {count}×" for label, count in sorted(counts.items(), key=str))
        reason, kind = f"the same text has {len(counts)} labels: {told} (1 allowed)", "same text, other label"
        evidence = {"labels": {str(label): count for label, count in counts.items()}}
        evidence["records"] = [table.ids[row] for row in same[:_SHOWN]]  # type: ignore[assignment]
        (first, most), (_, second) = counts.most_common(2)
        winner = first if most > second else None
        for row in same:
            if self.config.conflicts == "flag":
                yield row, Mark(reason, kind, evidence)
            elif self.config.conflicts == "drop" or winner is None:
                yield row, Remove(reason, kind, evidence=evidence)
            elif table.labels[row] != winner:
                kept = next(other for other in same if table.labels[other] == winner)
                yield row, Remove(f"{reason}; most say {winner}", kind, kept, 1.0, evidence)

    def _doubtful(self, table: Table) -> Iterator[tuple[int, Remove | Mark]]:
        import numpy as np

        counts = Counter(label for label in table.labels if label is not None)
        names = sorted(label for label, count in counts.items() if count >= self.config.min_label)
        if len(names) < 2:
            return
        classes = {name: place for place, name in enumerate(names)}
        given = np.fromiter((classes.get(label or "", -1) for label in table.labels), np.int64, len(table))
        rows = np.argsort(table.rank)  # the canonical order, for sums of floats depend on theirs
        rows = rows[given[rows] >= 0]
        given = given[rows]
        parts = (table.array("key")[rows, 0] % np.uint64(self.config.folds)).astype(np.int64)
        if any(len({*given[parts != part]}) < len(names) for part in np.unique(parts)):
            return
        grams = table.ragged("grams")
        probabilities = out_of_sample(matrix(grams.values, grams.bounds, rows), given, parts)
        confident = confident_labels(probabilities, given)
        for place in np.flatnonzero((confident >= 0) & (confident != given)):
            label, other = names[given[place]], names[confident[place]]
            own, its = float(probabilities[place, given[place]]), float(probabilities[place, confident[place]])
            reason = f"labelled {label} with {own:.2f}, likelier {other} with {its:.2f} (confident learning)"
            evidence = {"score": round(own, 4), "label": label, "likelier": other, "probability": round(its, 4)}
            row = int(rows[place])
            if self.config.score == "drop":
                yield row, Remove(reason, "doubtful label", evidence=evidence)
            else:
                yield row, Mark(reason, "doubtful label", evidence)


def _grams(text: str) -> NDArray[np.uint32]:
    """Buckets of a text's n-grams, one for each occurrence."""
    import numpy as np

    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4").astype(np.uint64)
    found = []
    mixed = np.zeros(len(codes), np.uint64)
    for size in _SIZES:
        count = max(0, len(codes) - size + 1)
        mixed = (mixed[:count] + np.uint64(size)) * np.uint64(_GOLDEN) + codes[size - 1 : size - 1 + count]
        found.append(((mixed * np.uint64(_GOLDEN)) >> np.uint64(32)) % np.uint64(BUCKETS))
    return np.concatenate(found).astype(np.uint32)
