"""What all records begin with is computed once: the same loss, the same gradients."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.engines import tiny
from trl.trainer.utils import add_fused_lm_head

from seekforge.core.config import LoraSettings
from seekforge.core.families import FAMILIES
from seekforge.engines.transformers import load_model
from seekforge.train.adapters import attach
from seekforge.train.examples import IGNORED
from seekforge.train.fused import fuse
from seekforge.train.packing import Row
from seekforge.train.prefix import share, shared_columns, shared_tokens
from seekforge.train.trainer import _answers_only, _fused_head

PREFIX = list(range(5, 45))
Head = Callable[..., tuple[torch.Tensor, Any]]


def batch(rows: list[Row], pad: int = 2) -> dict[str, torch.Tensor]:
    """As TRL's collator makes it."""
    width = max(len(row.input_ids) for row in rows)
    rest = [width - len(row.input_ids) for row in rows]
    return {
        "input_ids": torch.tensor([row.input_ids + [pad] * n for row, n in zip(rows, rest, strict=True)]),
        "labels": torch.tensor([row.labels + [IGNORED] * n for row, n in zip(rows, rest, strict=True)]),
        "attention_mask": torch.tensor([[1] * (width - n) + [0] * n for n in rest]),
    }


def row(prefix: list[int], question: list[int], answer: list[int]) -> Row:
    ids = prefix + question + answer
    return Row(ids, [IGNORED] * (len(ids) - len(answer)) + answer, [len(ids)])


ROWS = [row(PREFIX, [50 + i] * (3 + i), [90 + i, 91, 92][: 1 + i % 3]) for i in range(4)]


KINDS = ("llama", "qwen2", "qwen3", "deepseek_v2_lite", "deepseek_v2", "deepseek_v3")
WAYS: list[tuple[str, str, Head]] = [(kind, method, _answers_only) for kind in KINDS for method in ("lora", "full")]
WAYS.append(("llama", "lora", _fused_head))  # the head that a GPU uses


@pytest.mark.parametrize(("kind", "method", "head"), WAYS)
def test_loss_and_gradients_are_those_of_whole_records(kind: str, method: str, head: Head, tmp_path: Path) -> None:
    model, whole = trainable(tmp_path, kind, method), batch(ROWS)
    length = shared_columns(whole)
    assert length == len(PREFIX) - 1
    loss, gradients = loss_and_gradients(model, head, whole)
    same_loss, same_gradients = loss_and_gradients(model, head, share(model, whole, length))
    assert same_loss == pytest.approx(loss, rel=1e-5)
    assert gradients.norm() > 0
    assert (same_gradients - gradients).norm() < 1e-4 * gradients.norm()


def trainable(folder: Path, kind: str, method: str) -> Any:
    torch.manual_seed(3)
    model = load_model(tiny.make(folder / "m", kind), "float32")
    add_fused_lm_head(model)
    if method == "lora":
        model = attach(model, FAMILIES[model.config.model_type], LoraSettings(rank=4))
        fuse(model)
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                torch.nn.init.normal_(parameter, std=0.05)
    return model.train()


def loss_and_gradients(model: Any, head: Head, inputs: dict[str, Any]) -> tuple[float, torch.Tensor]:
    model.zero_grad()
    loss, _ = head(model, inputs)
    torch.autograd.backward(loss)
    return loss.item(), torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])


@given(
    st.lists(
        st.tuples(
            st.integers(0, 60), st.lists(st.integers(3, 6), max_size=40), st.lists(st.integers(3, 6), min_size=1)
        ),
        min_size=1,
        max_size=6,
    )
)
def test_nothing_that_differs_or_is_learnt_is_shared(parts: list[tuple[int, list[int], list[int]]]) -> None:
    rows = [row(list(range(5, 5 + n)), question, answer) for n, question, answer in parts]
    shared = shared_tokens(rows)
    assert shared == shared_columns(batch(rows, pad=3))
    assert shared == 0 or shared >= 16
    for one in rows if shared else []:
        assert one.input_ids[:shared] == rows[0].input_ids[:shared]
        assert set(one.labels[: shared + 1]) <= {IGNORED}


def test_one_record_or_a_pack_shares_nothing() -> None:
    assert shared_tokens(ROWS[:1]) == 0
    assert shared_columns(batch(ROWS[:1])) == 0
    packed = [Row(r.input_ids * 2, r.labels * 2, r.lengths * 2) for r in ROWS]
    assert shared_tokens(packed) == 0
    assert shared_columns({**batch(ROWS), "position_ids": torch.zeros(1)}) == 0
