"""Divides records into train, validation and test: by a field that says so, or by seed, group and label. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seekforge.core.config import SplitConfig
from seekforge.core.errors import DataError
from seekforge.core.files import sha256_json
from seekforge.core.records import Record
from seekforge.core.registry import nearest
from seekforge.data.order import SPLITS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


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
    if config.column:
        names = _preassigned(records, config.column)
    else:
        labels = [record.label for record in records]
        names = [SPLITS[place] for place in assign(group_digests(records, config.by, seed), labels, config)]
    parts = {
        split: tuple(r.with_split(split) for r, name in zip(records, names, strict=True) if name == split)
        for split in SPLITS
    }
    splits = Splits(**parts)
    refuse_empty({name: len(part) for name, part in splits}, config)
    return splits


def refuse_empty(sizes: Mapping[str, int], config: SplitConfig) -> None:
    """Every split that was asked for must have records.

    Raises:
        DataError: One has no record although its share is not 0; says which setting to change.
    """
    unwanted = {name for name in ("validation", "test") if getattr(config, name) == 0}
    for split, size in sizes.items():
        if size or split in unwanted:
            continue
        if config.column:
            mend = f"Mark some records `{config.column}: {split}`"
            mend += f", or set data.split.{split} to 0 to have none" if split != "train" else ""
        elif split == "train":
            mend = "Lower data.split.validation and data.split.test, or give more records"
        else:
            share = config.validation if split == "validation" else config.test
            mend = f"Raise data.split.{split} (now {share:g}) or give more records"
            mend += f" and more values of `{config.by}`" if config.by else ""
        what = f"the {split} split is empty: {sum(sizes.values()):,} records in all"
        raise DataError(what, where="data.split", mend=mend)


def _preassigned(records: Sequence[Record], column: str) -> list[str]:
    for record in records:
        if record.split not in SPLITS:
            raise DataError(
                f"`{column}` is {record.split!r}, not train, validation or test",
                where=f"record {record.id}",
                mend=nearest(str(record.split), list(SPLITS)),
            )
    return [str(record.split) for record in records]


def group_digests(records: Sequence[Record], by: str | None, seed: int) -> NDArray[np.uint8]:
    """What records that stay together share: a seeded hash of their group, shape (records, 32).

    Raises:
        DataError: A record has no field `by`.
    """
    import numpy as np

    digests = [bytes.fromhex(sha256_json([seed, _group(record, by)])) for record in records]
    return np.frombuffer(b"".join(digests), np.uint8).reshape(-1, 32)


def assign(digests: NDArray[np.uint8], labels: Sequence[str | None], config: SplitConfig) -> NDArray[np.int8]:
    """Groups in the order of label, then of their hash; each goes where the running shares lack most.

    Walking the labels one after the other makes the split stratified, and a running count over all of them keeps the
    total shares right even where one label has few records.

    Args:
        digests: Shape (records, 32), of `group_digests`.
        labels: Of the records.
        config: The shares.

    Returns:
        Shape (records,): places in `SPLITS`.
    """
    import numpy as np

    group, sizes = _numbered(digests)
    wanted = (1 - config.validation - config.test, config.validation, config.test)
    counts = [0] * len(SPLITS)
    chosen = np.empty(len(sizes), np.int8)
    total = 0
    places = range(len(SPLITS))
    for number in np.lexsort((np.arange(len(sizes)), _strata(group, labels))).tolist():
        size = int(sizes[number])
        total += size
        place = max(places, key=lambda split: wanted[split] * total - counts[split])
        counts[place] += size
        chosen[number] = place
    return chosen[group] if len(group) else np.empty(0, np.int8)


def _numbered(digests: NDArray[np.uint8]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Each record's group, numbered in the order of the hashes, and the groups' sizes."""
    import numpy as np

    words = np.ascontiguousarray(digests).view(">u8")
    order = np.lexsort(words.T[::-1])
    ordered = words[order]
    fresh = np.ones(len(order), bool)
    fresh[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    group = np.empty(len(order), np.int64)
    group[order] = np.cumsum(fresh) - 1
    return group, np.bincount(group)


def _strata(group: NDArray[np.int64], labels: Sequence[str | None]) -> NDArray[np.int64]:
    """Each group's commonest label, of equals the first by name, as its place among the names."""
    import numpy as np

    names = {name: place for place, name in enumerate(sorted({label or "" for label in labels}))}
    codes = np.fromiter((names[label or ""] for label in labels), np.int64, len(labels))
    pairs, counts = np.unique(group * len(names) + codes, return_counts=True)
    owner, code = np.divmod(pairs, max(1, len(names)))
    order = np.lexsort((code, -counts, owner))
    _, first = np.unique(owner[order], return_index=True)
    strata: NDArray[np.int64] = code[order][first]
    return strata


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
