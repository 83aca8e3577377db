"""What every embedder refuses, and how vectors come to length 1."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from seekforge.core.errors import EngineError, InputError
from seekforge.engines.embed.protocol import Vectors


def check_texts(texts: Sequence[str], tokens: Sequence[int], longest: int, where: str = "input") -> None:
    """Refuses texts without content, texts with NUL and texts that the model would cut off.

    Args:
        texts: What is to be embedded.
        tokens: The number of tokens of each.
        longest: The most tokens that the model reads.
        where: What the texts are called where they came from.

    Raises:
        InputError: There is one; the first is named by its index.
    """
    for index, (text, count) in enumerate(zip(texts, tokens, strict=True)):
        place = where if len(texts) == 1 else f"{where}.{index}"
        if not text.strip():
            raise InputError("the text is empty", where=place)
        if "\x00" in text:
            raise InputError("must not hold the character NUL", where=place)
        if count > longest:
            raise InputError(
                f"the text has {count} tokens and the embedder reads {longest}", where=place, mend="Cut it into chunks"
            )


def unit(vectors: Vectors, name: str) -> Vectors:
    """The rows scaled to length 1.

    Raises:
        EngineError: A row is no vector of finite numbers, or has no length.
    """
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not np.all(np.isfinite(lengths)) or not np.all(lengths > 0):
        raise EngineError("the embedder gave a vector without a length", where=name)
    return np.asarray(vectors / lengths, dtype=np.float32)
