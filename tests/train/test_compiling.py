"""When decoder layers are compiled, and that a training with them ends as one without."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.engines import tiny

from seekforge.core.config import Environment, Recipe, TrainConfig
from seekforge.core.errors import ConfigError
from seekforge.core.models import family_of_folder
from seekforge.core.progress import Silent
from seekforge.core.stage import StageContext
from seekforge.engines.transformers import load_model, load_tokenizer
from seekforge.train.compiling import chooses_compile, work_of
from seekforge.train.examples import encode_all
from seekforge.train.prepare import Ready
from seekforge.train.settle import settle
from seekforge.train.sft import train

SEVEN_BILLION, HOURS = 7_600_000_000, 30_000_000  # parameters, and tokens that take one an hour
one_thread = pytest.fixture(scope="module", autouse=True)(tiny.one_thread)


def chosen(compile_: bool | None = None, **changes: Any) -> bool:
    settings: dict[str, Any] = {"device": "cuda", "devices": 1, "work": work_of("lora", SEVEN_BILLION, HOURS)}
    return chooses_compile(TrainConfig(compile=compile_), **{**settings, "shared": 0.0, "able": True, **changes})


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, True),
        ({"device": "cpu"}, False),
        ({"devices": 2}, False),
        ({"work": work_of("lora", SEVEN_BILLION, HOURS / 100)}, False),
        ({"work": work_of("lora", SEVEN_BILLION // 50, HOURS)}, False),
        ({"shared": 0.1}, True),
        ({"shared": 0.3}, False),
        ({"able": False}, False),
    ],
    ids=str,
)
def test_it_compiles_where_that_pays(changes: dict[str, Any], expected: bool) -> None:
    assert chosen(**changes) is expected
    assert chosen(False, **changes) is False


@pytest.mark.parametrize(
    ("before", "changes", "expected"),
    [
        (True, {"work": 1.0}, True),
        (True, {"device": "cpu"}, True),
        (False, {}, False),
        (True, {"devices": 2}, False),
        (True, {"able": False}, False),
    ],
)
def test_a_training_that_is_taken_up_goes_on_as_it_began_if_it_can(
    before: bool, changes: dict[str, Any], expected: bool
) -> None:
    assert chosen(before=before, **changes) is expected
    assert chosen(not before, before=before) is not before  # the recipe has the last word


@pytest.mark.parametrize("began", [True, False])
def test_the_choice_is_kept_with_the_checkpoints(began: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tiny.make(tmp_path / "model", "qwen2")
    examples = encode_all(tiny.records(8), load_tokenizer(folder), TrainConfig(), "train")
    ready = Ready(folder, None, family_of_folder(folder), {"train": examples, "validation": examples})
    recipe = Recipe.model_validate({"name": "t", "model": str(folder), "data": {"sources": [{"path": "x.jsonl"}]}})
    (tmp_path / "run").mkdir()
    context = StageContext(recipe, tmp_path / "run", {}, Silent(), Environment(tmp_path, tmp_path, ""), "train")
    monkeypatch.setattr("seekforge.train.settle.has_compiler", lambda: True)
    monkeypatch.setattr("seekforge.train.settle.work_of", lambda *_: 1.0)  # would not pay on any device
    auto = TrainConfig(method="lora")
    assert settle(context, ready, auto)[0].compile is False
    fresh = replace(context, folder=tmp_path / "other")
    assert settle(fresh, ready, auto.model_copy(update={"compile": began}))[0].compile is began
    assert settle(fresh, ready, auto)[0].compile is began


def test_the_recipe_is_obeyed_or_told_why_not() -> None:
    assert chosen(True, device="cpu", work=1.0, shared=0.5) is True
    with pytest.raises(ConfigError, match="one device only"):
        chosen(True, devices=2)
    with pytest.raises(ConfigError, match="C compiler"):
        chosen(True, able=False)


@pytest.mark.slow
@pytest.mark.parametrize("checkpointing", [False, True])
def test_a_training_with_compiled_layers_ends_as_one_without(checkpointing: bool, tmp_path: Path) -> None:
    folder = tiny.make(tmp_path / "model", "qwen2")
    tokenizer = load_tokenizer(folder)
    ends = []
    for compiled in (False, True):
        settings: dict[str, Any] = {
            "compile": compiled,
            "checkpointing": checkpointing,
            "compute": "float32",
            "learning_rate": 1e-2,
        }
        place = tmp_path / str(compiled)
        place.mkdir()
        job = tiny.job(place, tokenizer, "qwen2", tiny.records(24), epochs=2, evaluate_every=3, **settings)
        ends.append(train(load_model(folder, "float32"), tokenizer, job, Silent()))
    eager, again = ends
    assert [row["step"] for row in again.curve] == [row["step"] for row in eager.curve]
    for one, other in zip(eager.curve, again.curve, strict=True):
        assert one == pytest.approx(other, rel=1e-3)
