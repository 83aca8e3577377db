"""Any sentence-transformers model from a folder: BGE-M3, E5, MiniLM, GTE and the like."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from seekforge.core.config.environment import quiet_libraries
from seekforge.core.errors import EngineError, ModelError
from seekforge.core.models import read_config
from seekforge.engines.embed.checks import check_texts, unit
from seekforge.engines.embed.protocol import Prompts, Purpose, Vectors

_PASSAGE = ("passage", "document", "corpus")  # what the library's models call it
_UNLIMITED = 1 << 20  # tokenizers without a limit say 10^30
_BATCH = 32


class SentenceTransformersEmbedder:
    """Pools and normalises as the folder's `modules.json` says; prompts are the folder's own.

    Args:
        folder: A folder in the layout of sentence-transformers.
        prompts: What is put before queries and passages, in place of what the folder says.
        matryoshka: Shorter dimensions that the model was trained for.
        device: torch's name of the device; None takes a GPU where there is one.

    Raises:
        ModelError: The folder has no `modules.json`, or cannot be loaded.
    """

    def __init__(
        self,
        folder: Path,
        *,
        prompts: Prompts | None = None,
        matryoshka: Sequence[int] = (),
        device: str | None = None,
    ) -> None:
        if not (folder / "modules.json").is_file():
            raise ModelError(
                "no embedder: there is no modules.json, so nothing says how its vectors are pooled",
                where=str(folder),
                mend="Give a model in the layout of sentence-transformers",
            )
        self._folder = folder
        self._model: Any = _load(folder, device)
        self._dimension = int(self._model.get_embedding_dimension())
        self._longest = _longest(self._model, folder)
        self._prompts = prompts or _own_prompts(self._model.prompts)
        wrong = [length for length in matryoshka if not 0 < length < self._dimension]
        if wrong:
            raise ModelError(
                f"{wrong[0]} is no shorter dimension", where=str(folder), mend=f"Give some below {self._dimension}"
            )
        self._matryoshka = tuple(matryoshka)

    @property
    def name(self) -> str:
        """Engine and model."""
        return f"sentence-transformers {self._folder.name}"

    @property
    def dimension(self) -> int:
        """Length of its vectors."""
        return self._dimension

    @property
    def matryoshka(self) -> tuple[int, ...]:
        """Shorter dimensions that the model was trained for."""
        return self._matryoshka

    @property
    def longest(self) -> int:
        """Longest text in tokens."""
        return self._longest

    def count(self, texts: Sequence[str], purpose: Purpose = "passage") -> list[int]:
        """Tokens with the prompt."""
        if not texts:
            return []
        prompt = self._prompts.of(purpose)
        found = self._open().tokenizer([prompt + text for text in texts], truncation=False, padding=False)
        return [len(ids) for ids in found["input_ids"]]

    def embed(self, texts: Sequence[str], purpose: Purpose = "passage") -> Vectors:
        """As the model's own modules do.

        Raises:
            InputError: As the protocol says.
            EngineError: It is closed, or torch failed.
        """
        check_texts(texts, self.count(texts, purpose), self._longest)
        if not texts:
            return np.zeros((0, self._dimension), dtype=np.float32)
        try:
            vectors = self._open().encode(
                list(texts), prompt=self._prompts.of(purpose) or None, batch_size=_BATCH, show_progress_bar=False
            )
        except RuntimeError as error:  # torch's, out of memory for one
            raise EngineError(f"the embedder failed ({error})", where=self.name, mend="Start a new one") from error
        return unit(np.asarray(vectors, dtype=np.float32), self.name)

    def close(self) -> None:
        """Frees its memory."""
        self._model = None

    def _open(self) -> Any:  # noqa: ANN401  the library is loaded late
        if self._model is None:
            raise EngineError("the embedder is closed", mend="Start a new one")
        return self._model


def _load(folder: Path, device: str | None) -> Any:  # noqa: ANN401  the library is loaded late
    quiet_libraries()
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging

    logging.disable_progress_bar()
    try:
        model = SentenceTransformer(str(folder), device=device, local_files_only=True)
    except (OSError, ValueError, KeyError, RuntimeError, ImportError) as error:
        raise ModelError(
            f"cannot be loaded as an embedder ({error})", where=str(folder), mend="Fetch the model again"
        ) from error
    # Its default prompt would come on top of ours.
    model.default_prompt_name = None
    return model


def _longest(model: Any, folder: Path) -> int:  # noqa: ANN401  the library is loaded late
    """The least of what the folder, the tokenizer and the positions of the network allow."""
    config = read_config(folder)
    positions = int(config.get("max_position_embeddings") or _UNLIMITED)
    if config.get("model_type") in {"roberta", "xlm-roberta", "camembert"}:
        positions -= 2  # they count positions from the padding's on: BGE-M3 has 8194 for 8192 tokens
    said = (model.max_seq_length, getattr(model.tokenizer, "model_max_length", None), positions)
    return min(int(value) for value in said if value)


def _own_prompts(known: dict[str, str]) -> Prompts:
    passage = next((known[name] for name in _PASSAGE if known.get(name)), "")
    return Prompts(known.get("query") or "", passage)
