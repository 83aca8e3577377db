"""What the test shares with training: questions, exactly or nearly, and values of fields that must differ."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from seekforge.core.config import LeakConfig
from seekforge.core.errors import DataError
from seekforge.core.records import Record
from seekforge.data.columns import hashed
from seekforge.data.ops import Drop, Ragged, Remove
from seekforge.data.ops.memory import drop_of
from seekforge.data.order import SPLITS, ranks_of
from seekforge.data.similarity import band_keys, buckets, compact, sets_of, shingled_texts
from seekforge.data.split import Splits, field_value

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SEED = 1  # of the first check's hash functions; the later ones have others, so that none repeats what one missed
_TRAIN = SPLITS.index("train")


@dataclass(frozen=True, slots=True)
class Leak:
    """One training record and the held-out one that it gives away most of.

    Attributes:
        train: Id of the training record.
        held_out: Id of the test or validation record.
        split: Of the latter.
        similarity: Jaccard similarity of the questions, 0 to 1; 1 where only case and white space differ.
    """

    train: str
    held_out: str
    split: str
    similarity: float


@dataclass(frozen=True, slots=True)
class LeakReport:
    """What one check found.

    Attributes:
        threshold: Similarity from which a question counts as leaked.
        leaks: One for each training record whose question is like a held-out one.
        shared: Field to the values that both train and test have; every checked field is a key.
        sharing: Id of a training record to the field and value that it shares with the test.
        held_out: Ids of the held-out records that leak, by question or by value.
    """

    threshold: float
    leaks: tuple[Leak, ...]
    shared: Mapping[str, tuple[str, ...]]
    sharing: Mapping[str, tuple[str, str]]
    held_out: frozenset[str]

    @property
    def count(self) -> int:
        """How many held-out records leak."""
        return len(self.held_out)

    def to_dict(self) -> dict[str, Any]:
        """For the run's report; at most five pairs and ten values a field."""
        pairs = [
            {"train": leak.train, leak.split: leak.held_out, "similarity": round(leak.similarity, 4)}
            for leak in self.leaks[:5]
        ]
        return {
            "records": self.count,
            "threshold": self.threshold,
            "pairs": len(self.leaks),
            "examples": pairs,
            "shared": {
                name: {"count": len(values), "values": list(values[:10])} for name, values in self.shared.items()
            },
        }


@dataclass(frozen=True, slots=True)
class LeakResult:
    """The splits after the check: `drops` are the training records that went, `found` is what the first check saw.

    Attributes:
        splits: What is left; test and validation are never touched.
        drops: Training records dropped for leaking.
        found: The check on the splits as they came.
        final: The check on what is left; the gate measures this one.
    """

    splits: Splits
    drops: tuple[Drop, ...]
    found: LeakReport
    final: LeakReport


@dataclass(frozen=True, slots=True)
class LeakTable:
    """What the check sees: a row a record.

    Attributes:
        split: Shape (rows,): places in `SPLITS`.
        rank: Shape (rows,): the canonical order.
        ids: Of the records.
        sets: Their questions, of `shingled_texts`.
        same: Shape (rows, 2): a hash of the question without white space.
        keys: Of `band_keys` with `SEED`; None to make them.
        fields: Each record's values of the fields of `disjoint` as text, or None where none is checked.
        known: Names of the fields that records have, for the error.
    """

    split: NDArray[np.int8]
    rank: NDArray[np.int64]
    ids: Sequence[str]
    sets: Ragged
    same: NDArray[np.uint64]
    keys: NDArray[np.uint64] | None = None
    fields: Sequence[Mapping[str, Sequence[str]]] | None = None
    known: Callable[[], Iterable[str]] = tuple


@dataclass(slots=True)
class _Found:
    """One check by rows: a leaking training row to its held-out row and their similarity, and the held-out rows."""

    leaks: dict[int, tuple[int, float]]
    held: set[int]
    shared: dict[str, tuple[str, ...]]
    sharing: dict[int, tuple[str, str]]


def check(splits: Splits, config: LeakConfig) -> LeakReport:
    """Compares train with validation and test; the fields of `disjoint` with test alone.

    Args:
        splits: What to check.
        config: Threshold, shingle size, fields.

    Raises:
        DataError: No record has a field of `disjoint`.
    """
    table = _table(splits, config)
    return _report(table, config, _check(table, table.split == _TRAIN, config, SEED))


def settle(splits: Splits, config: LeakConfig) -> LeakResult:
    """Checks and, with `drop`, takes the leaking training records out until a check finds nothing."""
    gone, found, final = settle_rows(_table(splits, config), config)
    records = _all(splits)
    drops = tuple(drop_of("leak", records[row], remove, records) for row, remove in gone.items())
    ids = {drop.record.id for drop in drops}
    left = replace(splits, train=tuple(record for record in splits.train if record.id not in ids))
    return LeakResult(left, drops, found, final)


def settle_rows(table: LeakTable, config: LeakConfig) -> tuple[dict[int, Remove], LeakReport, LeakReport]:
    """The same by rows.

    Returns:
        The training rows that go, what the first check found, and what the last one did.
    """
    train = table.split == _TRAIN
    gone: dict[int, Remove] = {}
    found = _check(table, train, config, SEED)
    first = last = _report(table, config, found)
    while config.drop and last.count:
        for row in sorted({*found.leaks, *found.sharing}):
            gone[row] = _remove(table, config, found, row)
            train[row] = False
        found = _check(table, train, config, SEED + len(gone))
        last = _report(table, config, found)
    return gone, first, last


