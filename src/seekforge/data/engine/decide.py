"""The decision of a `SetOp` over all shards: its table from their columns, its verdicts back to them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from seekforge.core.config import OpConfig
from seekforge.core.files import read_json, write_json
from seekforge.data.columns import Optional, Strings, gather
from seekforge.data.engine.folder import Folder
from seekforge.data.engine.task import PROBE
from seekforge.data.engine.verdicts import write_verdicts
from seekforge.data.ops import OpContext, Ragged, SetOp, Table, build
from seekforge.data.order import ranks

_DECIDED = "decided.json"


def decide(folder: Folder, shards: Sequence[int], config: OpConfig, context: OpContext) -> float:
    """Writes each shard's verdicts, unless that was done before; returns the seconds that it took.

    Args:
        folder: Of the pass that measured.
        shards: Records in each shard.
        config: Of the op.
        context: For it.
    """
    mark = folder.path / _DECIDED
    if mark.is_file():
        return float(read_json(mark)["seconds"])
    started = time.perf_counter()
    op = build(config, context)
    assert isinstance(op, SetOp)
    op.open()
    table = table_of(folder, len(shards))
    write_verdicts(folder, shards, op.decide(table), table.ids)
    seconds = time.perf_counter() - started
    write_json(mark, {"seconds": seconds})
    folder.remove("gathered", "columns")
    return seconds


def table_of(folder: Folder, shards: int) -> Table:
    """What a pass has measured, of all shards."""
    parts = folder.files("columns", shards, "npz")
    index = _indexed(parts, folder.path / "gathered")
    columns = gather(parts, folder.path / "gathered", PROBE)
    return Table(columns, ranks(index["order"]), index["id"], Optional(index["label"]), Optional(index["split"]))


def _indexed(parts: Sequence[Path], folder: Path) -> dict[str, Strings]:
    """The texts by which records are known: `id`, `label`, `split`, `order`."""
    found: dict[str, Strings] = {}
    for name in ("id", "label", "split", "order"):
        column = gather(parts, folder, name)[""]
        assert isinstance(column, Ragged)
        found[name] = Strings(column)
    return found
