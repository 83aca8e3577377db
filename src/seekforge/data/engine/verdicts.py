"""The verdicts of a decision, on their way from all shards at once back to each: a file a shard."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from seekforge.core.records import Record
from seekforge.data.engine.folder import Folder, line_of, read_lines, write_lines
from seekforge.data.ops import Drop, Mark, Remove

_KIND = "verdicts"


def write_verdicts(
    folder: Folder, shards: Sequence[int], found: Mapping[int, Remove | Mark], ids: Sequence[str]
) -> None:
    """A file a shard, a line for each record that goes or is marked."""
    rows = sorted(found)
    at, begin = 0, 0
    for shard, count in enumerate(shards):
        end = at
        while end < len(rows) and rows[end] < begin + count:
            end += 1
        lines = (line_of(_verdict(row - begin, found[row], ids)) for row in rows[at:end])
        write_lines(folder.file(_KIND, shard), lines)
        at, begin = end, begin + count


def read_verdicts(folder: Folder, shard: int) -> dict[int, dict[str, Any]]:
    """Row of the shard to its verdict; `stays` tells a mark from a removal."""
    return {row["row"]: row for row in map(json.loads, read_lines(folder.file(_KIND, shard)))}


def drop_from(op: str, record: Record, verdict: Mapping[str, Any]) -> Drop:
    """A removal as read, with the record that it is about."""
    fields = (verdict[key] for key in ("reason", "kept_id", "similarity", "kind", "evidence"))
    return Drop(record, op, *fields)


def _verdict(row: int, verdict: Remove | Mark, ids: Sequence[str]) -> dict[str, Any]:
    line = {"row": row, "kind": verdict.kind, "evidence": dict(verdict.evidence)}
    if isinstance(verdict, Mark):
        return {**line, "stays": True, "reason": verdict.note}
    kept = None if verdict.kept is None else int(verdict.kept)
    return {
        **line,
        "stays": False,
        "reason": verdict.reason,
        "kept_row": kept,
        "kept_id": None if kept is None else ids[kept],
        "similarity": verdict.similarity,
    }
