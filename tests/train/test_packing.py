"""Several records in one row: nothing is lost, nothing too long, and no record sees another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.engines import tiny

from seekforge.core.progress import Silent
from seekforge.engines.transformers import load_model, load_tokenizer
from seekforge.train.examples import IGNORED, Example
from seekforge.train.packing import PackedCollator, packs, rows_of
from seekforge.train.sft import total_steps, train

one_thread = pytest.fixture(scope="module", autouse=True)(tiny.one_thread)


@given(st.lists(st.integers(1, 64), max_size=60))
def test_packs_hold_everything_once_and_have_room(lengths: list[int]) -> None:
    groups = packs(lengths, 64)
    assert sorted(index for group in groups for index in group) == list(range(len(lengths)))
    fills = [sum(lengths[index] for index in group) for group in groups]
    assert all(fill <= 64 for fill in fills)
    # Best fit never leaves two packs that would go into one.
    assert all(a + b > 64 for at, a in enumerate(fills) for b in fills[at + 1 :])


def examples(seed: int, lengths: list[int]) -> list[Example]:
    import torch

    generator = torch.Generator().manual_seed(seed)
    made = []
    for length in lengths:
        ids = torch.randint(3, 600, (length,), generator=generator).tolist()
        made.append(Example(ids, [IGNORED, IGNORED, *ids[2:]]))
    return made


def losses(model: Any, batch: dict[str, Any]) -> Any:
    """Sum over each label, in the order of the rows."""
    import torch

    labels = batch.pop("labels")
    with torch.inference_mode():
        logits = model(**batch, use_cache=False).logits[:, :-1].float()
    wanted = labels[:, 1:] != IGNORED
    return torch.nn.functional.cross_entropy(logits[wanted], labels[:, 1:][wanted], reduction="none")


@pytest.mark.parametrize("kind", ["llama", "qwen2", "qwen3", "deepseek_v2", "deepseek_v3"])
def test_no_record_sees_another(kind: str, tmp_path: Path) -> None:
    import torch

    model = load_model(tiny.make(tmp_path, kind), "float32")
    made = examples(1, [20, 7, 30, 12, 9])
    rows = rows_of(made, 40)
    assert 1 < len(rows) < len(made)
    collate = PackedCollator(0)
    packed = losses(model, collate([as_row(row) for row in rows]))
    order = [index for group in packs([20, 7, 30, 12, 9], 40) for index in group]
    alone = [losses(model, collate([as_row(row)])) for row in rows_of([made[index] for index in order], None)]
    torch.testing.assert_close(packed, torch.cat(alone), atol=1e-4, rtol=1e-4)
    # The test can tell: with running positions, as one long text, the losses are others.
    crossed = collate([as_row(row) for row in rows])
    crossed["position_ids"] = torch.arange(crossed["input_ids"].shape[1]).expand_as(crossed["input_ids"])
    assert not torch.allclose(losses(model, crossed), torch.cat(alone), atol=1e-2)


def as_row(row: Any) -> dict[str, Any]:
    return {"input_ids": row.input_ids, "labels": row.labels, "seq_lengths": row.lengths}


def test_training_packed_learns_as_much_in_fewer_steps(tmp_path: Path) -> None:
    folder = tiny.make(tmp_path / "model", "qwen2")
    tokenizer = load_tokenizer(folder)
    settings: dict[str, Any] = {"epochs": 12, "learning_rate": 1e-2, "max_length": 64, "batch_size": 2}
    settings["overfit_tolerance"] = 1e9
    plain = tiny.job(tmp_path / "plain", tokenizer, "qwen2", tiny.records(24), **settings)
    packed = tiny.job(tmp_path / "packed", tokenizer, "qwen2", tiny.records(24), packing=True, **settings)
    assert total_steps(packed) <= total_steps(plain) / 2
    trained = train(load_model(folder), tokenizer, packed, Silent())
    assert trained.steps == total_steps(packed)
    assert trained.best_loss < 0.5 * trained.first_loss
