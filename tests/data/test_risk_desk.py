"""The demo's planted dirt: what must go goes, what is clean stays."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from seekforge.core.config import Environment, Recipe
from seekforge.core.progress import Silent
from seekforge.core.stage import StageContext
from seekforge.data import DataStage

DESK = Path(__file__).parents[2] / "examples" / "risk_desk"


@pytest.mark.skipif(not (DESK / "planted.jsonl").is_file(), reason="examples/risk_desk is not there")
def test_planted_duplicates_and_leaks_go_and_clean_records_stay(tmp_path: Path) -> None:
    data = {
        "sources": [{"path": DESK / "raw.jsonl"}],
        "labels": ["APPROVE", "VERIFY", "HOLD", "DECLINE", "ESCALATE"],
        "split": {"column": "split"},
        "leak": {"disjoint": ["template", "entities"]},
    }
    recipe = Recipe.model_validate({"name": "desk", "model": "demo", "data": data})
    context = StageContext(recipe, tmp_path, {}, Silent(), Environment(tmp_path, tmp_path, ""), "test")
    result = DataStage().run(context)

    lines = (DESK / "planted.jsonl").read_text(encoding="utf-8").splitlines()
    kinds = {row["id"]: row["kind"] for row in map(json.loads, lines)}
    planted = Counter(kinds.values())
    drops = [json.loads(line) for line in (tmp_path / "dropped.jsonl").read_text(encoding="utf-8").splitlines()]
    dropped = Counter(kinds.get(drop["record"]["id"], "clean") for drop in drops)
    figures = {m.name: m.value for m in result.measurements}

    assert dropped["exact"] == planted["exact"] > 0
    assert dropped["leak"] == planted["leak"] > 0
    assert dropped["near"] >= 0.9 * planted["near"] > 0
    assert dropped["clean"] <= 0.01 * (figures["data.read"] - len(kinds))
    assert figures["data.leaks"] == 0
    assert figures["data.read"] == figures["data.kept"] + figures["data.dropped"]
    assert not any(drop["record"]["split"] == "test" for drop in drops)
