"""Columns on disk are what they were in memory, whatever the shards; buckets are the keys that come twice."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from seekforge.data.columns import Optional, Strings, encoded, gather, save, stack
from seekforge.data.ops import Ragged
from seekforge.data.similarity import buckets

TEXTS = st.lists(st.lists(st.text(max_size=5), max_size=4), min_size=1, max_size=5)


@given(TEXTS)
def test_gathered_from_shards_as_written(shards: list[list[str]]) -> None:
    whole = [text for shard in shards for text in shard]
    sizes = [np.array([[len(text)] for text in shard]).reshape(-1, 1) for shard in shards]  # float where empty
    parts: list[dict[str, NDArray[Any] | Ragged]] = [
        {"text": encoded(shard), "size": size} for shard, size in zip(shards, sizes, strict=True)
    ]
    with TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{number}.npz" for number in range(len(parts))]
        for path, part in zip(paths, parts, strict=True):
            save(path, part)
        for columns in (gather(paths, Path(folder) / "gathered"), stack(parts)):
            text, size = columns["text"], columns["size"]
            assert isinstance(text, Ragged)
            assert list(Strings(text)) == whole
            assert list(Optional(Strings(text))) == [one or None for one in whole]
            assert not isinstance(size, Ragged)
            assert size[:, 0].tolist() == [len(one) for one in whole]


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2**64 - 1)), max_size=40))
def test_rows_share_a_bucket_if_and_only_if_they_share_a_key(rows: list[tuple[int, int]]) -> None:
    keys = np.array(rows, np.uint64).reshape(-1, 2)
    groups, count = buckets(keys)
    assert groups.shape == (2, len(rows))
    seen = set[int]()
    for band in range(2):
        often = Counter(row[band] for row in rows)
        names = {row[band]: groups[band, place] for place, row in enumerate(rows)}
        assert all((names[key] >= 0) == (times > 1) for key, times in often.items())
        assert all(groups[band, place] == names[row[band]] for place, row in enumerate(rows))
        used = [name for name in names.values() if name >= 0]
        assert len(used) == len(set(used))
        assert not seen & set(used)
        seen |= set(used)
    assert seen == set(range(count))
