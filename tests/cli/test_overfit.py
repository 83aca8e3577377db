"""A run made to overfit, through the command line: it ends where it should, and keeps what was best."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.engines import tiny

from seekforge.core import hardware, tracking

Seekforge = Callable[..., Any]
TOLERANCE = 0.05  # the default
one_thread = pytest.fixture(scope="module", autouse=True)(tiny.one_thread)


@dataclass(frozen=True, slots=True)
class Ended:
    """What the train stage left."""

    evaluations: list[tuple[int, float]]
    details: dict[str, Any]
    adapter: bytes


@pytest.fixture
def model(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The demo model, or a tiny one."""
    if request.param == "demo":
        folder: Path = request.getfixturevalue("demo_folder")
        return folder
    return tiny.make(tmp_path / "model", request.param)


@pytest.fixture
def train(
    seekforge: Seekforge, work: Path, runs: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Ended]:
    """Eight records from which nothing can be learnt for others, again and again at a high rate."""
    monkeypatch.setattr(tracking, "record", lambda *_: "run-id")
    monkeypatch.setattr(hardware, "free_memory", lambda: 16 << 30)
    splits = ["train"] * 8 + ["validation"] * 8 + ["test"]
    numbers = [str(n**5 % 1_000_003) for n in range(2, 19)]
    rows = [
        {"instruction": number, "output": number[::-1], "split": split}
        for number, split in zip(numbers, splits, strict=True)
    ]
    (work / "x.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    data = {"sources": [{"path": "x.jsonl"}], "ops": [], "split": {"column": "split"}}
    # No warm-up and a constant rate, so that a step is the same however long the run is.
    settings = {"batch_size": 4, "epochs": 1000, "schedule": "constant", "warmup_steps": 0, "compute": "float32"}
    recipe = {"name": "overfit", "model": str(model), "data": data, "train": settings}
    (work / "r.yaml").write_text(json.dumps(recipe), encoding="utf-8")

    def call(**changed: object) -> Ended:
        options = [word for key, value in changed.items() for word in ("--set", f"train.{key}={value}")]
        done = seekforge("run", "r.yaml", "--until", "train", *options)
        assert done.code == 0, done.err
        folder = runs / "latest" / "train"
        details = json.loads((folder / "details.json").read_text("utf-8"))
        evaluations = [(row["step"], row["eval_loss"]) for row in details["curve"] if "eval_loss" in row]
        return Ended(evaluations, details, (folder / "adapter" / "adapter_model.safetensors").read_bytes())

    return call


@pytest.mark.parametrize(
    ("model", "settings"),
    [
        ("qwen2", {"learning_rate": 1e-2, "evaluate_every": 3, "max_steps": 24}),
        pytest.param("demo", {"learning_rate": 2e-3, "evaluate_every": 2, "max_steps": 24}, marks=pytest.mark.slow),
    ],
    indirect=["model"],
)
def test_it_ends_at_the_first_evaluation_above_the_best(
    settings: dict[str, object], train: Callable[..., Ended]
) -> None:
    unguarded = train(**settings, overfit_tolerance=1e9).evaluations
    assert unguarded[-1][0] == settings["max_steps"]
    losses = [loss for _, loss in unguarded]
    at = next(n for n, loss in enumerate(losses) if loss > (1 + TOLERANCE) * min(losses[: n + 1]))
    best_step, best_loss = min(unguarded[: at + 1], key=lambda row: row[1])
    assert 1 < at < len(unguarded) - 1, "it overfits, and not at once"

    guarded = train(**settings)
    assert guarded.evaluations == unguarded[: at + 1]
    assert f"above its best, {best_loss:.4f}" in guarded.details["stop_reason"]
    assert guarded.details["best_step"] == best_step
    assert guarded.adapter == train(**{**settings, "max_steps": best_step}).adapter
