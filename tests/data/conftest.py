from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from seekforge.core.config import DataConfig
from seekforge.core.records import Message, Record

Rows = Sequence[Mapping[str, Any]]
Write = Callable[[str, Rows], Path]
MakeConfig = Callable[..., DataConfig]
MakeRecord = Callable[..., Record]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes rows in the format that the file's ending asks for."""

    def write_rows(name: str, rows: Rows) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".csv":
            with path.open("w", encoding="utf-8-sig", newline="") as file:
                table = csv.writer(file)
                table.writerow(rows[0])
                for row in rows:
                    table.writerow(
                        [v if isinstance(v, str) else json.dumps(v, ensure_ascii=False) for v in row.values()]
                    )
        elif path.suffix == ".parquet":
            import pyarrow as pa
            import pyarrow.parquet as pq

            pq.write_table(pa.Table.from_pylist([dict(row) for row in rows]), path)
        else:
            path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
        return path

    return write_rows


@pytest.fixture
def config() -> MakeConfig:
    """A data config over the given files."""

    def make(*paths: Path, source: Mapping[str, Any] | None = None, **fields: object) -> DataConfig:
        sources = [{"path": path, **(source or {})} for path in paths]
        return DataConfig.model_validate({"sources": sources, **fields})

    return make


@pytest.fixture(scope="session")
def record() -> MakeRecord:
    """A record from an id and a question."""

    def make(
        id: str, text: str, answer: str = "ok", *, label: str | None = None, split: str | None = None, **meta: object
    ) -> Record:
        return Record(id, (Message("user", text), Message("assistant", answer)), label, split, meta)

    return make
