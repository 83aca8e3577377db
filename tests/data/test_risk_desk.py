"""The demo's planted dirt: what must go goes, what is clean stays."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from seekforge.core.config import Environment, load_recipe
from seekforge.core.progress import Silent
from seekforge.core.stage import StageContext
from seekforge.data import DataStage

ROOT = Path(__file__).parents[2]
DESK = ROOT / "examples" / "risk_desk"
MASK = re.compile(r"\[[A-Z]+\]")


@pytest.mark.skipif(not (DESK / "planted.jsonl").is_file(), reason="examples/risk_desk is not there")
def test_planted_dirt_goes_and_clean_records_stay(tmp_path: Path) -> None:
    """As the demo's recipe cleans them."""
    recipe = load_recipe(ROOT / "recipes" / "risk_desk.yaml")
    context = StageContext(recipe, tmp_path, {}, Silent(), Environment(tmp_path, tmp_path, ""), "test")
    result = DataStage().run(context)

    lines = (DESK / "planted.jsonl").read_text(encoding="utf-8").splitlines()
    kinds = {row["id"]: row["kind"] for row in map(json.loads, lines)}
    planted = Counter(kinds.values())
    drops = [json.loads(line) for line in (tmp_path / "dropped.jsonl").read_text(encoding="utf-8").splitlines()]
    dropped = Counter(kinds.get(drop["record"]["id"], "clean") for drop in drops)
    figures = {m.name: m.value for m in result.measurements}

    for kind in ("exact", "near", "leak", "abuse", "contradiction"):
        assert dropped[kind] == planted[kind] > 0
    assert dropped["clean"] == 0
    assert figures["data.leaks"] == 0
    assert figures["data.read"] == figures["data.kept"] + figures["data.dropped"]
    assert not any(drop["record"]["split"] == "test" for drop in drops)
    kept = [json.loads(line) for line in (tmp_path / "train.jsonl").read_text(encoding="utf-8").splitlines()]
    masked = [row for row in kept if kinds.get(row["id"]) == "personal"]
    assert len(masked) == planted["personal"]
    assert all(MASK.search(row["messages"][-2]["content"]) for row in masked)
