"""Cuts data files into chunks of rows that processes read by themselves, and reads one; a bad row is set apart.

A cut lies between two rows: after so many rows or bytes of JSON lines or CSV, after so many rows of Parquet. Where the
cuts lie depends on the files alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from seekforge.core.config import DataConfig, SourceConfig
from seekforge.core.errors import DataError
from seekforge.core.records import Record
from seekforge.data.rows import CSV, FORMATS, JSONL, PARQUET, BadRow, Row, csv_rows, jsonl_rows, parquet_rows
from seekforge.data.shapes import detect, settle, to_record

CHUNK_ROWS = 20_000
_CHUNK_BYTES = 32 << 20  # long conversations: a chunk is held in memory by the process that works on it


@dataclass(frozen=True, slots=True)
class Chunk:
    """Rows of one file that follow each other.

    Attributes:
        path: The file.
        kind: `jsonl`, `csv` or `parquet`.
        stem: What generated ids begin with.
        shape: Of the file's records, as its first usable row has it; None if no row has any.
        header: The columns of a CSV file.
        offset: Where the first row begins: a byte, or a row of Parquet counted from 0.
        number: Line (Parquet: row) of the first row, from 1.
        rows: How many rows, bad ones included.
    """

    path: Path
    kind: str
    stem: str
    shape: str | None
    header: tuple[str, ...] | None
    offset: int
    number: int
    rows: int


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that is no record.

    Attributes:
        where: `path:line`, or `path row N`.
        error: What is wrong with it.
        raw: The row as it stood there; bytes that are no UTF-8 as lone surrogates (PEP 383).
        rows: Lines that it took, more than one where a quote was left open.
    """

    where: str
    error: DataError
    raw: str
    rows: int = 1

    def to_dict(self) -> dict[str, object]:
        """As one line of `rejected.jsonl`."""
        return {"where": self.where, "reason": self.error.what, "mend": self.error.mend, "raw": self.raw}


@dataclass(frozen=True, slots=True)
class Read:
    """A row that is a record, and its place as in `Rejected`."""

    where: str
    record: Record
    row: Row

    def rejected(self, error: DataError) -> Rejected:
        """The same row, turned down for what others say."""
        return Rejected(self.where, error, self.row.text())


def cut(source: SourceConfig, stem: str, limit: int | None, rows: int = CHUNK_ROWS) -> Iterator[Chunk]:
    """The chunks of one file, in order.

    Args:
        source: The file.
        stem: What generated ids begin with.
        limit: Rows to take of it at most.
        rows: In a chunk, at most.

    Raises:
        DataError: The file cannot be read, has no row, or a header that is none.
    """
    kind = format_of(source)
    shape: str | None = None if source.shape == "auto" else source.shape
    first: Chunk | None = None
    count = 0
    for taken, row in enumerate(_rows(Chunk(source.path, kind, stem, shape, None, 0, 1, limit or -1), parse=False)):
        if first is not None and (count == rows or row.offset - first.offset >= _bytes(kind)):
            yield replace(first, rows=count)
            first = None
        if not taken:
            shape = shape or _shape(source.path, kind)
        if first is None:
            first, count = Chunk(source.path, kind, stem, shape, row.header, row.offset, row.number, 0), 0
        count += 1
    if first is None:
        raise DataError("the file has no records", where=str(source.path), mend="Give a file with at least one record")
    yield replace(first, rows=count)


def read_chunk(chunk: Chunk, config: DataConfig) -> Iterator[Read | Rejected]:
    """Every row of a chunk, in order: a record with its place, or a rejected row.

    Raises:
        DataError: The file has changed or broken since it was cut.
    """
    for row in _rows(chunk):
        if isinstance(row, BadRow):
            yield Rejected(row.where, row.error, row.raw, row.rows)
            continue
        try:
            shape = settle(row.fields, chunk.shape, row.where)
            record = to_record(row.fields, shape, row.where, f"{chunk.stem}-{row.number}", config)
        except DataError as error:
            yield Rejected(row.where, error, row.text())
        else:
            yield Read(row.where, record, row)


def format_of(source: SourceConfig) -> str:
    """The format of a file, by its config or its ending.

    Raises:
        DataError: The ending tells nothing.
    """
    if source.format != "auto":
        return source.format
    ending = source.path.suffix.lower()
    if ending not in FORMATS:
        raise DataError(
            f"the ending '{ending}' does not tell the format",
            where=str(source.path),
            mend="Set the source's format: jsonl, csv or parquet",
        )
    return FORMATS[ending]


def _bytes(kind: str) -> int:
    return 1 << 62 if kind == PARQUET else _CHUNK_BYTES


def _shape(path: Path, kind: str) -> str | None:
    """The shape of the first row that has one."""
    for row in _rows(Chunk(path, kind, "", None, None, 0, 1, -1)):
        if isinstance(row, Row) and (found := detect(row.fields)) is not None:
            return found
    return None


def _rows(chunk: Chunk, parse: bool = True) -> Iterator[Row | BadRow]:
    """The rows of a chunk; with `parse` off only their places are sure to be right."""
    read = {JSONL: jsonl_rows, CSV: csv_rows, PARQUET: parquet_rows}[chunk.kind]
    left = chunk.rows
    if not left:
        return
    try:
        for row in read(chunk.path, chunk.offset, chunk.number, chunk.header, parse):
            yield row
            left -= 1
            if not left:
                return
    except OSError as error:
        reason = error.strerror or str(error)
        raise DataError(
            f"cannot be read: {reason}", where=str(chunk.path), mend="Check the file and its permissions"
        ) from error
