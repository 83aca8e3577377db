"""Divides records into train, validation and test: by a field that says so, or by seed, group and label. Pure."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from seekforge.core.config import SplitConfig
from seekforge.core.errors import DataError
from seekforge.core.files import sha256_json
from seekforge.core.records import Record
from seekforge.core.registry import nearest
from seekforge.data.order import SPLITS


@dataclass(frozen=True, slots=True)
class Splits:
    """The three splits; every record's `split` says where it is."""

    train: tuple[Record, ...]
    validation: tuple[Record, ...]
    test: tuple[Record, ...]

    def __iter__(self) -> Iterator[tuple[str, tuple[Record, ...]]]:
        """Names and records, train first."""
        return zip(SPLITS, (self.train, self.validation, self.test), strict=True)

    def __len__(self) -> int:
        """Records in all three."""
        return len(self.train) + len(self.validation) + len(self.test)


def divide(records: Sequence[Record], config: SplitConfig, seed: int) -> Splits:
    """Assigns every record; within a split the given order stays.

    Raises:
        DataError: A split would be empty, a record's `column` is none of the three, or no record has the field `by`.
    """
    names = _preassigned(records, config.column) if config.column else _random(records, config, seed)
    parts = {
        split: tuple(r.with_split(split) for r, name in zip(records, names, strict=True) if name == split)
        for split in SPLITS
    }
    splits = Splits(**parts)
    refuse_empty(splits, config)
    return splits


def refuse_empty(splits: Splits, config: SplitConfig) -> None:
    """Every split that was asked for must have records.

    Raises:
        DataError: One has no record although its share is not 0; says which setting to change.
    """
    unwanted = {name for name in ("validation", "test") if not config.column and getattr(config, name) == 0}
    for split, records in splits:
        if records or split in unwanted:
            continue
        if config.column:
            mend = f"Mark some records `{config.column}: {split}`"
        elif split == "train":
            mend = "Lower data.split.validation and data.split.test, or give more records"
        else:
            share = config.validation if split == "validation" else config.test
            mend = f"Raise data.split.{split} (now {share:g}) or give more records"
            mend += f" and more values of `{config.by}`" if config.by else ""
        raise DataError(f"the {split} split is empty: {len(splits):,} records in all", where="data.split", mend=mend)


def _preassigned(records: Sequence[Record], column: str) -> list[str]:
    for record in records:
        if record.split not in SPLITS:
            raise DataError(
                f"`{column}` is {record.split!r}, not train, validation or test",
                where=f"record {record.id}",
                mend=nearest(str(record.split), list(SPLITS)),
            )
    return [str(record.split) for record in records]


def _random(records: Sequence[Record], config: SplitConfig, seed: int) -> list[str]:
    """Groups in the order of label, then of a hash; each goes where the running shares lack most.

    Walking the labels one after the other makes the split stratified, and a running count over all of them keeps the
    total shares right even where one label has few records.
    """
    groups: dict[str, list[int]] = defaultdict(list)
    for index, record in enumerate(records):
        groups[_group(record, config.by)].append(index)
    order = sorted(groups, key=lambda g: (_stratum([records[i] for i in groups[g]]), sha256_json([seed, g])))
    shares = {"train": 1 - config.validation - config.test, "validation": config.validation, "test": config.test}
    counts = dict.fromkeys(SPLITS, 0)
    names = [""] * len(records)
    for group in order:
        due = sum(counts.values()) + len(groups[group])
        chosen = max(SPLITS, key=lambda split: shares[split] * due - counts[split])
        counts[chosen] += len(groups[group])
        for index in groups[group]:
            names[index] = chosen
    return names


def _group(record: Record, by: str | None) -> str:
    """What stays together; without `by`, records with the same question, for they would leak."""
    if by is None:
        return record.text
    if (value := field_value(record.meta, by)) is None:
        raise DataError(
            f"no field `{by}`", where=f"record {record.id}", mend=f"Known: {', '.join(record.meta) or 'none'}"
        )
    return json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)


def field_value(meta: Mapping[str, object], field: str) -> object:
    """A field's value; an empty one counts as none."""
    value = meta.get(field)
    return None if value in ("", [], ()) else value


def _stratum(records: Sequence[Record]) -> str:
    """The group's commonest label; of equals the first by name."""
    labels = Counter(record.label or "" for record in records)
    return min(labels, key=lambda label: (-labels[label], label))
