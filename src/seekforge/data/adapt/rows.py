"""The first embeddings of new tokens: the mean of their pieces', and what their neighbours in the domain's text say."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seekforge.core.errors import DataError
from seekforge.data.adapt.align import Alignment, Matrix, align, unit, word_vectors
from seekforge.data.adapt.ngrams import is_han

Rows = Callable[[Sequence[int]], Matrix]  # ids to their rows of an embedding, shape (ids, d)
FEWEST_ANCHORS = 50
_DIMENSIONS = 100
_ANCHORS_A_DIMENSION = 2


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Domain vectors of anchors and new tokens.

    Attributes:
        anchors: Ids of words that had a token before.
        anchor_vectors: Shape (anchors, k).
        vectors: By new id; a token too rare in the text has none.
    """

    anchors: tuple[int, ...]
    anchor_vectors: Matrix
    vectors: Mapping[int, NDArray[np.float64]]


def of_pieces(pieces: Mapping[int, Sequence[int]], rows: Rows) -> dict[int, NDArray[np.float64]]:
    """The mean of the pieces' rows, by new id."""
    return {number: rows(parts).mean(axis=0) for number, parts in pieces.items()}


def neighbours(
    sequences: Sequence[Sequence[int]], new: Sequence[int], text_of: Callable[[int], str], most: int
) -> Neighbours:
    """Domain vectors from texts as ids of the extended tokenizer.

    Args:
        sequences: The texts.
        new: Ids of the new tokens.
        text_of: The text of an id.
        most: Dimensions of the embedding that they will be turned into.

    Raises:
        DataError: Too few words of the text are single tokens.
    """
    places, vectors = word_vectors(sequences, dimensions=min(_DIMENSIONS, most))
    fresh = frozenset(new)
    anchors = tuple(token for token in places if token not in fresh and is_word(text_of(token)))
    if len(anchors) < FEWEST_ANCHORS:
        raise DataError(
            f"{len(anchors)} words of the text are single tokens, and alignment needs {FEWEST_ANCHORS}",
            where="--align",
            mend="Give more text, or leave --align out",
        )
    k = min(vectors.shape[1], len(anchors) // _ANCHORS_A_DIMENSION)
    vectors = unit(vectors[:, :k])
    return Neighbours(
        anchors, vectors[[places[t] for t in anchors]], {t: vectors[places[t]] for t in new if t in places}
    )


def blended(
    means: Mapping[int, NDArray[np.float64]], near: Neighbours, rows: Rows, weight: float
) -> tuple[dict[int, NDArray[np.float64]], Alignment]:
    """Mean of the pieces and aligned vector, the latter with `weight`; and the alignment that was learnt."""
    turn = align(near.anchor_vectors, rows(near.anchors))
    found = dict(means)
    for number, vector in near.vectors.items():
        found[number] = (1 - weight) * means[number] + weight * turn(vector[None])[0]
    return found, turn


def is_word(text: str) -> bool:
    """Whether a token's text is a whole word: Chinese characters, or a space and letters.

    >>> is_word(" margin"), is_word("保"), is_word("argin"), is_word(" m")
    (True, True, False, False)
    """
    if text and all(map(is_han, text)):
        return True
    return len(text) > 2 and text[0] == " " and text[1:].isalpha()
