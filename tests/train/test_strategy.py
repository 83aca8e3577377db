"""What several devices make of a recipe: pure decisions, and the order of records that they share."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seekforge.core.config import TrainConfig
from seekforge.core.config.environment import Group, environment
from seekforge.core.errors import ConfigError, ModelError, SeekforgeError
from seekforge.train.ranks import Ranks, join
from seekforge.train.shares import share_of
from seekforge.train.strategy import choose_strategy
from seekforge.train.trainer import EpochOrder, InOrder


@given(st.integers(1, 64), st.integers(1, 16), st.integers(1, 16))
def test_a_step_keeps_its_records_and_no_device_holds_more_than_one_did(
    batch: int, accumulate: int, devices: int
) -> None:
    try:
        share = share_of(batch, accumulate, devices)
    except ConfigError as error:
        assert batch * accumulate % devices
        mended = int(str(error).split("train.batch_size=")[1].split(",")[0])
        assert share_of(mended, accumulate, devices).batch >= 1
        return
    assert share.batch * share.accumulate * devices == batch * accumulate
    assert share.batch <= batch
    assert devices > 1 or share == (batch, accumulate)


@given(st.lists(st.integers(1, 50), min_size=1, max_size=60), st.integers(1, 8), st.integers(1, 4), st.integers(0, 3))
def test_the_order_is_that_of_one_device_and_then_fillers(
    lengths: list[int], batch: int, devices: int, epoch: int
) -> None:
    alone = EpochOrder(lengths, batch * devices, seed=7)
    together = EpochOrder(lengths, batch * devices, seed=7, multiple=batch * devices)
    for order in (alone, together):
        order.set_epoch(epoch)
    one, other = list(alone), list(together)
    assert sorted(one) == list(range(len(lengths)))
    assert other[: len(one)] == one
    assert set(other[len(one) :]) <= {len(lengths)}
    assert len(other) == len(together)
    assert len(other) % (batch * devices) == 0
    assert len(other) - len(one) < batch * devices
    assert list(InOrder(len(lengths), batch))[: len(lengths)] == list(range(len(lengths)))


@pytest.mark.parametrize(
    ("settings", "devices", "fits", "name", "reason"),
    [
        ({}, 4, True, "ddp", "the whole training fits one device"),
        ({}, 4, False, "fsdp", "the whole training does not fit one device"),
        ({"strategy": "ddp"}, 4, False, "ddp", "set in the recipe"),
        ({"strategy": "fsdp"}, 4, True, "fsdp", "set in the recipe"),
        ({"method": "qlora"}, 4, False, "ddp", "it cannot be sharded"),
        ({"lora": {"experts": True}}, 4, False, "ddp", "it cannot be sharded"),
        ({"method": "full"}, 1, False, "ddp", "the whole training fits one device"),
    ],
)
def test_the_strategy_and_why(settings: dict[str, Any], devices: int, fits: bool, name: str, reason: str) -> None:
    assert choose_strategy(TrainConfig.model_validate(settings), devices, fits) == (name, reason)


@pytest.mark.parametrize(
    ("settings", "devices", "words"),
    [
        ({"method": "qlora"}, 2, "fsdp cannot shard four-bit weights"),
        ({"lora": {"experts": True}}, 2, "fsdp cannot shard experts with adapters"),
        ({}, 1, "one device has nothing to share a model with"),
    ],
)
def test_what_cannot_be_sharded_is_one_line(settings: dict[str, Any], devices: int, words: str) -> None:
    with pytest.raises(ConfigError, match=f"^train.strategy: {words}"):
        choose_strategy(TrainConfig.model_validate({**settings, "strategy": "fsdp"}), devices, fits_whole=True)


def test_alone_everything_is_a_plain_call() -> None:
    ranks = join(Group())
    assert ranks == Ranks()
    assert ranks.leads
    assert ranks.lead(lambda: 3) == ranks.together(lambda: 3) == 3
    assert ranks.gather(4) == [4]
    ranks.wait()


def test_the_group_is_read_off_what_torchrun_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "TORCHELASTIC_RUN_ID", "ACCELERATE_USE_FSDP"):
        monkeypatch.delenv(name, raising=False)
    assert environment().group == Group()
    for name, value in {"RANK": 5, "WORLD_SIZE": 8, "LOCAL_RANK": 1, "LOCAL_WORLD_SIZE": 4}.items():
        monkeypatch.setenv(name, str(value))
    assert environment().group == Group(5, 8, 1, 4)
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "seekforge-1")
    assert environment().group == Group(5, 8, 1, 4, ours=True, sharded=True)
    monkeypatch.setenv("WORLD_SIZE", "1")
    assert environment().group == Group()


def test_errors_travel_between_processes() -> None:
    error = ModelError("no usable tokenizer", where=str(Path("a")), mend="Give one")
    back: SeekforgeError = pickle.loads(pickle.dumps(error))
    assert (type(back), str(back), back.exit_code) == (ModelError, str(error), 2)
