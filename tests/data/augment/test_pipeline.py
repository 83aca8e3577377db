"""Augmentation from end to end: an endpoint that translates, fails, is not there, and a run that is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.engines.chat_server import Server, completion, serving

from seekforge.core.config import DataConfig, Recipe, load_recipe
from seekforge.core.errors import ConfigError, ModelError
from seekforge.core.records import Record, read_records
from seekforge.data import DataResult, run_pipeline

Write = Callable[..., Path]
PLACES = ["火车站", "飞机场", "博物馆", "图书馆", "体育场", "电影院", "植物园", "动物园", "步行街", "海滨公园"]
THINGS = ["早餐品种丰富", "空调声音太吵", "枕头特别柔软", "电梯总是拥挤"]
KILLED = """
import json, sys
from pathlib import Path
from seekforge.core.config import DataConfig
from seekforge.data import run_pipeline

run_pipeline(DataConfig.model_validate(json.loads(sys.argv[1])), folder=Path(sys.argv[2]))
"""


def there_and_back(text: str, turn: int) -> tuple[int, Any]:
    if text.startswith("EN "):
        return 200, completion(text[3:].replace("酒店", "宾馆").replace("感觉", "觉得"))
    return 200, completion(f"EN {text}")


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as state:
        state.answer = there_and_back
        yield state


@pytest.fixture
def rows() -> list[dict[str, Any]]:
    found = []
    for number, place in enumerate(PLACES):
        for thing in THINGS:
            text = f"{place}旁边的酒店，{thing}，我感觉{'满意' if number % 2 else '失望'}"
            found.append(
                {"instruction": text, "output": "好" if number % 2 else "坏", "label": "好" if number % 2 else "坏"}
            )
    return found


def config(path: Path, url: str, **fields: object) -> dict[str, Any]:
    endpoint = {"url": url, "model": "m", "backoff": 0, "attempts": 2, "concurrency": 2}
    translator = {"kind": "openai", "endpoint": endpoint}
    augment = [{"op": "back_translate", "translator": translator}, {"op": "synonyms"}]
    return {
        "sources": [{"path": str(path)}],
        "labels": ["好", "坏"],
        "ops": [{"op": "normalise"}],
        "leak": {"threshold": 0.9},
        "augment": augment,
        **fields,
    }


def run(settings: dict[str, Any], folder: Path) -> DataResult:
    return run_pipeline(DataConfig.model_validate(settings), folder=folder)


def asked(server: Server) -> list[str]:
    return [body["messages"][-1]["content"] for body in server.seen if body["max_tokens"] > 1]


def grown(folder: Path) -> list[Record]:
    return [record for record in read_records(folder / "train.jsonl") if "parent" in record.meta]


def test_only_training_records_have_children(
    server: Server, rows: list[dict[str, Any]], write: Write, tmp_path: Path
) -> None:
    run(config(write("raw.jsonl", rows), server.url), tmp_path / "out")
    parents = {record.id: record for record in read_records(tmp_path / "out" / "train.jsonl")}
    held_out = [r for name in ("validation", "test") for r in read_records(tmp_path / "out" / f"{name}.jsonl")]
    children = grown(tmp_path / "out")
    assert {child.meta["grown_by"] for child in children} == {"back_translate", "synonyms"}
    for child in children:
        parent = parents[str(child.meta["parent"])]
        assert (child.label, child.answer, child.split) == (parent.label, parent.answer, "train")
        assert child.text != parent.text
    assert all("parent" not in record.meta for record in held_out)
    translated = "".join(asked(server))
    assert not any(record.text in translated for record in held_out)


def test_failures_are_counted_and_listed(
    server: Server, rows: list[dict[str, Any]], write: Write, tmp_path: Path
) -> None:
    server.answer = lambda text, turn: (503, {}) if "图书馆" in text else there_and_back(text, turn)
    result = run(config(write("raw.jsonl", rows), server.url), tmp_path / "out")
    train = read_records(tmp_path / "out" / "train.jsonl")
    failed = [record.id for record in train if "图书馆" in record.text and "parent" not in record.meta]
    step = next(step for step in result.funnel if step.step == "back_translate")
    listed = [json.loads(line) for line in (tmp_path / "out" / "refused.jsonl").read_text("utf-8").splitlines()]
    unanswered = [row for row in listed if row["kind"] == "no answer"]
    assert sorted(row["parent"] for row in unanswered) == sorted(failed) != []
    assert {row["reason"] for row in unanswered} == {"the translation from zh to en failed: HTTP 503 {}, in 2 tries"}
    assert step.added > 0


def test_an_endpoint_that_is_not_there_ends_it_before_the_work(
    server: Server, rows: list[dict[str, Any]], write: Write, tmp_path: Path
) -> None:
    server.answer = lambda text, turn: (404, {"error": "no such model"})
    with pytest.raises(ModelError, match="does not answer for model 'm'") as caught:
        run(config(write("raw.jsonl", rows), server.url), tmp_path / "out")
    assert caught.value.exit_code == 2
    assert asked(server) == []
    assert not list((tmp_path / "out").glob("*.jsonl"))


def test_after_kill_nine_nothing_is_paid_twice(
    server: Server, rows: list[dict[str, Any]], write: Write, tmp_path: Path
) -> None:
    settings = config(write("raw.jsonl", rows), server.url)
    whole = tmp_path / "whole"
    run(settings, whole)
    server.seen.clear()

    child = subprocess.Popen([sys.executable, "-c", KILLED, json.dumps(settings), str(tmp_path / "out")])

    def killing(text: str, turn: int) -> tuple[int, Any]:
        if len(asked(server)) == 20:
            os.kill(child.pid, signal.SIGKILL)
        return there_and_back(text, turn)

    server.answer = killing
    assert child.wait() == -signal.SIGKILL
    server.answer = there_and_back
    run(settings, tmp_path / "out")
    twice = [text for text, count in Counter(asked(server)).items() if count > 1]
    assert len(twice) <= 3  # those under way when it died: two, and the one that killed it
    for name in ("train.jsonl", "test.jsonl", "refused.jsonl"):
        assert (tmp_path / "out" / name).read_bytes() == (whole / name).read_bytes()


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("data.augment=[{op: synonym}]", "data.augment.0"),
        ("data.augment=[{op: synonyms, rates: 1}]", "data.augment.0: unknown key 'rates'; did you mean 'rate'?"),
        (
            "data.augment=[{op: back_translate, translator: {kind: openai, endpoint: {url: 'ftp://x', model: m}}}]",
            "data.augment.0.translator.endpoint.url: 'ftp://x' is no http:// or https:// address",
        ),
        (
            "data.augment=[{op: synonyms, window: {least: 0.9, most: 0.5}}]",
            "data.augment.0.window: least (0.9) must be below most (0.5)",
        ),
        ("data.augment=[{op: synonyms, guarded: {keep_lines: '('}}]", "guarded.keep_lines: no regular expression"),
    ],
)
def test_a_wrong_config_is_named_by_its_key(setting: str, message: str) -> None:
    recipes = Path(__file__).parents[3] / "recipes"
    with pytest.raises(ConfigError) as caught:
        load_recipe(recipes / "reviews_zh.yaml", [setting])
    assert message in str(caught.value)


def test_paths_are_taken_from_the_recipes_folder(tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text(
        "name: r\nmodel: demo\ndata:\n  sources: [{path: raw.jsonl}]\n"
        "  augment: [{op: synonyms, guarded: {terms: terms.txt}}]\n",
        encoding="utf-8",
    )
    recipe: Recipe = load_recipe(tmp_path / "r.yaml")
    assert recipe.data.augment[0].guarded.terms == tmp_path / "terms.txt"


def test_the_documents_example_is_a_config() -> None:
    page = (Path(__file__).parents[3] / "docs" / "data-augment.md").read_text(encoding="utf-8")
    example = yaml.safe_load(page.split("```yaml\n")[1].split("```")[0])
    augment = DataConfig.model_validate({"sources": [{"path": "x.jsonl"}], **example["data"]}).augment
    assert [op.op for op in augment] == ["back_translate", "synonyms"]
