"""The head of a GGUF file: enough to say what the file is and whether all of it is there.

Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. `gguf.GGUFReader` makes a Python object of every
token and every merge, 2 s for 49,152 tokens where this takes 0.03 s; an endpoint that comes back from a crash cannot
wait for that. The check is no luxury: OpenVINO GenAI 2026.4 dies of a segmentation fault on a file that was cut off.
"""

from __future__ import annotations

import math
import mmap
import struct
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from seekforge.core.errors import ModelError

# Scalar value types of the format, by their number; 8 is a string and 9 an array.
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9
_CONTROL = 3  # in `tokenizer.ggml.token_type`
_VERSIONS = (2, 3)
Parsed = TypeVar("Parsed")
_ALIGNMENT = 32


@dataclass(frozen=True, slots=True)
class GgufHeader:
    """What a GGUF file says about itself.

    Attributes:
        architecture: `llama`, `qwen2` ...
        context_length: Longest sequence in tokens.
        vocabulary: How many tokens there are.
        end_tokens: Ids that end a turn or a text, as far as the file names them.
        control_tokens: Ids that stand for no text (`<|im_start|>`).
        tokenizer: `gpt2` for byte-level BPE, `llama` for SentencePiece ...
        quantisation: The tensor type that most weights have (`Q8_0`).
        types: All tensor types in the file.
    """

    architecture: str
    context_length: int
    vocabulary: int
    end_tokens: frozenset[int]
    control_tokens: frozenset[int]
    tokenizer: str
    quantisation: str
    types: frozenset[str]


@dataclass(frozen=True, slots=True)
class GgufTensor:
    """Where one tensor lies in a file.

    Attributes:
        name: In GGUF's words (`blk.0.ffn_down.weight`).
        shape: As numpy has it: rows first.
        kind: Its type (`Q8_0`).
        offset: Of its first byte in the file.
        bytes: Its size in the file.
    """

    name: str
    shape: tuple[int, ...]
    kind: str
    offset: int
    bytes: int


def read_header(path: Path) -> GgufHeader:
    """Reads the head and checks that the last tensor lies within the file.

    Raises:
        ModelError: Missing, not GGUF, cut off, or without the fields that every model has.
    """
    if not path.is_file():
        raise ModelError("no such GGUF file", where=str(path), mend="Check the path")
    if path.stat().st_size < 24:
        raise ModelError("not a GGUF file", where=str(path), mend="Give a .gguf file")
    return _opened(path, _parse)


def read_metadata(path: Path) -> dict[str, Any]:
    """All of the head's values by their keys, tokens and merges included: a list of texts where `read_header` counts.

    Raises:
        ModelError: As `read_header`, tensors aside.
    """
    return _opened(path, lambda data: _pairs(_Cursor(data, texts=True))[0])


def read_tensors(path: Path) -> list[GgufTensor]:
    """All tensors, in the file's order.

    Raises:
        ModelError: As `read_header`.
    """

    def parse(data: mmap.mmap) -> list[GgufTensor]:
        cursor = _Cursor(data)
        meta, tensors = _pairs(cursor)
        return _tensors(cursor, tensors, int(meta.get("general.alignment", _ALIGNMENT)), len(data))

    return _opened(path, parse)


def _opened(path: Path, parse: Callable[[mmap.mmap], Parsed]) -> Parsed:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if data[:4] != b"GGUF":
            raise ModelError("not a GGUF file", where=str(path), mend="Give a .gguf file")
        try:
            return parse(data)
        except (struct.error, IndexError, KeyError, ValueError, UnicodeDecodeError, OverflowError) as error:
            raise ModelError(
                f"a broken GGUF file ({error})",
                where=str(path),
                mend="Fetch or make the file again; it may have been cut off",
            ) from error


