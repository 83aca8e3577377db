"""From which cosine on two texts are the same to an embedder: precision and recall of pairs at each threshold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seekforge.core.progress import Progress
from seekforge.data.semantic.guard import objection, signature
from seekforge.data.semantic.pairs import Pair, Synonyms, make_pairs
from seekforge.data.semantic.vectors import embed_whole

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from seekforge.engines.embed.protocol import Embedder

_BATCH = 32
_STEPS = 1000  # thresholds are thousandths


@dataclass(frozen=True, slots=True)
class Scored:
    """A pair, its cosine, and whether the guard keeps both whatever the cosine."""

    pair: Pair
    cosine: float
    is_kept: bool


@dataclass(frozen=True, slots=True)
class Row:
    """What a threshold does.

    Attributes:
        threshold: Least cosine.
        merged: Pairs that it merges.
        wrong: Those of them that are not the same.
        same: All pairs that are the same.
    """

    threshold: float
    merged: int
    wrong: int
    same: int

    @property
    def precision(self) -> float:
        """Of the merged pairs those that are the same, 0 to 1; 1 where nothing is merged."""
        return 1.0 if not self.merged else 1 - self.wrong / self.merged

    @property
    def recall(self) -> float:
        """Of the pairs that are the same those that are merged, 0 to 1."""
        return (self.merged - self.wrong) / self.same


def score_given(embedder: Embedder, pairs: Sequence[Pair], progress: Progress) -> list[Scored]:
    """Scores labelled pairs."""
    texts = list(dict.fromkeys(text for pair in pairs for text in (pair.one, pair.other)))
    return score(pairs, texts, embed_all(embedder, texts, progress))


def score_made(
    embedder: Embedder, texts: Sequence[str], synonyms: Synonyms, progress: Progress, seed: int = 7
) -> list[Scored]:
    """Scores paraphrases and hard negatives made from texts, and the nearest neighbours among the texts.

    Args:
        embedder: What is calibrated.
        texts: No two of them the same.
        synonyms: For the paraphrases; may be empty.
        progress: Told how far the embedding is.
        seed: Of the pairs.
    """
    pairs = make_pairs(texts, synonyms, seed)
    every = list(dict.fromkeys([*texts, *(pair.other for pair in pairs)]))
    vectors = embed_all(embedder, every, progress)
    return score([*pairs, *neighbours(texts, vectors[: len(texts)])], every, vectors)


def embed_all(embedder: Embedder, texts: Sequence[str], progress: Progress) -> NDArray[np.float16]:
    """Shape (texts, dimension); zeros for a text that the embedder cannot read whole."""
    import numpy as np

    vectors = np.zeros((len(texts), embedder.dimension), np.float16)
    with progress.task(f"embed {len(texts):,} texts", len(texts)) as task:
        for start in range(0, len(texts), _BATCH):
            batch = texts[start : start + _BATCH]
            vectors[start : start + _BATCH] = embed_whole(embedder, batch)
            task.advance(len(batch))
    return vectors


def neighbours(texts: Sequence[str], vectors: NDArray[np.float16]) -> list[Pair]:
    """Each text with the one of the others that is nearest to it: the likeliest to be merged wrongly.

    Args:
        texts: No two of them the same; a sample, for all are compared with all.
        vectors: Theirs.
    """
    import numpy as np

    if len(texts) < 2:
        return []
    cosines = vectors.astype(np.float32) @ vectors.astype(np.float32).T
    np.fill_diagonal(cosines, -1)
    found = {tuple(sorted((row, int(other)))) for row, other in enumerate(cosines.argmax(axis=1))}
    return [Pair(texts[one], texts[other], False, "neighbour") for one, other in sorted(found)]


def score(pairs: Sequence[Pair], texts: Sequence[str], vectors: NDArray[np.float16]) -> list[Scored]:
    """Cosines and the guard's word.

    Args:
        pairs: Of texts that stand in `texts`.
        texts: What was embedded.
        vectors: Theirs.
    """
    import numpy as np

    place = {text: row for row, text in enumerate(texts)}
    signatures = {text: signature(text) for pair in pairs for text in (pair.one, pair.other)}
    found = []
    for pair in pairs:
        one, other = (vectors[place[text]].astype(np.float32) for text in (pair.one, pair.other))
        is_kept = objection(signatures[pair.one], signatures[pair.other]) is not None
        found.append(Scored(pair, min(float(one @ other), 1.0), is_kept))
    return found


def rows(scored: Sequence[Scored], guard: bool = True) -> Iterator[Row]:
    """A row for each thousandth from the least cosine to 1."""
    same = sum(item.pair.same for item in scored)
    lowest = min((item.cosine for item in scored), default=1.0)
    counted = [item for item in scored if not (guard and item.is_kept)]
    for step in range(max(1, int(lowest * _STEPS)), _STEPS + 1):
        threshold = step / _STEPS
        merged = [item for item in counted if item.cosine >= threshold]
        yield Row(threshold, len(merged), sum(not item.pair.same for item in merged), same)


def choose(table: Sequence[Row], precision: float) -> Row | None:
    """The row of the best recall that has the precision and merges anything; of several the highest threshold."""
    fitting = [row for row in table if row.precision >= precision and row.merged > row.wrong]
    return max(fitting, key=lambda row: (row.recall, row.threshold), default=None)
