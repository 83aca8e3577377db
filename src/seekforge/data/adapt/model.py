"""The model behind an extension: its embedding tables, their new rows, and its loss on text."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seekforge.core.models import read_config
from seekforge.core.progress import Progress
from seekforge.data.adapt.align import Matrix
from seekforge.engines.transformers import fast_dtype, load_model

_BATCH = 8
_LONGEST = 400  # characters of a text that the loss is taken of: cut by characters, any tokenizer has the same text
_IGNORED = -100


class Tables:
    """The input embedding and the output head of a causal language model; one table where they are tied.

    Args:
        folder: A Hugging Face model folder.

    Raises:
        ModelError: The weights cannot be loaded.
    """

    def __init__(self, folder: Path) -> None:
        config = read_config(folder)
        self._stored = str(config.get("dtype") or config.get("torch_dtype") or "bfloat16")
        self.model: Any = load_model(folder, fast_dtype())
        self.tied = self._head() is self._input() or self._head() is None
        self.had = int(self._input().shape[0])

    @property
    def width(self) -> int:
        """Length of an embedding."""
        return int(self._input().shape[1])

    def tables(self) -> list[Any]:
        """The table or the two of them, as parameters."""
        return [self._input()] if self.tied else [self._input(), self._head()]

    @staticmethod
    def rows(table: Any, ids: Sequence[int]) -> Matrix:  # noqa: ANN401  a torch parameter
        """Rows of one table, shape (ids, width)."""
        found: Matrix = table.detach()[list(ids)].double().cpu().numpy()
        return found

    def grow(self, tokens: int) -> None:
        """Makes room for ids below `tokens`; tables that are padded to more keep their size."""
        if tokens > self.had:
            self.model.resize_token_embeddings(tokens, mean_resizing=False)

    def put(self, rows: Sequence[Mapping[int, NDArray[np.float64]]]) -> None:
        """Writes rows by id, one mapping for each table."""
        import torch

        with torch.no_grad():
            for table, found in zip(self.tables(), rows, strict=True):
                values = torch.from_numpy(np.stack(list(found.values())))
                table[list(found)] = values.to(table.dtype)

    def save(self, folder: Path) -> None:
        """Writes the weights in the precision that they came in."""
        import torch

        self.model.to(getattr(torch, self._stored)).save_pretrained(folder)

    def _input(self) -> Any:  # noqa: ANN401
        return self.model.get_input_embeddings().weight

    def _head(self) -> Any:  # noqa: ANN401
        head = self.model.get_output_embeddings()
        return None if head is None else head.weight


def cut(texts: Sequence[str]) -> list[str]:
    """The beginnings of the texts that the loss is taken of."""
    return [text[:_LONGEST] for text in texts]


def loss_per_character(
    model: Any,  # noqa: ANN401
    sequences: Sequence[Sequence[int]],
    characters: int,
    start: int,
    progress: Progress,
) -> float:
    """Negative log likelihood of texts in nats a character: comparable between tokenizers, as a token's is not.

    Args:
        model: A causal language model.
        sequences: The texts as ids.
        characters: In all texts.
        start: The id that stands before each text, so that its first token has a probability too.
        progress: Told how far it is.
    """
    lines = sorted(([start, *ids] for ids in sequences if ids), key=len)
    total = 0.0
    with progress.task("loss of held-out texts", len(lines)) as task:
        for first in range(0, len(lines), _BATCH):
            batch = lines[first : first + _BATCH]
            total += _loss(model, batch, start)
            task.advance(len(batch))
    return total / characters if characters else math.nan


def _loss(model: Any, batch: Sequence[Sequence[int]], padding: int) -> float:  # noqa: ANN401
    """Summed over the tokens of all lines, their first ones aside."""
    import torch

    length = max(map(len, batch))
    ids = torch.tensor([[*line, *[padding] * (length - len(line))] for line in batch])
    mask = torch.tensor([[1] * len(line) + [0] * (length - len(line)) for line in batch])
    with torch.inference_mode():
        logits = model(input_ids=ids, attention_mask=mask, use_cache=False).logits[:, :-1].float()
        wanted = torch.where(mask[:, 1:] == 1, ids[:, 1:], _IGNORED)
        loss = torch.nn.functional.cross_entropy(
            logits.flatten(0, 1), wanted.flatten(), ignore_index=_IGNORED, reduction="sum"
        )
    return float(loss)


def start_token(folder: Path, progress: Progress) -> int:
    """What stands before a text: the tokenizer's beginning token, else its end token, else id 0."""
    config = read_config(folder)
    for key in ("bos_token_id", "eos_token_id"):
        value = config.get(key)
        if value is not None:
            return int(value[0] if isinstance(value, list) else value)
    progress.say("the model names no beginning or end token: losses are taken after id 0")
    return 0
