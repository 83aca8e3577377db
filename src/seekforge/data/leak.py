"""What the test shares with training: questions, exactly or nearly, and values of fields that must differ."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from seekforge.core.config import LeakConfig
from seekforge.core.errors import DataError
from seekforge.core.records import Record
from seekforge.data.ops import Drop
from seekforge.data.order import canonical
from seekforge.data.similarity import Neighbours, compact
from seekforge.data.split import Splits, field_value


@dataclass(frozen=True, slots=True)
class Leak:
    """One training record and the held-out one that it gives away most of.

    Attributes:
        train: The training record.
        held_out: The test or validation record.
        similarity: Jaccard similarity of the questions, 0 to 1; 1 where only case and white space differ.
    """

    train: Record
    held_out: Record
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
            {
                "train": leak.train.id,
                leak.held_out.split or "test": leak.held_out.id,
                "similarity": round(leak.similarity, 4),
            }
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


def check(splits: Splits, config: LeakConfig, seed: int = 0) -> LeakReport:
    """Compares train with validation and test; the fields of `disjoint` with test alone.

    Args:
        splits: What to check.
        config: Threshold, shingle size, fields.
        seed: Of the hash functions that propose pairs.

    Raises:
        DataError: No record has a field of `disjoint`.
    """
    leaks, held_out = _questions(splits, config, seed)
    shared: dict[str, tuple[str, ...]] = {}
    sharing: dict[str, tuple[str, str]] = {}
    for name in config.disjoint:
        in_train, in_test = _holders(splits.train, name), _holders(splits.test, name)
        if not in_train and not in_test:
            known = ", ".join(splits.test[0].meta) or "none"
            raise DataError(f"no record has the field `{name}`", where="data.leak.disjoint", mend=f"Known: {known}")
        common = sorted(in_train.keys() & in_test.keys())
        shared[name] = tuple(common)
        for value in common:
            held_out.update(record.id for record in in_test[value])
            for record in in_train[value]:
                sharing.setdefault(record.id, (name, value))
    return LeakReport(config.threshold, tuple(leaks), shared, sharing, frozenset(held_out))


def settle(splits: Splits, config: LeakConfig) -> LeakResult:
    """Checks and, with `drop`, takes the leaking training records out until a check finds nothing.

    Each check has hash functions of its own, so that one does not repeat what another missed.
    """
    found = report = check(splits, config, seed=1)
    drops: list[Drop] = []
    while config.drop and report.count:
        gone = list(_drops(splits.train, report))
        ids = {drop.record.id for drop in gone}
        splits = replace(splits, train=tuple(record for record in splits.train if record.id not in ids))
        drops += gone
        report = check(splits, config, seed=1 + len(drops))
    return LeakResult(splits, tuple(drops), found, report)


def _questions(splits: Splits, config: LeakConfig, seed: int) -> tuple[list[Leak], set[str]]:
    guarded = sorted((*splits.test, *splits.validation), key=canonical)
    records = (*guarded, *splits.train)
    near = Neighbours([record.text for record in records], config.threshold, config.shingle, seed=seed)
    same: dict[str, list[int]] = defaultdict(list)
    for index, record in enumerate(guarded):
        near.add(index)
        same[compact(record.text)].append(index)
    leaks: list[Leak] = []
    held_out: set[str] = set()
    for index, record in enumerate(splits.train, len(guarded)):
        alike = {match.index: match.similarity for match in near.matches(index)}
        alike.update(dict.fromkeys(same.get(compact(record.text), ()), 1.0))
        if alike:
            best = min(alike, key=lambda other: (-alike[other], other))
            leaks.append(Leak(record, guarded[best], alike[best]))
            held_out.update(guarded[other].id for other in alike)
    return leaks, held_out


def _holders(records: Sequence[Record], name: str) -> dict[str, list[Record]]:
    """Each value of a field and the records that have it; a list counts value by value."""
    holders: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        value = field_value(record.meta, name)
        for item in value if isinstance(value, (list, tuple)) else [value]:
            if item is not None:
                holders[_readable(item)].append(record)
    return holders


def _readable(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)


def _drops(train: Sequence[Record], report: LeakReport) -> Iterator[Drop]:
    leaks = {leak.train.id: leak for leak in report.leaks}
    for record in train:
        if (leak := leaks.get(record.id)) is not None:
            other, limit = leak.held_out, report.threshold
            reason = f"{leak.similarity:.2f} similar to the {other.split} record {other.id} (threshold {limit:g})"
            yield Drop(record, "leak", reason, other.id, leak.similarity, f"like a {other.split} record")
        elif record.id in report.sharing:
            name, value = report.sharing[record.id]
            yield Drop(record, "leak", f"shares {name} {value!r} with the test", kind=f"shares {name} with the test")
