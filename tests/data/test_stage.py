"""The stage: its key, its files, its figures, and that one bad record leaves no file behind."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seekforge.core.config import Environment, Recipe
from seekforge.core.errors import DataError
from seekforge.core.progress import Silent
from seekforge.core.records import read_records
from seekforge.core.stage import StageContext, StageResult
from seekforge.data import DataStage, run_pipeline
from seekforge.data.result import DataResult

Write = Callable[..., Path]
FILES = ("train.jsonl", "validation.jsonl", "test.jsonl", "dropped.jsonl")
SUBJECTS = ["卡片被盗", "a stolen card", "an unknown fee", "转账到新收款人", "a lost phone", "a cheque from abroad"]


def recipe(path: Path, **data: object) -> Recipe:
    return Recipe.model_validate({"name": "t", "model": "demo", "data": {"sources": [{"path": path}], **data}})


def run(recipe: Recipe, folder: Path) -> StageResult:
    folder.mkdir(parents=True, exist_ok=True)
    context = StageContext(recipe, folder, {}, Silent(), Environment(folder, folder, ""), "seekforge run t")
    return DataStage().run(context)


@pytest.fixture
def rows() -> list[dict[str, Any]]:
    """Sixty records that differ, one invisible one, ten exact copies, ten near copies."""
    base = [
        {
            "instruction": f"Case {n * 7919}: {SUBJECTS[n % 6]}, {'一二三四五六七八九十'[n % 10] * 3} {n**5}",
            "output": f"A{n}",
        }
        for n in range(60)
    ]
    near = [{**row, "instruction": row["instruction"] + "!"} for row in base[20:30]]
    return [*base, {"instruction": "\u200b", "output": "x"}, *base[:10], *near]


def test_files_figures_and_details(rows: list[dict[str, Any]], write: Write, tmp_path: Path) -> None:
    result = run(recipe(write("raw.jsonl", rows)), tmp_path / "out")
    splits = {name: read_records(tmp_path / "out" / f"{name}.jsonl") for name in ("train", "validation", "test")}
    dropped = [
        json.loads(line) for line in (tmp_path / "out" / "dropped.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    figures = {m.name: m.value for m in result.measurements}
    assert figures["data.read"] == 81
    assert figures["data.kept"] == sum(map(len, splits.values())) == 60
    assert figures["data.dropped"] == len(dropped) == 21
    assert figures["data.duplicates"] == 20
    assert figures["data.leaks"] == 0
    assert figures["data.seconds_per_1000"] > 0
    assert {name: figures[f"data.{name}"] for name in splits} == {name: len(part) for name, part in splits.items()}
    assert result.summary == "81 read, 60 kept: 48 train, 6 validation, 6 test"
    assert [{k: v for k, v in row.items() if k != "seconds"} for row in result.details["funnel"]] == [
        {"step": "read", "kept": 81, "dropped": 0, "changed": 0},
        {"step": "normalise", "kept": 80, "dropped": 1, "changed": 0},
        {"step": "exact", "kept": 70, "dropped": 10, "changed": 0},
        {"step": "minhash", "kept": 60, "dropped": 10, "changed": 0},
        {"step": "leak", "kept": 60, "dropped": 0, "changed": 0},
    ]
    assert json.loads(json.dumps(result.details)) == result.details
    assert len(result.details["drops"]) == 12
    assert {drop["op"] for drop in result.details["drops"]} == {"normalise", "exact", "minhash"}
    assert result.details["drops"][-1]["kept_text"] == result.details["drops"][-1]["text"].rstrip("!")
    assert dropped[1]["kept_id"] == "raw-1"
    assert dropped[1]["record"]["id"] == "raw-62"
    leaks = next(m for m in result.measurements if m.name == "data.leaks")
    assert leaks.title == "Test records that leak into training"
    assert "data.leak.drop" in leaks.advice


def test_output_is_the_same_byte_for_byte(rows: list[dict[str, Any]], write: Write, tmp_path: Path) -> None:
    path = write("raw.jsonl", rows)
    for folder in ("one", "two"):
        run(recipe(path), tmp_path / folder)
    for name in FILES:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_key_depends_on_content_and_seed_not_on_the_folder(rows: list[dict[str, Any]], write: Write) -> None:
    here, there = write("here/raw.jsonl", rows), write("there/raw.jsonl", rows)
    stage = DataStage()
    assert stage.config(recipe(here)) == stage.config(recipe(there))
    assert json.loads(json.dumps(stage.config(recipe(here)))) == stage.config(recipe(here))
    reseeded = recipe(here).model_copy(update={"seed": 8})
    assert stage.config(reseeded) != stage.config(recipe(here))
    write("there/raw.jsonl", rows[1:])
    assert stage.config(recipe(here)) != stage.config(recipe(there))


def test_a_missing_file_is_refused_with_the_key(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such data file"):
        DataStage().config(recipe(tmp_path / "none.jsonl"))


def test_a_bad_record_leaves_no_file(rows: list[dict[str, Any]], write: Write, tmp_path: Path) -> None:
    path = write("raw.jsonl", [*rows, {"instruction": "q", "output": ""}])
    with pytest.raises(DataError, match=f"{path}:82: the answer is empty"):
        run(recipe(path), tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())


def test_every_record_read_is_kept_or_dropped_with_a_reason(rows: list[dict[str, Any]], write: Write) -> None:
    for number, row in enumerate(rows):
        row["bank"] = f"b{number % 40}"
    data = {"split": {"test": 0.2}, "leak": {"disjoint": ["bank"]}}
    result: DataResult = run_pipeline(recipe(write("raw.jsonl", rows), **data).data)
    kept = {record.id for _, records in result.splits for record in records}
    gone = {drop.record.id for drop in result.drops}
    assert kept | gone == {f"raw-{n}" for n in range(1, 82)}
    assert not kept & gone
    assert all(drop.reason for drop in result.drops)
    assert result.dropped_by("leak") > 0
    assert result.leak.found.count > result.leak.final.count == 0


def test_when_all_training_leaks_the_error_says_why(rows: list[dict[str, Any]], write: Write) -> None:
    for row in rows:
        row["bank"] = "Dornwick"
    data = {"leak": {"disjoint": ["bank"]}}
    with pytest.raises(DataError, match=r"all 48 training records leak .* shares bank 'Dornwick' with the test"):
        run_pipeline(recipe(write("raw.jsonl", rows), **data).data)
