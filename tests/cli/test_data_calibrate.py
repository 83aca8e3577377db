"""`seekforge data-calibrate`: from records or labelled pairs to a threshold that a recipe takes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from seekforge.cli.app import app
from seekforge.core.config import SemanticConfig
from seekforge.core.errors import ConfigError, DataError, GateError, InputError

RAW = Path(__file__).parents[2] / "examples" / "risk_desk" / "raw.jsonl"


def calibrate(*arguments: object) -> str:
    done = CliRunner().invoke(app, ["data-calibrate", "--embedder", "fake", *map(str, arguments)])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.stdout


def test_records_give_a_threshold_that_the_recipe_takes(tmp_path: Path) -> None:
    out = tmp_path / "new" / "semantic.yaml"
    shown = calibrate(RAW, "--records", 30, "--out", out)
    (op,) = yaml.safe_load(out.read_text(encoding="utf-8"))
    config = SemanticConfig.model_validate(op)
    assert config.embedder == "fake"
    assert f"{config.threshold:.3f}" in shown
    assert "← chosen" in shown
    assert f"threshold {config.threshold:g} in {out}" in shown
    assert calibrate(RAW, "--records", 30).endswith(out.read_text(encoding="utf-8"))


def test_labelled_pairs(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    rows = [("pay the bill now", "now pay the bill", True), ("pay the bill now", "a red house", False)]
    keys = ("text_a", "text_b", "same")
    path.write_text("".join(json.dumps(dict(zip(keys, row, strict=True))) + "\n" for row in rows), encoding="utf-8")
    (op,) = yaml.safe_load(calibrate("--pairs", path).split("# fake")[1].partition("\n")[2])
    assert op["threshold"] == pytest.approx(1, abs=0.002)
    swapped = path.read_text(encoding="utf-8").replace("true", "@").replace("false", "true").replace("@", "false")
    path.write_text(swapped, encoding="utf-8")
    with pytest.raises(GateError, match=r"no threshold has a precision of 0\.95"):
        calibrate("--pairs", path)


def test_wrong_inputs_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="give records or --pairs"):
        calibrate()
    with pytest.raises(ConfigError, match="give records or --pairs"):
        calibrate(RAW, "--pairs", RAW)
    with pytest.raises(DataError, match="no such data file"):
        calibrate(tmp_path / "none.jsonl")
    few = tmp_path / "few.jsonl"
    few.write_text('{"instruction": "hello there", "output": "yes"}\n', encoding="utf-8")
    with pytest.raises(DataError, match="1 different records are too few"):
        calibrate(few)
    with pytest.raises(DataError, match=r"none\.txt: no such file"):
        calibrate(RAW, "--synonyms", tmp_path / "none.txt")


def test_an_output_that_cannot_be_is_told_before_anything_is_embedded(tmp_path: Path) -> None:
    few = tmp_path / "few.jsonl"
    few.write_text('{"instruction": "hello there", "output": "yes"}\n', encoding="utf-8")
    with pytest.raises(InputError, match="is read and would be written over"):
        calibrate(few, "--out", few)
    with pytest.raises(InputError, match="a folder, not a file"):
        calibrate(RAW, "--out", tmp_path)
    with pytest.raises(InputError, match="not a directory"):
        calibrate(RAW, "--out", few / "semantic.yaml")
    assert "yes" in few.read_text(encoding="utf-8")
