"""Whether a run fits and what would: the verdict, the proposals, and the line that a user sees."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.train.test_memory import GIB, LINEAR, QWEN2_7B, setups

from seekforge.core.config import TrainConfig
from seekforge.core.errors import ConfigError, ResourceError
from seekforge.core.families import FAMILIES
from seekforge.train.memory import Setup, predict
from seekforge.train.method import FEW, MANY, choose_method
from seekforge.train.packing import Row
from seekforge.train.plan import Device, check, check_positions, make_plan, propose, setup_of
from seekforge.train.shapes import shape_of

SHAPE = shape_of(QWEN2_7B)
H100 = Device("cuda", 79 * GIB)


def test_what_fits_passes() -> None:
    plan = make_plan(SHAPE, Setup("lora", 1, 1024, checkpointing=True, targets=LINEAR), H100)
    assert plan.fits
    assert not plan.proposals
    check(plan)
    assert plan.lines()[0] == "lora, batch 1, 1024 tokens, checkpointed"
    assert plan.lines()[-1] == "  fits: 79.0 GiB free on the cuda, 10% margin"


def test_what_does_not_fit_is_refused_with_what_does() -> None:
    plan = make_plan(SHAPE, Setup("lora", 8, 1024, targets=LINEAR), H100)
    with pytest.raises(ResourceError) as caught:
        check(plan)
    line = str(caught.value)
    assert line.startswith("train: lora with batch_size=8 and 1024 tokens needs ")
    assert "the cuda has 79.0 GiB free. These fit: train.batch_size=4 train.accumulate=2 (" in line
    assert "train.checkpointing=true (" in line
    assert "train.method=qlora" in line


def test_full_fine_tuning_that_does_not_fit_is_told_of_adapters() -> None:
    plan = make_plan(SHAPE, Setup("full", 8, 1024, targets=LINEAR), H100)
    settings = [dict(proposal.settings) for proposal in plan.proposals]
    assert {"precision": "bfloat16", "batch_size": 1, "accumulate": 8} in settings
    assert any(found.get("method") == "lora" for found in settings)
    assert not any(found.get("method") == "qlora" for found in make_cpu_proposals())


def make_cpu_proposals() -> list[dict[str, Any]]:
    plan = make_plan(SHAPE, Setup("full", 8, 1024, targets=LINEAR), Device("cpu", 60 * GIB))
    return [dict(proposal.settings) for proposal in plan.proposals]


def test_nothing_fits() -> None:
    with pytest.raises(ResourceError, match="Nothing fits here: take a smaller model or a larger device"):
        check(make_plan(SHAPE, Setup("full", 8, 1024, targets=LINEAR), Device("cpu", 2 * GIB)))


@given(setups, st.integers(1, 200))
def test_every_proposal_fits_and_keeps_the_records_of_a_step(setup: Setup, gib: int) -> None:
    device = Device("cuda", gib * GIB)
    for proposal in propose(SHAPE, setup, device):
        changed = {"batch" if key == "batch_size" else key: value for key, value in proposal.settings.items()}
        candidate = replace(setup, **changed)
        prediction = predict(SHAPE, candidate)
        assert device.holds(prediction)
        assert prediction.peak == proposal.peak
        assert candidate.batch * candidate.accumulate == setup.batch * setup.accumulate


def test_a_recipe_becomes_a_setup() -> None:
    config = TrainConfig.model_validate({"batch_size": 4, "lora": {"rank": 8}, "checkpointing": True})
    rows = [Row([1] * 10, [-100] * 7 + [1] * 3, [10]), Row([1] * 30, [-100] * 28 + [1] * 2, [30])]
    setup = setup_of(config, FAMILIES["qwen2"], Device("cpu", 1), rows)
    assert (setup.length, setup.answer, setup.padded, setup.rank, setup.kernels) == (30, 3, True, 8, False)
    assert setup_of(config, FAMILIES["qwen2"], H100).length == 1024
    with pytest.raises(ValueError, match="not settled"):
        setup_of(config.model_copy(update={"method": "auto"}), FAMILIES["qwen2"], H100)


def test_a_record_beyond_the_last_position_is_one_line() -> None:
    shape = shape_of({**QWEN2_7B, "max_position_embeddings": 16})
    check_positions(shape, [Row([1] * 32, [1] * 32, [16, 16])], "m")
    with pytest.raises(ConfigError) as caught:
        check_positions(shape, [Row([1] * 17, [1] * 17, [17])], "m")
    assert str(caught.value) == (
        "m: a record has 17 tokens, the model has 16 positions. "
        "Set train.max_length=16 and train.long=drop, or shorten it"
    )


@given(st.integers(0, 10**7), st.booleans())
def test_the_method_follows_the_records(records: int, fits: bool) -> None:
    choice = choose_method(records, fits)
    if records > MANY:
        assert choice.method == "full"
    elif records < FEW:
        assert choice.method == "lora"
    else:
        assert choice.method == ("full" if fits else "lora")
    assert choice.reason.startswith(f"{records:,} records, ")
