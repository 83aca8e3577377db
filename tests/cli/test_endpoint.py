"""From options, files and the registry to what `seekforge serve` is to run."""

import json
from pathlib import Path
from typing import Any

import pytest

from seekforge.cli import models
from seekforge.cli.endpoint import EndpointPlan, prepare, read
from seekforge.core.config import Environment, PriceConfig, environment
from seekforge.core.errors import ConfigError
from seekforge.core.progress import Silent

SYSTEM = "Bank risk desk. 理由，规则，决定。"


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Environment:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SEEKFORGE_RUNS", str(tmp_path / "runs"))
    return environment()


@pytest.fixture
def registered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """`risk_desk@champion`, registered with these tags."""
    tags = {"format": "Q4_0", models.SERVE_TAG: models.serve_tag(SYSTEM, PriceConfig(per_device_hour=0.4))}
    monkeypatch.setattr(models, "resolve_alias", lambda reference, machine: (tmp_path / "compress", tags))
    return tags


def plan(machine: Environment, file: Path | None = None, price: float | None = None, **options: Any) -> EndpointPlan:
    return prepare(read(file, options), price, machine, Silent())


def test_an_alias_brings_its_recipes_prompt_and_price(machine: Environment, registered: dict[str, str]) -> None:
    found = plan(machine, model="risk_desk@champion")
    assert found.order is not None
    assert (found.order.engine, Path(found.order.model).name) == ("openvino", "model-q4_0.gguf")
    assert found.order.config.warm is not None
    assert json.loads(found.order.config.warm.read_text("utf-8")) == SYSTEM
    (worker,) = found.config.gateway.upstreams
    assert worker.price == PriceConfig(per_device_hour=0.4)
    (model,) = found.config.gateway.models
    assert (model.name, model.targets[0].model, model.reasoning) == ("risk_desk@champion",) * 2 + ("auto",)
    folder = machine.runs / "endpoints" / "risk_desk@champion"
    assert found.config.gateway.access_log == folder / "access.jsonl"
    assert found.config.guard.audit == folder / "guard"
    assert found.config.feedback is not None
    assert found.config.feedback.path == folder / "feedback.jsonl"


def test_options_win_over_the_file_and_the_file_over_the_recipe(
    machine: Environment, registered: dict[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "endpoint.yaml"
    file.write_text(
        "model: risk_desk@champion\nname: desk\nport: 8100\nhost: 0.0.0.0\nkeys: k.jsonl\n"
        "worker: {price: {per_device_hour: 2}, warm: w.jsonl, max_running: 5, reasoning: deepseek}\n"
        "gateway: {access_log: a.jsonl, models: [{name: second, targets: [{upstream: worker}]}]}"
    )
    found = plan(machine, file)
    assert found.order is not None
    assert (found.config.port, found.config.keys, found.is_open) == (8100, tmp_path / "k.jsonl", False)
    assert (found.order.config.warm, found.order.config.max_running) == (tmp_path / "w.jsonl", 5)
    assert found.config.gateway.access_log == tmp_path / "a.jsonl"
    assert found.config.gateway.upstreams[0].price == PriceConfig(per_device_hour=2)
    served = {model.name: model for model in found.config.gateway.models}
    assert (served["desk"].reasoning, served["second"].targets[0].model) == ("deepseek", "desk")
    other = plan(machine, file, 7.0, port=8200, name="d2")
    assert (other.config.port, other.config.name) == (8200, "d2")
    assert other.config.gateway.upstreams[0].price == PriceConfig(per_device_hour=7)
    assert plan(machine, file, 0.0).config.gateway.upstreams[0].price is None


def test_a_version_that_an_older_release_registered_is_served_all_the_same(
    machine: Environment, registered: dict[str, str]
) -> None:
    for tag in ("", "no JSON", "[]", '{"system": "x", "price": {"per_device_hour": -1}}'):
        registered[models.SERVE_TAG] = tag
        found = plan(machine, model="risk_desk@champion")
        assert found.order is not None
        assert found.order.config.warm is None
        assert found.config.gateway.upstreams[0].price is None


def test_vllm_is_given_the_merged_folder(machine: Environment, registered: dict[str, str], tmp_path: Path) -> None:
    found = plan(machine, model="risk_desk@champion", engine="vllm")
    assert found.order is not None
    assert (found.order.engine, found.order.model) == ("vllm", str(tmp_path / "compress" / "merged"))
    hub = plan(machine, model="deepseek-ai/DeepSeek-R1", engine="vllm")
    assert hub.order is not None
    assert (hub.order.model, hub.config.name) == ("deepseek-ai/DeepSeek-R1",) * 2
    assert hub.config.folder == machine.runs / "endpoints" / "deepseek-ai-DeepSeek-R1"


def test_a_url_is_an_upstream_without_a_child(machine: Environment) -> None:
    found = plan(machine, model="deepseek-chat", engine="https://api.deepseek.com/v1", name="chat")
    assert found.order is None
    (upstream,) = found.config.gateway.upstreams
    assert (upstream.url, upstream.models) == ("https://api.deepseek.com", ())
    (model,) = found.config.gateway.models
    assert (model.name, model.targets[0].model) == ("chat", "deepseek-chat")
    with pytest.raises(ConfigError, match="no http:// or https:// address"):
        plan(machine, model="x", engine="http://")


def test_the_single_machine_file_may_ask_for_a_gpu(machine: Environment, tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    settings = {"device": "cuda:1", "batch_size": 32, "precision": "fp16", "engine_path": "m"}
    (tmp_path / "m" / "config.json").write_text('{"model_type": "deepseek_v3"}')
    (tmp_path / "m" / "model.safetensors").touch()
    (tmp_path / "one.json").write_text(json.dumps(settings))
    for found in (plan(machine, tmp_path / "one.json"), plan(machine, model="one.json")):
        assert found.order is not None
        assert (found.order.engine, found.order.model) == ("vllm", str(tmp_path / "m"))
        assert (found.order.device, found.order.precision, found.order.config.max_running) == (1, "F16", 32)
        assert found.config.name == "m"
    with pytest.raises(ConfigError, match="cuda is none of the engine 'openvino'"):
        plan(machine, model="one.json", engine="openvino")


def test_json_may_be_an_endpoints_file_too(machine: Environment, tmp_path: Path) -> None:
    (tmp_path / "e.json").write_text(json.dumps({"model": "m", "engine": "fake", "host": "0.0.0.0"}))
    found = plan(machine, tmp_path / "e.json")
    assert (found.config.model, found.is_open) == ("m", True)
