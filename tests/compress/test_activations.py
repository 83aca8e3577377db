"""Steps of activations: what they cover, that columns of unlike size all keep their precision, and the command."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.engines import tiny
from typer.testing import CliRunner

from seekforge.cli.app import app
from seekforge.compress import activations
from seekforge.compress.activations import activation_steps
from seekforge.compress.stage import calibration_records, steps_for
from seekforge.core.progress import Silent
from seekforge.engines.gguf_header import read_metadata
from seekforge.engines.int8_inputs import STEP_KEY
from seekforge.engines.transformers import load_model, load_tokenizer


@pytest.mark.parametrize("kind", ["llama", "qwen2", "qwen3"])
def test_nothing_that_was_seen_is_cut_off(kind: str, tmp_path: Path) -> None:
    folder, records = tiny.make(tmp_path, kind), tiny.records(12)
    steps = activation_steps(folder, records, Silent())
    names = [f"blk.{n}.{layer}" for n in range(2) for layer in ("attn_q", "attn_output", "ffn_gate")]
    assert list(steps) == [*names, "output"]
    model, tokenizer = load_model(folder, "float32"), load_tokenizer(folder)
    largest: list[float] = []

    def look(_: object, arguments: tuple[torch.Tensor, ...]) -> None:
        largest.append(float((arguments[0].detach().abs() / torch.from_numpy(steps["blk.1.ffn_gate"])).max()))

    model.model.layers[1].mlp.gate_proj.register_forward_pre_hook(look)
    for record in records:
        text = tokenizer.apply_chat_template([m.to_dict() for m in record.messages], tokenize=False)
        model(input_ids=torch.tensor([tokenizer.encode(text, add_special_tokens=False)]))
    assert 20 < max(largest) < 127 / 1.2, "there is room above the largest, and not too much of it"


def test_columns_of_unlike_size_all_keep_their_precision() -> None:
    torch.manual_seed(0)
    sizes = torch.logspace(-2, 2, 64)
    rows, weight = torch.randn(256, 64) * sizes, torch.randn(96, 64) / sizes
    heard = activations._Input(rows.abs().amax(dim=0), [rows])
    step = activations._step(heard, [weight[:40], weight[40:]])

    def error(step: torch.Tensor) -> float:
        whole = (rows / step).round().clamp(-127, 127)
        found = whole @ activations._rounded(weight * step).T
        return float((found - rows @ weight.T).norm() / (rows @ weight.T).norm())

    one_for_all = rows.abs().max() / 127 * torch.ones(64)
    assert error(step) < 0.02 < 0.3 < error(one_for_all)


def test_a_column_that_is_always_zero_has_a_step_all_the_same() -> None:
    rows = torch.randn(32, 8)
    rows[:, 3] = 0
    step = activations._step(activations._Input(rows.abs().amax(dim=0), [rows]), [torch.zeros(4, 8)])
    assert torch.isfinite(step).all() and (step > 0).all()


def test_only_int8_needs_steps_and_none_are_made_of_nothing(tmp_path: Path) -> None:
    records = tiny.records(4)
    for file_format, given in (("F16", records), ("Q4_0", records), ("Q8_0", [])):
        assert steps_for(tmp_path / "never read", file_format, given, Silent()) == {}
    assert [r.id for r in calibration_records(records, 2)] == [records[0].id, records[2].id]
    assert calibration_records(records, 9) == records and calibration_records(records, 0) == []


def test_the_command_takes_records_and_says_what_is_wrong_with_them(tmp_path: Path) -> None:
    folder, data = tiny.make(tmp_path / "m", "llama"), tmp_path / "records.jsonl"
    data.write_text("".join(json.dumps({"instruction": f"问 {n}", "output": "答"}) + "\n" for n in range(5)))
    arguments = ["compress", str(folder), "--out", str(tmp_path / "out"), "--format", "Q8_0", "--calibration"]
    assert CliRunner().invoke(app, [*arguments, str(data)]).exit_code == 0
    steps = [k for k in read_metadata(tmp_path / "out" / "model-q8_0.gguf") if k.startswith(STEP_KEY)]
    assert len(steps) == 7
    missing = CliRunner().invoke(app, [*arguments, str(tmp_path / "no.jsonl")])
    assert missing.exit_code != 0 and not isinstance(missing.exception, AssertionError)
    assert np.isfinite(read_metadata(tmp_path / "out" / "model-q8_0.gguf")[steps[0]]).all()
