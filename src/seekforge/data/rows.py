"""Rows of JSON lines, CSV and Parquet, from any place in the file, one at a time; a file is never held in memory."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seekforge.core.errors import DataError
from seekforge.data.shapes import ALPACA, detect, parse_json

JSONL, CSV, PARQUET = "jsonl", "csv", "parquet"
FORMATS = {".jsonl": JSONL, ".ndjson": JSONL, ".json": JSONL, ".csv": CSV, ".parquet": PARQUET, ".pq": PARQUET}
_BOM = b"\xef\xbb\xbf"
_LONGEST_CELL = 1 << 22  # the csv module's own limit, 128 KiB, is short for a long conversation
_BATCH = 1024

Header = tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Row:
    """One row.

    Attributes:
        offset: Where it begins: a byte, or a row of Parquet counted from 0.
        number: Its first line (Parquet: row), from 1.
        where: `path:line`, or `path row N`.
        fields: By name.
        raw: As it stands in the file; None for Parquet, which is no text.
        header: The columns of a CSV file.
    """

    offset: int
    number: int
    where: str
    fields: Mapping[str, Any]
    raw: str | None
    header: Header = None

    def text(self) -> str:
        """The row as text."""
        return json.dumps(self.fields, ensure_ascii=False) if self.raw is None else self.raw


@dataclass(frozen=True, slots=True)
class BadRow:
    """One row that cannot be read, in `rows` lines; the rest as in `Row`."""

    offset: int
    number: int
    where: str
    error: DataError
    raw: str
    rows: int = 1
    header: Header = None


def jsonl_rows(path: Path, offset: int, number: int, header: Header, parse: bool) -> Iterator[Row | BadRow]:
    """Rows from a byte on, which is the begin of line `number`; blank lines are none."""
    with path.open("rb") as file:
        file.seek(offset)
        for line, data in enumerate(file, number):
            begin, offset = offset, offset + len(data)
            if not (data.removeprefix(_BOM) if begin == 0 else data).strip():
                continue
            where = f"{path}:{line}"
            if not parse:
                yield Row(begin, line, where, {}, None)
                continue
            raw = _decoded(data, begin).rstrip("\r\n")
            try:
                yield Row(begin, line, where, _object(raw, where), raw)
            except DataError as error:
                yield BadRow(begin, line, where, error, raw)


def _object(raw: str, where: str) -> Mapping[str, Any]:
    refuse_bytes(raw, where)
    row = parse_json(raw, where)
    if not isinstance(row, dict):
        raise DataError("not a JSON object", where=where, mend='Write one object a line: {"instruction": ...}')
    return row


def csv_rows(path: Path, offset: int, number: int, header: Header, parse: bool) -> Iterator[Row | BadRow]:
    """Rows from a byte on; without a header the first row is it."""
    for begin, line, cells, raw in _csv_records(path, offset, number):
        where = f"{path}:{line}"
        try:
            if isinstance(cells, csv.Error):
                raise DataError(f"not CSV: {cells}", where=where, mend="Mend the quoting of this record")
            if not any(cell.strip() for cell in cells):
                continue
            refuse_bytes(raw, where)
            if header is not None:
                yield Row(begin, line, where, _cells(cells, header, where), raw.rstrip("\r\n"), header)
        except DataError as error:
            if header is None:
                raise
            yield BadRow(begin, line, where, error, raw.rstrip("\r\n"), max(1, raw.count("\n")), header)
        if header is None:
            assert isinstance(cells, list)
            header = tuple(_header(cells, where))


def _csv_records(path: Path, offset: int, number: int) -> Iterator[tuple[int, int, list[str] | csv.Error, str]]:
    """Byte, line, cells and text of every record; one that is no CSV comes as its error."""
    csv.field_size_limit(_LONGEST_CELL)
    taken: list[bytes] = []
    with path.open("rb") as file:
        file.seek(offset)

        def lines() -> Iterator[str]:
            for data in file:
                taken.append(data)
                yield _decoded(data, offset)

        reader = csv.reader(lines(), strict=True)
        while True:
            cells: list[str] | csv.Error
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                cells = error
            yield offset, number, cells, "".join(_decoded(data, offset) for data in taken)
            offset += sum(map(len, taken))
            number += len(taken)
            taken.clear()


def _cells(cells: list[str], header: tuple[str, ...], where: str) -> Mapping[str, str]:
    if len(cells) != len(header):
        raise DataError(
            f"{len(cells)} cells, but the header has {len(header)}",
            where=where,
            mend="Quote cells that hold commas, quotes or line breaks",
        )
    return dict(zip(header, cells, strict=True))


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


def parquet_rows(path: Path, offset: int, number: int, header: Header, parse: bool) -> Iterator[Row | BadRow]:
    """Rows from row `offset` on; row groups before it are not read.

    Raises:
        DataError: The file is broken; what comes after the break cannot be read.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    at = offset
    try:
        with pq.ParquetFile(path) as file:
            if not parse:
                for at in range(offset, file.metadata.num_rows):
                    yield Row(at, at + 1, f"{path} row {at + 1}", {}, None)
                return
            at, groups = _groups(file.metadata, offset)
            for batch in file.iter_batches(batch_size=_BATCH, row_groups=groups):
                if at + len(batch) <= offset:
                    at += len(batch)
                    continue
                for fields in batch.to_pylist():
                    at += 1
                    if at > offset:
                        yield Row(at - 1, at, f"{path} row {at}", _plain(fields), None)
    except (pa.ArrowException, UnicodeDecodeError) as error:
        where = f"{path} row {at + 1}" if at else str(path)
        raise DataError(f"broken Parquet: {error}", where=where, mend="Write the file again") from error


def _groups(metadata: Any, offset: int) -> tuple[int, list[int]]:  # noqa: ANN401
    """The row groups that hold rows from `offset` on, and the number of the first of these rows."""
    begin = 0
    for group in range(metadata.num_row_groups):
        end = begin + metadata.row_group(group).num_rows
        if end > offset:
            return begin, list(range(group, metadata.num_row_groups))
        begin = end
    return begin, []


def _plain(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """Dates, decimals and bytes as text: a record must fit into JSON."""
    plain: Mapping[str, Any] = json.loads(json.dumps(row, default=str))
    return plain


def _decoded(data: bytes, offset: int) -> str:
    return (data.removeprefix(_BOM) if offset == 0 else data).decode("utf-8", "surrogateescape")


def refuse_bytes(raw: str, where: str) -> None:
    """Raises a `DataError` if the text came from bytes that are no UTF-8."""
    try:
        raw.encode()
    except UnicodeEncodeError as error:
        byte = ord(raw[error.start]) & 0xFF
        raise DataError(f"not UTF-8: byte 0x{byte:02x}", where=where, mend="Save the file as UTF-8") from error
