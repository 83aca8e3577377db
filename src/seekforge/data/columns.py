"""Columns of numbers and text on disk: written shard by shard, put together once, read through a memory map."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence, Sized
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from seekforge.data.ops.protocol import Ragged

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_BOUNDS = ".bounds"


class Strings(Sequence[str]):
    """Texts end to end as UTF-8, each decoded when it is asked for.

    Args:
        column: Of bytes, as `encoded` makes it.
    """

    def __init__(self, column: Ragged) -> None:
        self._column = column

    def __len__(self) -> int:
        """How many."""
        return len(self._column)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        """One text, or a list of some."""
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        return self._column[index % len(self)].tobytes().decode("utf-8", "surrogatepass")


class Optional(Sequence[str | None]):
    """Texts of which an empty one stands for none."""

    def __init__(self, texts: Strings) -> None:
        self._texts = texts

    def __len__(self) -> int:
        """How many."""
        return len(self._texts)

    @overload
    def __getitem__(self, index: int) -> str | None: ...
    @overload
    def __getitem__(self, index: slice) -> list[str | None]: ...
    def __getitem__(self, index: int | slice) -> str | list[str | None] | None:
        """One text or none, or a list of some."""
        if isinstance(index, slice):
            return [text or None for text in self._texts[index]]
        return self._texts[index] or None


def encoded(texts: Iterable[str]) -> Ragged:
    """Texts as one column of bytes."""
    import numpy as np

    parts = [text.encode("utf-8", "surrogatepass") for text in texts]
    return Ragged(np.frombuffer(b"".join(parts), np.uint8), bounds(parts))


def bounds(parts: Sequence[Sized]) -> NDArray[np.int64]:
    """Where each part begins when they stand end to end, and the end of the last; shape (parts + 1,)."""
    import numpy as np

    ends = np.zeros(len(parts) + 1, np.int64)
    np.cumsum([len(part) for part in parts], out=ends[1:])
    return ends


def hashed(texts: Sequence[str]) -> NDArray[Any]:
    """128-bit hashes of texts, shape (texts, 2), uint64."""
    import numpy as np

    digests = [hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest() for text in texts]
    return np.frombuffer(b"".join(digests), np.uint64).reshape(-1, 2)


def save(path: Path, columns: Mapping[str, NDArray[Any] | Ragged]) -> None:
    """Writes the columns of one shard into one file, atomically."""
    import numpy as np

    arrays: dict[str, NDArray[Any]] = {}
    for name, column in columns.items():
        if isinstance(column, Ragged):
            arrays[name], arrays[name + _BOUNDS] = column.values, column.bounds
        else:
            arrays[name] = column
    scratch = path.with_name(f".{path.name}")
    with scratch.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]  # its other parameters are never meant
    scratch.replace(path)


def stack(parts: Iterable[Mapping[str, NDArray[Any] | Ragged]]) -> dict[str, NDArray[Any] | Ragged]:
    """The columns of several batches, one under the other, in memory."""
    import numpy as np

    found = list(parts)
    stacked: dict[str, NDArray[Any] | Ragged] = {}
    for name in found[0]:
        columns = [part[name] for part in found]
        ragged = [column for column in columns if isinstance(column, Ragged)]
        if ragged:
            ends = np.cumsum([0, *(column.bounds[-1] for column in ragged)])
            later = [column.bounds[1:] + end for column, end in zip(ragged, ends[:-1], strict=True)]
            stacked[name] = Ragged(np.concatenate([column.values for column in ragged]), np.concatenate([[0], *later]))
        else:
            stacked[name] = np.concatenate([column for column in columns if not isinstance(column, Ragged)])
    return stacked


def gather(parts: Sequence[Path], folder: Path, prefix: str = "") -> dict[str, NDArray[Any] | Ragged]:
    """The columns of all shards as one, mapped from files in `folder`; one shard is in memory at a time.

    Args:
        parts: The shards' files, of `save`, in order.
        folder: Where the files go.
        prefix: Only columns whose names begin with it; it is taken off.
    """
    import numpy as np

    folder.mkdir(parents=True, exist_ok=True)
    with np.load(parts[0]) as first:
        names = [name for name in first.files if name.startswith(prefix)]
    found: dict[str, NDArray[Any]] = {}
    for name in names:
        found[name[len(prefix) :]] = _gathered(parts, name, folder / f"{name.replace('/', '-')}.bin")
    columns: dict[str, NDArray[Any] | Ragged] = {}
    for name, array in found.items():
        if not name.endswith(_BOUNDS):
            places = found.get(name + _BOUNDS)
            columns[name] = array if places is None else Ragged(array, places)
    return columns


def _gathered(parts: Sequence[Path], name: str, path: Path) -> NDArray[Any]:
    """One array of all shards in one file; bounds go on counting where the shard before has ended."""
    import numpy as np

    rows, end = 0, 0
    dtype, width = np.dtype(np.int64), ()
    with path.open("wb") as file:
        for number, array in enumerate(_arrays(parts, name)):
            if len(array) or not rows:
                assert not rows or (dtype, width) == (array.dtype, array.shape[1:]), f"{name}: another type or width"
                dtype, width = array.dtype, array.shape[1:]  # what an op makes of no record may be of another type
            if name.endswith(_BOUNDS):
                array, end = (array if number == 0 else array[1:]) + end, end + int(array[-1])
            rows += len(array)
            file.write(np.ascontiguousarray(array).data)
    shape = (rows, *width)
    if not rows or not path.stat().st_size:
        return np.empty(shape, dtype)
    return np.memmap(path, dtype, "r", shape=shape)


def _arrays(parts: Sequence[Path], name: str) -> Iterator[NDArray[Any]]:
    import numpy as np

    for path in parts:
        with np.load(path) as file:
            yield file[name]


def column_of(parts: Sequence[Path], name: str) -> NDArray[Any]:
    """One array of all shards, in memory: for narrow columns."""
    import numpy as np

    return np.concatenate(list(_arrays(parts, name)))
