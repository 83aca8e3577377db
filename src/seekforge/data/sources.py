"""The records of a config's sources, in order, each read strictly; and what they are cut into for reading by many."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from seekforge.core.config import DataConfig, SourceConfig
from seekforge.core.errors import DataError
from seekforge.core.records import Record
from seekforge.data.chunks import CHUNK_ROWS, Chunk, Rejected, cut, format_of, read_chunk


def read_sources(config: DataConfig) -> Iterator[Record]:
    """All records of all sources, in order; ids are unique over all of them, and the first bad row is an error.

    Raises:
        DataError: A file or a record cannot be used; the message names the file and the line.
    """
    seen: dict[str, str] = {}
    for chunk in chunks(config):
        for read in read_chunk(chunk, config):
            if isinstance(read, Rejected):
                raise read.error
            if (before := seen.setdefault(read.record.id, read.where)) != read.where:
                raise used_before(read.record.id, before, read.where)
            yield read.record


def records_of(
    file: Path, *, system: str | None = None, labels: Sequence[str] = (), limit: int | None = None
) -> list[Record]:
    """The records of one file, in any of the shapes.

    Args:
        file: JSONL, CSV or Parquet.
        system: Prompt that is put before each record.
        labels: What a decision can be; a record with another is refused.
        limit: Records at most.

    Raises:
        DataError: As `read_sources`.
    """
    source = SourceConfig(path=file.absolute())
    return list(read_sources(DataConfig(sources=(source,), system=system, labels=tuple(labels), limit=limit)))


def used_before(name: str, before: str, where: str) -> DataError:
    """The error of a second record with the same id."""
    mend = "Give each record its own id, or none"
    return DataError(f"the id {name!r} was used before, at {before}", where=where, mend=mend)


def chunks(config: DataConfig, rows: int = CHUNK_ROWS) -> Iterator[Chunk]:
    """The chunks of all sources, in order, of so many rows at most.

    Raises:
        DataError: A file cannot be read, or has no row.
    """
    check_sources(config)
    for source, stem in zip(config.sources, _stems(config.sources), strict=True):
        yield from cut(source, stem, config.limit, rows)


def check_sources(config: DataConfig) -> None:
    """Looks whether every file is there and has a known format, before anything is written.

    Raises:
        DataError: A file is missing or of an unknown format.
    """
    for source in config.sources:
        if source.path.is_dir():
            raise DataError("a folder, not a file", where=str(source.path), mend="Name the files in data.sources")
        if source.path.exists() and not source.path.is_file():
            raise DataError("a pipe or a device, not a file", where=str(source.path), mend="Save it to a file first")
        if not source.path.is_file():
            raise DataError("no such data file", where=str(source.path), mend="Correct the path (data.sources)")
        format_of(source)


def _stems(sources: Iterable[SourceConfig]) -> Iterator[str]:
    """File stems; the second file of the same stem gets `stem~2`, so that generated ids stay unique."""
    seen: dict[str, int] = {}
    for source in sources:
        stem = source.path.stem
        seen[stem] = seen.get(stem, 0) + 1
        yield stem if seen[stem] == 1 else f"{stem}~{seen[stem]}"
