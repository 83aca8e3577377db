"""What all records of a batch begin with is computed once.

Records of one task share their system prompt, often a third of all tokens. Its keys and values do not depend on what
follows, so one pass over them serves every record of the batch, and their gradients are summed on the way back: the
same loss and the same gradients, up to the order in which sums are taken.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import Any

from torch import Tensor

from seekforge.train.examples import IGNORED
from seekforge.train.packing import Row

_LEAST = 16  # tokens; below, a second pass over the layers costs more than it saves


def shared_tokens(rows: Sequence[Row]) -> int:
    """Tokens that all rows begin with and on which there is no loss; 0 where too few or where rows are packs."""
    if len(rows) < 2 or any(len(row.lengths) > 1 for row in rows):
        return 0
    columns = zip(*(row.input_ids for row in rows), strict=False)
    common = sum(1 for _ in takewhile(lambda column: len(set(column)) == 1, columns))
    return _kept(common, min(_unlearnt(row.labels) for row in rows))


def shared_columns(inputs: Mapping[str, Tensor]) -> int:
    """The same of a batch: `input_ids` and `labels` of shape (records, tokens)."""
    ids, labels = inputs["input_ids"], inputs["labels"]
    if len(ids) < 2 or "position_ids" in inputs:
        return 0
    same = ((ids == ids[:1]) & (labels == IGNORED)).all(dim=0)
    return _kept(int(same.cumprod(dim=0).sum()), ids.shape[1])


def _unlearnt(labels: Sequence[int]) -> int:
    return next((index for index, label in enumerate(labels) if label != IGNORED), len(labels))


def _kept(common: int, unlearnt: int) -> int:
    """One token less than has no loss: the last one before an answer foretells its first token."""
    length = min(common, unlearnt) - 1
    return length if length >= _LEAST else 0


def share(model: Any, inputs: Mapping[str, Tensor], length: int) -> dict[str, Any]:  # noqa: ANN401
    """Computes the first columns once; returns what the model takes for the others.

    Args:
        model: A causal language model; it must not be checkpointed, for a layer that is computed again has no cache.
        inputs: `input_ids`, `labels` and `attention_mask` of shape (records, tokens), padded on the right.
        length: Columns that all records share.
    """
    ids = inputs["input_ids"]
    cache = model(input_ids=ids[:1, :length], use_cache=True, logits_to_keep=1).past_key_values
    cache.batch_repeat_interleave(len(ids))
    rest = {name: value[:, length:] for name, value in inputs.items() if name in ("input_ids", "labels")}
    return {**inputs, **rest, "past_key_values": cache}