def _check(table: LeakTable, train: NDArray[np.bool_], config: LeakConfig, seed: int) -> _Found:
    import numpy as np

    from seekforge.data import kernels

    held = np.flatnonzero(table.split != _TRAIN)
    held = held[np.lexsort((table.rank[held], -table.split[held]))]  # test before validation, as in `canonical`
    others = np.flatnonzero(train)
    keys = table.keys if table.keys is not None and seed == SEED else band_keys(table.sets, config.threshold, seed=seed)
    same, one_more = buckets(_mixed(table.same))
    groups, count = buckets(keys)
    groups = np.concatenate([groups, np.where(same >= 0, same + count, -1).astype(np.int32)])
    sets = sets_of(table.sets, groups)
    nearest, similarity, touched = kernels.across(
        groups, count + one_more, held, others, same[0], sets.values, sets.bounds, config.threshold
    )
    hits = np.flatnonzero(nearest >= 0)
    leaks = {
        int(row): (int(other), float(alike))
        for row, other, alike in zip(others[hits], held[nearest[hits]], similarity[hits], strict=True)
    }
    found = _Found(leaks, set(held[touched].tolist()), {}, {})
    if config.disjoint:
        _check_fields(table, train, config, found)
    return found


def _mixed(pairs: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """128-bit hashes as one column of 64 bits."""
    return pairs[:, :1] ^ pairs[:, 1:]


def _check_fields(table: LeakTable, train: NDArray[np.bool_], config: LeakConfig, found: _Found) -> None:
    """Adds the values that train shares with the test."""
    assert table.fields is not None
    in_test: dict[str, dict[str, list[int]]] = {name: {} for name in config.disjoint}
    for row in (table.split == SPLITS.index("test")).nonzero()[0].tolist():
        for name, values in table.fields[row].items():
            for value in values:
                in_test[name].setdefault(value, []).append(row)
    common: dict[str, set[str]] = {name: set() for name in config.disjoint}
    seen = {name for name, values in in_test.items() if values}
    for row in train.nonzero()[0].tolist():
        fields = table.fields[row]
        seen.update(name for name, values in fields.items() if values)
        for name in config.disjoint:
            shared = {value for value in fields[name] if value in in_test[name]}
            common[name] |= shared
            if shared:
                found.sharing.setdefault(row, (name, min(shared)))
    if missing := [name for name in config.disjoint if name not in seen]:
        known = ", ".join(table.known()) or "none"
        raise DataError(f"no record has the field `{missing[0]}`", where="data.leak.disjoint", mend=f"Known: {known}")
    for name, values in common.items():
        found.shared[name] = tuple(sorted(values))
        found.held.update(row for value in values for row in in_test[name][value])


def _report(table: LeakTable, config: LeakConfig, found: _Found) -> LeakReport:
    leaks = tuple(
        Leak(table.ids[row], table.ids[other], SPLITS[table.split[other]], alike)
        for row, (other, alike) in sorted(found.leaks.items())
    )
    sharing = {table.ids[row]: pair for row, pair in found.sharing.items()}
    return LeakReport(config.threshold, leaks, found.shared, sharing, frozenset(table.ids[row] for row in found.held))


def _remove(table: LeakTable, config: LeakConfig, found: _Found, row: int) -> Remove:
    if row in found.leaks:
        other, alike = found.leaks[row]
        split = SPLITS[table.split[other]]
        reason = f"{alike:.2f} similar to the {split} record {table.ids[other]} (threshold {config.threshold:g})"
        return Remove(reason, f"like a {split} record", other, alike)
    name, value = found.sharing[row]
    return Remove(f"shares {name} {value!r} with the test", f"shares {name} with the test")


def _all(splits: Splits) -> tuple[Record, ...]:
    return (*splits.train, *splits.validation, *splits.test)


def _table(splits: Splits, config: LeakConfig) -> LeakTable:
    """Of records in memory."""
    import numpy as np

    records = _all(splits)
    place = np.repeat(np.arange(len(SPLITS), dtype=np.int8), [len(part) for _, part in splits])
    fields = [field_texts(record, config.disjoint) for record in records]
    sets, same = questions(records, config.shingle)
    known = [name for record in splits.test[:1] for name in record.meta]
    return LeakTable(place, ranks_of(records), [r.id for r in records], sets, same, None, fields, lambda: known)


def questions(records: Sequence[Record], shingle: int) -> tuple[Ragged, NDArray[np.uint64]]:
    """What questions are compared by: `sets` and `same` of a `LeakTable`."""
    texts = [record.text for record in records]
    return shingled_texts(texts, shingle), hashed([compact(text) for text in texts])


def field_texts(record: Record, names: Sequence[str]) -> dict[str, list[str]]:
    """A record's values of some fields as text; a list counts value by value."""
    found: dict[str, list[str]] = {}
    for name in names:
        value = field_value(record.meta, name)
        items = value if isinstance(value, (list, tuple)) else [value]
        found[name] = [_readable(item) for item in items if item is not None]
    return found


def _readable(item: object) -> str:
    return item if isinstance(item, str) else json.dumps(item, sort_keys=True, ensure_ascii=False, default=str)
