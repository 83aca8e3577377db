"""Texts to unit vectors, where a text that the embedder cannot read whole is left out and never cut."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from seekforge.engines.embed.protocol import Embedder


def embed_whole(embedder: Embedder, texts: Sequence[str]) -> NDArray[np.float16]:
    """Vectors of length 1.

    Returns:
        Shape (texts, dimension); zeros for a text that is empty, holds NUL or has more tokens than the embedder reads.
    """
    import numpy as np

    vectors = np.zeros((len(texts), embedder.dimension), np.float16)
    fitting = readable(embedder, texts)
    if fitting:
        vectors[fitting] = embedder.embed([texts[place] for place in fitting])
    return vectors


def readable(embedder: Embedder, texts: Sequence[str]) -> list[int]:
    """The places of the texts that it reads whole: neither empty nor with NUL in them, and not too long."""
    usable = [place for place, text in enumerate(texts) if text.strip() and "\0" not in text]
    counts = embedder.count([texts[place] for place in usable])
    return [place for place, count in zip(usable, counts, strict=True) if count <= embedder.longest]
