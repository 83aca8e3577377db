"""Reads JSONL, CSV and Parquet into records, one at a time; a file is never held in memory."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from seekforge.core.config import DataConfig, SourceConfig
from seekforge.core.errors import DataError
from seekforge.core.records import Record
from seekforge.data.shapes import ALPACA, detect, parse_json, settle, to_record

_FORMATS = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".csv": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
}
_BOM = b"\xef\xbb\xbf"
_LONGEST_CELL = 1 << 22  # the csv module's own limit, 128 KiB, is short for a long conversation
_BATCH = 1024

Row = tuple[int, str, Mapping[str, Any]]


def read_sources(config: DataConfig) -> Iterator[Record]:
    """All records of all sources, in order; ids are unique over all of them.

    Raises:
        DataError: A file or a record cannot be used; the message names the file and the line.
    """
    check_sources(config)
    seen: dict[str, str] = {}
    for source, stem in zip(config.sources, _stems(config.sources), strict=True):
        for where, record in read_source(source, config, stem):
            if record.id in seen:
                raise DataError(
                    f"the id {record.id!r} was used before, at {seen[record.id]}",
                    where=where,
                    mend="Give each record its own id, or none",
                )
            seen[record.id] = where
            yield record


def read_source(source: SourceConfig, config: DataConfig, stem: str) -> Iterator[tuple[str, Record]]:
    """The records of one file, each with its place (`path:line`, or `path row N` for Parquet).

    Args:
        source: The file.
        config: The data config in force.
        stem: What generated ids begin with.

    Raises:
        DataError: The file or one of its records cannot be used.
    """
    path, count = source.path, 0
    kind = _format(source)
    shape: str | None = None if source.shape == "auto" else source.shape
    with _readable(path):
        for number, where, row in _READERS[kind](path):
            shape = settle(row, shape, where)
            yield where, to_record(row, shape, where, f"{stem}-{number}", config)
            count += 1
            if count == config.limit:
                return
    if count == 0:
        raise DataError("the file has no records", where=str(path), mend="Give a file with at least one record")


def check_sources(config: DataConfig) -> None:
    """Looks whether every file is there and has a known format, before anything is written.

    Raises:
        DataError: A file is missing or of an unknown format.
    """
    for source in config.sources:
        if source.path.is_dir():
            raise DataError("a folder, not a file", where=str(source.path), mend="Name the files in data.sources")
        if not source.path.is_file():
            raise DataError("no such data file", where=str(source.path), mend="Correct the path in data.sources")
        _format(source)


def _format(source: SourceConfig) -> str:
    if source.format != "auto":
        return source.format
    ending = source.path.suffix.lower()
    if ending not in _FORMATS:
        raise DataError(
            f"the ending '{ending}' does not tell the format",
            where=str(source.path),
            mend="Set the source's format: jsonl, csv or parquet",
        )
    return _FORMATS[ending]


def _stems(sources: Iterable[SourceConfig]) -> Iterator[str]:
    """File stems; the second file of the same stem gets `stem~2`, so that generated ids stay unique."""
    seen: dict[str, int] = {}
    for source in sources:
        stem = source.path.stem
        seen[stem] = seen.get(stem, 0) + 1
        yield stem if seen[stem] == 1 else f"{stem}~{seen[stem]}"


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise DataError(
            f"cannot be read: {reason}", where=str(path), mend="Check the file and its permissions"
        ) from error


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Lines with their 1-based numbers, line ends kept; decoded one by one so that a bad byte has a line."""
    with path.open("rb") as file:
        for number, raw in enumerate(file, 1):
            data = raw.removeprefix(_BOM) if number == 1 else raw
            try:
                yield number, data.decode("utf-8")
            except UnicodeDecodeError as error:
                raise DataError(
                    f"not UTF-8: byte 0x{data[error.start]:02x}",
                    where=f"{path}:{number}",
                    mend="Save the file as UTF-8",
                ) from error


def _jsonl(path: Path) -> Iterator[Row]:
    for number, line in _lines(path):
        if not line.strip():
            continue
        where = f"{path}:{number}"
        row = parse_json(line.rstrip("\r\n"), where)
        if not isinstance(row, dict):
            raise DataError("not a JSON object", where=where, mend='Write one object a line: {"instruction": ...}')
        yield number, where, row


def _csv(path: Path) -> Iterator[Row]:
    csv.field_size_limit(_LONGEST_CELL)
    reader = csv.reader((line for _, line in _lines(path)), strict=True)
    header: list[str] | None = None
    start = 1
    try:
        for cells in reader:
            where = f"{path}:{start}"
            number, start = start, reader.line_num + 1
            if not any(cell.strip() for cell in cells):
                continue
            if header is None:
                header = _header(cells, where)
                continue
            if len(cells) != len(header):
                raise DataError(
                    f"{len(cells)} cells, but the header has {len(header)}",
                    where=where,
                    mend="Quote cells that hold commas, quotes or line breaks",
                )
            yield number, where, dict(zip(header, cells, strict=True))
    except csv.Error as error:
        raise DataError(f"not CSV: {error}", where=f"{path}:{start}", mend="Mend the quoting of this record") from error


def _header(cells: list[str], where: str) -> list[str]:
    header = [cell.strip() for cell in cells]
    twice = next((name for name in header if header.count(name) > 1), None)
    if twice is not None:
        raise DataError(f"the column '{twice}' comes twice", where=where, mend="Give each column its own name")
    shape = detect(dict.fromkeys(header))
    if shape is None or (shape == ALPACA and not {"instruction", "output"} <= set(header)):
        raise DataError(
            f"the columns {', '.join(header)} hold no known record shape",
            where=where,
            mend="Give the columns instruction and output, or one of messages and conversations as JSON text",
        )
    return header


def _parquet(path: Path) -> Iterator[Row]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    number = 0
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=_BATCH):
                for row in batch.to_pylist():
                    number += 1
                    yield number, f"{path} row {number}", _plain(row)
    except (pa.ArrowException, UnicodeDecodeError) as error:
        where = f"{path} row {number + 1}" if number else str(path)
        raise DataError(f"broken Parquet: {error}", where=where, mend="Write the file again") from error


def _plain(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """Dates, decimals and bytes as text: a record must fit into JSON."""
    plain: Mapping[str, Any] = json.loads(json.dumps(row, default=str))
    return plain


_READERS = {"jsonl": _jsonl, "csv": _csv, "parquet": _parquet}
