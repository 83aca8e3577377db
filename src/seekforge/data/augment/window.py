"""How like its parent a new text is, and whether that is near enough and far enough."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from seekforge.core.config.augment import NGRAM, WindowConfig
from seekforge.data.semantic.vectors import readable
from seekforge.data.similarity import jaccard, shingles

if TYPE_CHECKING:
    from seekforge.engines.embed.protocol import Embedder

_PAIR = 2
_BATCH = 64


class Likeness:
    """Measures pairs of texts.

    Args:
        config: By what.
        embedder: In place of the one that the config names, for tests.
    """

    def __init__(self, config: WindowConfig, embedder: Embedder | None = None) -> None:
        self._config, self._embedder = config, embedder

    def open(self) -> None:
        """Loads the embedder, where there is one.

        Raises:
            ModelError: There is no such embedder.
        """
        if self._config.measure == NGRAM or self._embedder is not None:
            return
        from seekforge.core.config import environment
        from seekforge.core.progress import Silent
        from seekforge.engines.embed import open_embedder

        self._embedder = open_embedder(self._config.measure, environment(), Silent())

    def of(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        """The similarity of each pair, 0 to 1; texts that the embedder cannot read whole are measured by n-grams."""
        if self._embedder is None:
            return [by_ngrams(*pair) for pair in pairs]
        texts = list(dict.fromkeys(text for pair in pairs for text in pair))
        whole = [texts[place] for place in readable(self._embedder, texts)]
        vectors: dict[str, Any] = {}
        for start in range(0, len(whole), _BATCH):
            batch = whole[start : start + _BATCH]
            vectors.update(zip(batch, self._embedder.embed(batch), strict=True))
        return [
            float(min(1.0, max(0.0, vectors[one] @ vectors[other])))
            if one in vectors and other in vectors
            else by_ngrams(one, other)
            for one, other in pairs
        ]


def by_ngrams(one: str, other: str) -> float:
    """Jaccard similarity of the sets of character pairs, case and runs of white space aside."""
    return jaccard(shingles(one, _PAIR), shingles(other, _PAIR))


def outside(similarity: float, window: WindowConfig) -> tuple[str, str]:
    """Reason and kind where a similarity is not inside the window; both empty where it is."""
    name = "character pairs" if window.measure == NGRAM else window.measure
    if similarity < window.least:
        return f"{similarity:.3f} similar to its parent by {name} (least {window.least:g})", "too far from its parent"
    if similarity > window.most:
        return f"{similarity:.3f} similar to its parent by {name} (most {window.most:g})", "too near its parent"
    return "", ""
