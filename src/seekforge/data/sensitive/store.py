"""What was made of lists and ordinary text, on disk, so that it is made once."""

from __future__ import annotations

import os
from dataclasses import astuple, dataclass
from pathlib import Path

from seekforge.core.files import disk_errors
from seekforge.data.sensitive.ngrams import Weights
from seekforge.data.sensitive.train import Quality


@dataclass(frozen=True, slots=True)
class Known:
    """What is made of lists and ordinary text, and kept on disk.

    Attributes:
        words: Those that may decide, as written.
        symbols: Those that may decide with symbols between their characters.
        sounds: Those that may decide by their sound.
        weights: The classifier.
        quality: How good it is, and the limit.
    """

    words: tuple[str, ...]
    symbols: tuple[str, ...]
    sounds: tuple[str, ...]
    weights: Weights
    quality: Quality


def save(path: Path, known: Known) -> None:
    """Writes a file that a reader sees whole or not at all.

    Raises:
        ResourceError: There is no room, or no permission.
    """
    import numpy as np

    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        half = path.with_name(f"{path.stem}.{os.getpid()}.npz")
        np.savez(
            half,
            words=np.array(known.words, str),
            symbols=np.array(known.symbols, str),
            sounds=np.array(known.sounds, str),
            buckets=known.weights.buckets,
            bias=known.weights.bias,
            quality=astuple(known.quality),
        )
        half.replace(path)


def load(path: Path) -> Known:
    """The inverse of `save`."""
    import numpy as np

    with np.load(path, allow_pickle=False) as file:
        words, symbols, sounds = (tuple(file[name].tolist()) for name in ("words", "symbols", "sounds"))
        weights = Weights(file["buckets"], float(file["bias"]))
        return Known(words, symbols, sounds, weights, Quality(*file["quality"].tolist()))
