"""An embedder without a model: texts that share words are near each other, and it is as slow as a test wants it."""

from __future__ import annotations

import re
import time
import zlib
from collections.abc import Sequence

import numpy as np

from seekforge.core.errors import EngineError
from seekforge.engines.embed.checks import check_texts, unit
from seekforge.engines.embed.protocol import Purpose, Vectors

_WORD = re.compile(r"[\w]+|[^\w\s]")


class FakeEmbedder:
    """Counts words into hashed places; a word is a token.

    Args:
        dimension: Length of the vectors.
        longest: Longest text in words.
        matryoshka: Shorter lengths that clients may ask for.
        seconds: How long a batch takes.

    Attributes:
        batches: How many texts each call embedded.
        fails: Raise `EngineError` from now on.
    """

    def __init__(
        self, dimension: int = 64, longest: int = 512, matryoshka: Sequence[int] = (), seconds: float = 0.0
    ) -> None:
        self._dimension, self._longest, self._matryoshka = dimension, longest, tuple(matryoshka)
        self.seconds = seconds
        self.batches: list[int] = []
        self.fails = False

    @property
    def name(self) -> str:
        """Engine and model."""
        return "fake"

    @property
    def dimension(self) -> int:
        """Length of its vectors."""
        return self._dimension

    @property
    def matryoshka(self) -> tuple[int, ...]:
        """Shorter lengths that clients may ask for."""
        return self._matryoshka

    @property
    def longest(self) -> int:
        """Longest text in words."""
        return self._longest

    def count(self, texts: Sequence[str], purpose: Purpose = "passage") -> list[int]:
        """Words and signs, one more for the purpose."""
        return [len(_WORD.findall(text)) + 1 for text in texts]

    def embed(self, texts: Sequence[str], purpose: Purpose = "passage") -> Vectors:
        """Hashed words.

        Raises:
            InputError: As the protocol says.
            EngineError: It was told to fail, or is closed.
        """
        check_texts(texts, self.count(texts, purpose), self._longest)
        if self.fails:
            raise EngineError("the embedder has failed: as the script says", mend="Start a new one")
        self.batches.append(len(texts))
        time.sleep(self.seconds)
        vectors = np.zeros((len(texts), self._dimension), dtype=np.float32)
        for row, text in zip(vectors, texts, strict=True):
            row[0] = 0.1 if purpose == "query" else 0.2
            for word in _WORD.findall(text.lower()):
                row[zlib.crc32(word.encode()) % self._dimension] += 1
        return unit(vectors, self.name)

    def close(self) -> None:
        """Refuses all work from now on."""
        self.fails = True