class _Cursor:
    def __init__(self, data: mmap.mmap, *, texts: bool = False) -> None:
        self._data, self.at, self._texts = data, 4, texts

    def scalar(self, kind: str) -> Any:  # noqa: ANN401  any of the format's scalars
        value = struct.unpack_from("<" + kind, self._data, self.at)[0]
        self.at += struct.calcsize(kind)
        return value

    def text(self) -> str:
        length = self.scalar("Q")
        if self.at + length > len(self._data):
            raise ValueError("a text runs past the end of the file")
        self.at += length
        return self._data[self.at - length : self.at].decode("utf-8")

    def value(self, kind: int) -> Any:  # noqa: ANN401  any of the format's values
        """The value; of an array of texts its length only, unless the texts are wanted."""
        if kind == _STRING:
            return self.text()
        return self._array() if kind == _ARRAY else self.scalar(_SCALARS[kind])

    def _array(self) -> int | tuple[Any, ...] | list[str]:
        kind, count = self.scalar("I"), self.scalar("Q")
        if count > len(self._data):
            raise ValueError("an array runs past the end of the file")
        if kind != _STRING:
            form = f"<{count}{_SCALARS[kind]}"
            self.at += struct.calcsize(form)
            return struct.unpack_from(form, self._data, self.at - struct.calcsize(form))
        if self._texts:
            return [self.text() for _ in range(count)]
        for _ in range(count):
            self.at += struct.unpack_from("<Q", self._data, self.at)[0] + 8
        return int(count)


def _pairs(cursor: _Cursor) -> tuple[dict[str, Any], int]:
    """The values by their keys, and how many tensors follow."""
    version, tensors, pairs = cursor.scalar("I"), cursor.scalar("Q"), cursor.scalar("Q")
    if version not in _VERSIONS:
        raise ValueError(f"version {version} is not one of 2, 3")
    meta: dict[str, Any] = {}
    for _ in range(pairs):
        key = cursor.text()
        meta[key] = cursor.value(cursor.scalar("I"))
    return meta, tensors


def _parse(data: mmap.mmap) -> GgufHeader:
    cursor = _Cursor(data)
    meta, tensors = _pairs(cursor)
    sizes: Counter[str] = Counter()
    for tensor in _tensors(cursor, tensors, int(meta.get("general.alignment", _ALIGNMENT)), len(data)):
        sizes[tensor.kind] += math.prod(tensor.shape)
    arch = meta["general.architecture"]
    ends = {meta[key] for key in ("tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id") if key in meta}
    return GgufHeader(
        architecture=arch,
        context_length=meta[f"{arch}.context_length"],
        vocabulary=meta["tokenizer.ggml.tokens"],
        end_tokens=frozenset(ends),
        control_tokens=frozenset(i for i, kind in enumerate(meta["tokenizer.ggml.token_type"]) if kind == _CONTROL),
        tokenizer=meta["tokenizer.ggml.model"],
        quantisation=sizes.most_common(1)[0][0],
        types=frozenset(sizes),
    )


def _tensors(cursor: _Cursor, tensors: int, alignment: int, size: int) -> list[GgufTensor]:
    """What lies in the file; raises ValueError when a tensor ends behind the file's end."""
    from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType

    found: list[GgufTensor] = []
    for _ in range(tensors):
        name = cursor.text()
        shape = tuple(int(cursor.scalar("Q")) for _ in range(cursor.scalar("I")))[::-1]
        kind, offset = GGMLQuantizationType(cursor.scalar("I")), cursor.scalar("Q")
        block, block_bytes = GGML_QUANT_SIZES[kind]
        found.append(GgufTensor(name, shape, kind.name, offset, math.prod(shape) // block * block_bytes))
    if not found:
        raise ValueError("no tensors")
    start = (cursor.at + alignment - 1) // alignment * alignment
    end = start + max(tensor.offset + tensor.bytes for tensor in found)
    if end > size:
        raise ValueError(f"{size} bytes where {end} should be")
    return [replace(tensor, offset=start + tensor.offset) for tensor in found]
