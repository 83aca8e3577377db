"""A run that diverges goes back once, with half the rate, and then stops with the reason."""

from __future__ import annotations

import json
import math
import re
import statistics
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.engines import tiny

from seekforge.core.errors import SeekforgeError
from seekforge.core.progress import Silent
from seekforge.engines.transformers import load_model, load_tokenizer
from seekforge.train import trainer
from seekforge.train.guard import WINDOW, diverged
from seekforge.train.sft import Job, train

one_thread = pytest.fixture(scope="module", autouse=True)(tiny.one_thread)
LOSSES = st.lists(st.floats(0.0, 12.0), min_size=1, max_size=30)


@given(LOSSES, st.floats(1.5, 10.0))
def test_a_spike_is_far_above_what_came_before(losses: list[float], factor: float) -> None:
    *before, latest = losses
    reason = diverged(losses, factor)
    median = statistics.median(before[-WINDOW:]) if before else 0.0
    if reason:
        assert len(before) >= 3
        assert latest > factor * median
        assert latest > median + 1
    elif len(before) >= 3:
        assert latest <= factor * median or latest <= median + 1


@given(LOSSES, st.sampled_from([math.nan, math.inf]))
def test_no_number_is_divergence_at_any_time(losses: list[float], broken: float) -> None:
    assert diverged([*losses, broken], 3.0) == "the loss is not a number"
    assert diverged([broken, *losses], 3.0) in {"", diverged(losses, 3.0)}


@given(st.floats(0.1, 10.0), st.integers(1, 30))
def test_a_loss_that_stays_or_falls_never_is(start: float, count: int) -> None:
    assert not diverged([start] * count, 1.5)
    assert not diverged([start / (n + 1) for n in range(count)], 1.5)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.make(tmp_path_factory.mktemp("model"), "qwen2")


@pytest.fixture(scope="module")
def tokenizer(folder: Path) -> Any:
    return load_tokenizer(folder)


def job_of(folder: Path, tokenizer: Any, **settings: Any) -> Job:
    plain = {"epochs": 20, "max_steps": 24, "evaluate_every": 4, "learning_rate": 4e-3, "schedule": "constant"}
    return tiny.job(folder, tokenizer, "qwen2", tiny.records(18), **{**plain, **settings})


def break_at(steps: set[int], monkeypatch: pytest.MonkeyPatch, factor: float = math.nan) -> list[tuple[int, float]]:
    """Multiplies the loss of the given steps, each once; returns the rate of every step."""
    compute, rates, left = trainer.Trainer.compute_loss, [], set(steps)

    def broken(self: Any, model: Any, inputs: Any, *args: Any, **more: Any) -> Any:
        loss: Any = compute(self, model, inputs, *args, **more)
        if not model.training:
            return loss
        step = self.state.global_step + 1
        rates.append((step, self.optimizer.param_groups[0]["lr"]))
        if step in left:
            left.discard(step)
            return loss * factor
        return loss

    monkeypatch.setattr(trainer.Trainer, "compute_loss", broken)
    return rates


@pytest.mark.parametrize(
    ("factor", "reason"), [(math.nan, "the loss is not a number"), (80.0, "training loss .* is more than 3 times .*")]
)
def test_it_goes_back_once_with_half_the_rate(
    factor: float, reason: str, folder: Path, tokenizer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rates = break_at({10}, monkeypatch, factor)
    job, progress = job_of(tmp_path, tokenizer), Silent()
    trained = train(load_model(folder), tokenizer, job, progress)
    [line] = progress.lines
    assert re.fullmatch(rf"          {reason}: back to step 8, from there with a rate of 0\.002", line)
    assert trained.rollback
    assert (trained.rollback.step, trained.rollback.rate) == (8, 0.002)
    assert trained.steps == 24
    assert math.isfinite(trained.best_loss)
    assert all(math.isfinite(value) for row in trained.curve for value in row.values())
    assert [step for step, _ in rates] == [*range(1, 11), *range(9, 25)]
    assert [rate for _, rate in rates] == pytest.approx([4e-3] * 10 + [2e-3] * 16)
    assert trained.best_loss < trained.first_loss


def test_a_second_time_it_stops_with_the_reason(
    folder: Path, tokenizer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_at({10, 14}, monkeypatch)
    job = job_of(tmp_path, tokenizer)
    with pytest.raises(SeekforgeError) as caught:
        train(load_model(folder), tokenizer, job, Silent())
    assert str(caught.value) == (
        "training diverged again after it went back to step 8 with half the rate: the loss is not a number. "
        "Set train.learning_rate below 0.002"
    )
    # Killed and taken up it does not forget that it went back.
    assert json.loads((job.scratch / "rollback.json").read_text("utf-8"))["step"] == 8


def test_the_rate_stays_halved_when_the_run_is_taken_up(
    folder: Path, tokenizer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.train.test_sft import Killed, adapter, equal, kill_after

    whole, broken = job_of(tmp_path / "whole", tokenizer), job_of(tmp_path / "broken", tokenizer)
    with monkeypatch.context() as patch:
        break_at({10}, patch)
        train(load_model(folder), tokenizer, whole, Silent())
    with monkeypatch.context() as patch, pytest.raises(Killed):
        break_at({10}, patch)
        kill_after(16, patch)
        train(load_model(folder), tokenizer, broken, Silent())
    trained = train(load_model(folder), tokenizer, broken, Silent())
    assert trained.rollback
    assert equal(adapter(whole), adapter(broken))
