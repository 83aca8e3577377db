"""The page's own example is a file that the gateway takes."""

import re
from datetime import UTC, datetime
from pathlib import Path

from seekforge.core.config import KeyEntry, load_endpoint
from seekforge.serve.gateway import keyfile
from seekforge.serve.gateway.compose import open_gateway
from seekforge.serve.settle import settle

PAGE = Path(__file__).parents[3] / "docs" / "gateway.md"
SERVING = PAGE.with_name("serving.md")


def test_the_example_loads_and_all_metrics_are_on_the_page(tmp_path: Path) -> None:
    text = PAGE.read_text(encoding="utf-8")
    (example,) = re.findall(r"^```yaml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    (tmp_path / "deepseek.key").write_text("sk-x")
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "politics.txt").write_text("word")
    (tmp_path / "prompts").mkdir()
    keyfile.add(tmp_path / "keys.jsonl", lambda fresh: KeyEntry(id="a", hash=fresh, created=datetime.now(UTC)))
    (tmp_path / "gateway.yaml").write_text(example, encoding="utf-8")
    config = settle(load_endpoint(tmp_path / "gateway.yaml"), tmp_path, "auto")
    app, _ = open_gateway(config, print)
    assert set(app.parts.directory.names) == {"deepseek-chat", "desk", "support", "thinker"}
    assert [target.model for target in app.parts.directory.find("support").targets] == ["desk", "deepseek-chat"]
    exposition = app.parts.metrics.text().decode()
    for name in re.findall(r"^# TYPE seekforge_gateway_(\w+) ", exposition, re.MULTILINE):
        if not name.endswith("_created"):
            assert f"`{name}`" in text, name


def test_every_route_is_on_the_page() -> None:
    from seekforge.serve.gateway.openapi import document

    text = PAGE.read_text(encoding="utf-8")
    for path, methods in document()["paths"].items():
        assert f"{next(iter(methods)).upper()} {path}`" in text


def test_the_serving_pages_file_loads(tmp_path: Path) -> None:
    (example,) = re.findall(r"^```yaml\n(.*?)^```$", SERVING.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    (tmp_path / "endpoint.yaml").write_text(example, encoding="utf-8")
    config = load_endpoint(tmp_path / "endpoint.yaml")
    assert (config.worker.max_running, config.templates.default, config.gateway.drain_seconds) == (32, "points-en", 60)
