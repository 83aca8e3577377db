"""The evaluate stage on tiny models: every figure tested on pairs, the headline by slices, on the report's page."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.engines import tiny

from seekforge.core.artifacts import SCRATCH, Artifact
from seekforge.core.config import Recipe, environment, validate
from seekforge.core.errors import ConfigError
from seekforge.core.progress import Silent
from seekforge.core.records import Message, Record, write_records
from seekforge.core.report.html import render
from seekforge.core.stage import StageContext, StageResult
from seekforge.evaluate.stage import EvaluateStage

METRICS = ["f1", "macro_f1", "accuracy", "chrf", "distinct1", "repetition", "ece", "perplexity"]


@pytest.fixture(autouse=True, scope="module")
def threads() -> Iterator[None]:
    yield from tiny.one_thread()


def records() -> list[Record]:
    texts = [
        ("Hold the card now", "HOLD"),
        ("这张卡可以解锁吗？请尽快告诉我。", "APPROVE"),
        ("May it be approved? " * 3, "APPROVE"),
    ]
    return [
        Record(f"r{n}", (Message("user", f"{n} {text}"), Message("assistant", f"{label}.")), label, "test")
        for n, (text, label) in enumerate(texts * 2)
    ]


def recipe(model: Path, **evaluate: object) -> Recipe:
    tree: dict[str, Any] = {
        "name": "r",
        "model": str(model),
        "data": {"sources": [{"path": "x.jsonl"}], "labels": ["HOLD", "APPROVE"]},
        "evaluate": {"metrics": METRICS, "max_new_tokens": 8, "resamples": 100, **evaluate},
    }
    return validate(Recipe, tree, "test")


def artifact(folder: Path) -> Artifact:
    return Artifact(folder, "any", "k", "c", (), {}, (), "", 0.0)


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> StageContext:
    folder = tmp_path_factory.mktemp("stage")
    base = tiny.make(folder / "base", "llama")
    tiny.make(folder / "trained" / "model", "smollm")
    (folder / "data").mkdir()
    write_records(folder / "data" / "test.jsonl", records())
    (folder / "out").mkdir()
    parents = {"data": artifact(folder / "data"), "train": artifact(folder / "trained")}
    return StageContext(recipe(base), folder / "out", parents, Silent(), environment(), "seekforge run r")


@pytest.fixture(scope="module")
def result(context: StageContext) -> StageResult:
    return EvaluateStage().run(context)


def test_every_metric_is_measured_for_both_and_tested(context: StageContext, result: StageResult) -> None:
    found = {measurement.name: measurement for measurement in result.measurements}
    for metric in METRICS:
        assert {f"evaluate.{metric}", f"evaluate.base_{metric}", f"evaluate.{metric}_gain"} <= set(found)
        assert found[f"evaluate.{metric}_p"].unit == "p"
    assert found["evaluate.perplexity"].value > 10
    gain = found["evaluate.base_perplexity"].value - found["evaluate.perplexity"].value
    assert found["evaluate.perplexity_gain"].value == pytest.approx(gain), "less perplexity is a gain"
    assert found["evaluate.perplexity_gain"].title == "Perplexity: tuned below base"
    rows = json.loads((context.folder / "scores.json").read_text("utf-8"))
    assert [row["metric"] for row in rows] == METRICS
    assert {row["metric"] for row in rows if row["mcnemar"]} == {"accuracy"}
    for row in rows:
        low, high = row["difference"]["interval"]
        if not math.isnan(row["difference"]["value"]):
            assert row["difference"]["value"] == pytest.approx(row["tuned"] - row["base"])
            assert low <= row["difference"]["value"] <= high
            assert 0 < row["difference"]["p"] <= 1


def test_the_headline_is_given_by_slices(context: StageContext, result: StageResult) -> None:
    sliced = result.details["slices"]
    assert (sliced["metric"], sliced["unit"]) == ("f1", "fraction")
    counts = {(row["by"], row["name"]): row["count"] for row in sliced["rows"]}
    assert counts[("label", "APPROVE")] == 4 and counts[("label", "HOLD")] == 2
    assert counts[("language", "en")] == 4 and counts[("language", "zh")] == 2
    assert [count for (by, _), count in counts.items() if by == "length"] == [2, 2, 2]
    page = render({"stages": [{"name": "evaluate", "details": json.loads(json.dumps(result.details))}]})
    assert "F1 by language of the question" in page
    assert "F1 by length of the question, in characters" in page
    assert "Tuned minus base on the same items:" in page
    assert "McNemar exact p = " in page
    assert "less is better" in page


def test_a_killed_stage_asks_and_reckons_nothing_twice(
    context: StageContext, result: StageResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    from seekforge.engines.transformers import TransformersEngine

    assert (context.folder / SCRATCH / "answers.sqlite").exists()
    for name in ("base", "tuned"):
        (context.folder / f"predictions-{name}.jsonl").unlink()

    def again(*_: object) -> None:
        raise AssertionError("asked again")

    monkeypatch.setattr(TransformersEngine, "generate", again)
    monkeypatch.setattr(TransformersEngine, "logits", again)
    # As text: what was not measured is no number, and equals nothing.
    assert str(EvaluateStage().run(context).measurements) == str(result.measurements)


def test_metrics_that_cannot_be_are_one_line_before_a_model_is_loaded(context: StageContext) -> None:
    for first in ("perplexity", "ece", "repetition"):
        with pytest.raises(ConfigError, match=rf"evaluate\.metrics: {first} cannot be the first"):
            recipe(context.folder, metrics=[first, "f1"])
    with pytest.raises(ConfigError, match=r"evaluate\.slices\.0: Input should be 'label', 'length' or 'language'"):
        recipe(context.folder, slices=["size"])
    plain = recipe(context.folder / "nowhere", metrics=["f1", "macro_f1"])
    bare = plain.model_copy(update={"data": plain.data.model_copy(update={"labels": ()})})
    with pytest.raises(ConfigError, match="the metric macro_f1 needs labels"):
        EvaluateStage().run(StageContext(bare, context.folder, {}, Silent(), environment(), ""))
