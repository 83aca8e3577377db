import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from seekforge.core.artifacts import Artifact
from seekforge.core.config import Environment, Recipe
from seekforge.core.errors import EngineError, InputError
from seekforge.core.files import sha256_file
from seekforge.core.progress import Silent
from seekforge.core.records import Message, Record, write_records
from seekforge.core.stage import Stage, StageContext, StageResult
from seekforge.engines.fake import FakeEngine
from seekforge.engines.protocol import Generation, Sampling
from seekforge.serve.process import Worker, WorkerSpec
from seekforge.serve.stage import ServeStage, Speed

SERVE = {"concurrency": 3, "requests": 7, "max_new_tokens": 5, "price": {"per_device_hour": 3.6}}


SYSTEM = Message("system", "Decide.")


class Baseline(FakeEngine):
    """A fake that notes what it was asked."""

    batches: list[tuple[list[str], Sampling]]

    def generate(self, prompts: Sequence[Sequence[int]], sampling: Sampling) -> list[Generation]:
        self.batches.append(([self.decode(prompt) for prompt in prompts], sampling))
        return super().generate(prompts, sampling)


def fake_worker(spec: WorkerSpec) -> Worker:
    assert spec.model.endswith("model-q8_0.gguf")
    return Worker(replace(spec, model="fake", ready_seconds=60))


def record(text: str) -> Record:
    return Record(text, (SYSTEM, Message("user", text), Message("assistant", "HOLD")))


@pytest.fixture
def context(tmp_path: Path) -> StageContext:
    Baseline.batches = []
    parents = {}
    for name in ("data", "train", "compress", "out"):
        (tmp_path / name).mkdir()
        parents[name] = Artifact(tmp_path / name, name, "key", "hash", (), {}, (), "", 0.0)
    for split, count in (("train", 5), ("test", 9)):
        write_records(tmp_path / "data" / f"{split}.jsonl", [record(f"{split} {i}") for i in range(count)])
    (tmp_path / "compress" / "merged").mkdir()
    (tmp_path / "compress" / "model-q8_0.gguf").write_bytes(b"weights")
    recipe = Recipe.model_validate(
        {"name": "desk", "model": "demo", "data": {"sources": [{"path": "x"}]}, "serve": SERVE}
    )
    environment = Environment(tmp_path, tmp_path, "")
    return StageContext(recipe, tmp_path / "out", parents, Silent(), environment, "seekforge run x --from serve")


def run(context: StageContext) -> StageResult:
    stage: Stage = ServeStage(lambda folder, batch: Baseline(), fake_worker)
    return stage.run(context)


def test_both_sides_are_measured_alike(context: StageContext) -> None:
    result = run(context)
    value = {m.name: m.value for m in result.measurements}
    unit = {m.name: m.unit for m in result.measurements}
    assert value["serve.errors"] == 0
    assert value["serve.throughput_ratio"] == pytest.approx(
        value["serve.tokens_per_second"] / value["serve.baseline_tokens_per_second"]
    )
    assert value["serve.cost_reduction"] == pytest.approx(
        1 - value["serve.cost_per_1000"] / value["serve.baseline_cost_per_1000"]
    )
    assert unit["serve.cost_per_1000"] == "USD"
    assert value["serve.start_seconds"] > 0
    assert 0 <= value["serve.others_cpu"] <= 1
    assert 0 < value["serve.ttft_p50"] <= value["serve.latency_p50"]
    assert [len(texts) for texts, _ in Baseline.batches] == [3, 3, 3, 1], "warm; one before and one after; the last one"
    warm, *asked = [text for texts, _ in Baseline.batches for text in texts][2:]
    assert "train 2" in warm
    assert [f"test {i}" in text and "Decide." in text for i, text in enumerate(asked)] == [True] * 7, "each once"
    assert all(sampling == Sampling(max_new_tokens=5) for _, sampling in Baseline.batches)
    assert all(m.how == context.command for m in result.measurements)


def test_the_report_gets_both_engines_and_an_answer(context: StageContext) -> None:
    details = run(context).details
    json.dumps(details)
    assert [row["engine"] for row in details["throughput"]] == ["OpenVINO Q8_0", "fake"]
    assert {row["concurrency"] for row in details["throughput"]} == {3}
    assert [row["currency"] for row in details["cost"]] == ["USD", "USD"]
    assert details["answer"] == {"prompt": "test 8", "text": "test 8"}


def test_the_artifact_is_the_same_every_time(context: StageContext) -> None:
    run(context)
    first = (context.folder / "endpoint.json").read_bytes()
    run(context)
    assert (context.folder / "endpoint.json").read_bytes() == first
    endpoint = json.loads(first)
    assert endpoint["sha256"] == sha256_file(context.parents["compress"].folder / "model-q8_0.gguf")
    assert (endpoint["name"], endpoint["format"]) == ("desk", "Q8_0")
    assert "/v1/chat" in endpoint["routes"]
    assert str(context.folder) not in first.decode()


def test_cost_is_device_seconds_times_price() -> None:
    speed = Speed("x", requests=10, seconds=20.0, tokens=640)
    assert speed.tokens_per_second == 32
    assert speed.seconds_per_1000() == 2000
    assert speed.cost_per_1000(3.6) == pytest.approx(2.0)


def test_a_silent_endpoint_fails_the_stage(context: StageContext) -> None:
    """The echo of a blank message is blank."""
    write_records(
        context.parents["data"].folder / "test.jsonl",
        [Record("0", (Message("user", "   "), Message("assistant", "HOLD")))],
    )
    with pytest.raises(EngineError, match="no answer"):
        run(context)


def test_a_missing_file_is_named(context: StageContext) -> None:
    (context.parents["compress"].folder / "model-q8_0.gguf").unlink()
    with pytest.raises(InputError, match=r"model-q8_0\.gguf"):
        run(context)


def test_the_key_depends_on_the_serve_part_alone(context: StageContext) -> None:
    config = ServeStage().config(context.recipe)
    assert config == context.recipe.serve.model_dump(mode="json")
    assert json.dumps(config)
