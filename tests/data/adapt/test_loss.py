"""The loss a character: of known probabilities, whatever the batch."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import pytest

from seekforge.core.progress import Silent
from seekforge.data.adapt.model import cut, loss_per_character


def uniform(input_ids: Any, **_: Any) -> Any:
    """A model that knows nothing, of 7 tokens."""
    import torch

    return SimpleNamespace(logits=torch.zeros(*input_ids.shape, 7))


def test_a_model_that_knows_nothing() -> None:
    sequences = [[1, 2, 3], [4], [], *[[5, 6]] * 9]  # more than a batch, of several lengths
    loss = loss_per_character(uniform, sequences, characters=11, start=0, progress=Silent())
    assert loss == pytest.approx(22 * math.log(7) / 11)


def test_texts_are_cut_by_characters() -> None:
    assert [len(text) for text in cut(["a" * 1000, "b"])] == [400, 1]
