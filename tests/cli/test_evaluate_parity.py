"""`seekforge evaluate parity` on the folder of a run, and without one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.cli.conftest import Seekforge
from tests.engines import tiny
from tests.evaluate import lineage
from tests.evaluate.lineage import Models

from seekforge.compress.gguf import export
from seekforge.core import artifacts
from seekforge.core.artifacts import Origin
from seekforge.core.progress import Silent
from seekforge.core.promotion import withheld
from seekforge.core.records import write_records
from seekforge.evaluate.predict import Prediction, save

one_thread = pytest.fixture(scope="module", autouse=True)(tiny.one_thread)
QUICK = ("--positions", "60", "--no-file-kl")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Models:
    return lineage.make(tmp_path_factory.mktemp("lineage"))


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEEKFORGE_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def budget(work: Path) -> Path:
    path = work / "budget.yaml"
    path.write_text(yaml.safe_dump(lineage.BUDGET), "utf-8")
    return path


def seal(run: Path, stage: str, config: dict[str, Any], parents: tuple[str, ...], fill: Callable[[Path], None]) -> str:
    """One artifact of a run, as its stage leaves it."""
    with artifacts.exclusive(run / stage) as partial:
        fill(partial)
    origin = Origin(stage, stage, parents, config)
    return artifacts.seal(run / stage, origin, summary="", measurements=(), details={}, seconds=0.0).content_hash


def run_of(models: Models, run: Path, int8: Path) -> str:
    """A run's folder up to compress; returns the compress artifact's hash."""
    run.mkdir(parents=True)
    predictions = [Prediction(r.id, r.text, r.answer, r.label or "", r.answer, "", "stop") for r in lineage.RECORDS]

    def evaluated(folder: Path) -> None:
        for name in ("base", "tuned"):
            save(folder / f"predictions-{name}.jsonl", predictions)

    def asked_of(folder: Path) -> None:
        write_records(folder / "test.jsonl", lineage.RECORDS)

    def compressed(folder: Path) -> None:
        (folder / "merged").symlink_to(models.merged)
        (folder / "model-q8_0.gguf").symlink_to(int8)

    asked = {"evaluate": {"metrics": ["exact_match"], "max_new_tokens": 8, "limit": None}, "labels": [], "seed": 7}
    data = seal(run, "data", {}, (), asked_of)
    trained = seal(
        run, "train", {}, (data,), lambda folder: (folder / "adapter").symlink_to(models.trained / "adapter")
    )
    seal(run, "evaluate", asked, (data, trained), evaluated)
    formats = {"compress": {"formats": ["Q8_0"]}, "model": str(models.base)}
    return seal(run, "compress", formats, (trained,), compressed)


def test_a_run_is_compared_and_what_drifted_is_withheld(
    seekforge: Seekforge, models: Models, runs: Path, budget: Path, tmp_path: Path
) -> None:
    wrong = tmp_path / "model-q8_0.gguf"
    export(models.merged, wrong, "F16", Silent())
    found = run_of(models, runs / "tiny-1", wrong)
    (runs / "latest").symlink_to("tiny-1")
    result = seekforge("evaluate", "parity", *QUICK, "--budget", budget)
    assert result.code == 3
    assert "over budget: parity.int8_faults is 1, not == 0" in result.out
    assert "INT8: cause: full precision: it is called Q8_0 (8.5 bits) and holds F16" in result.out
    assert withheld(runs, found) == "INT8 over its drift budget"
    assert "registers the model as challenger" in result.err
    tree = json.loads((runs / "tiny-1" / "parity-check" / "parity.json").read_text("utf-8"))
    assert tree["verdict"] == "failed"
    assert all(m["how"].startswith("seekforge evaluate parity --positions 60") for m in tree["measurements"])
    assert not (runs / "tiny-1" / "parity-check" / "work").exists()

    sound = run_of(models, runs / "tiny-2", models.file("Q8_0"))
    result = seekforge("evaluate", "parity", runs / "tiny-2", *QUICK, "--budget", budget, "--json")
    assert result.code == 0, result.out
    tree = json.loads(result.out)
    assert (tree["verdict"], [step["title"] for step in tree["steps"]]) == ("passed", ["adapter", "merged", "INT8"])
    assert withheld(runs, sound) == ""


def test_paths_in_place_of_a_run(seekforge: Seekforge, models: Models, work: Path, budget: Path) -> None:
    rows = [{"messages": [m.to_dict() for m in record.messages]} for record in lineage.RECORDS]
    test = work / "test.jsonl"
    test.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    given = ("--base", models.base, "--adapter", models.trained / "adapter", "--merged", models.merged)
    files = ("--gguf", models.file("Q4_0"), "--gguf", models.file("F16"))
    result = seekforge("evaluate", "parity", *given, *files, "--test", test, *QUICK, "--budget", budget)
    assert result.code == 0, result.out
    shown = [line.split()[0] for line in result.out.splitlines() if line.endswith((" ok", " start"))]
    assert shown == ["adapter", "merged", "F16", "INT4"]
    assert "KL: the engine gives no distributions" in result.out
    assert (work / "parity" / "parity.json").is_file()


def test_bad_input_is_one_line(seekforge: Seekforge, models: Models, work: Path, runs: Path) -> None:
    (runs / "half" / "data").mkdir(parents=True)
    wrong = work / "budget.yaml"
    wrong.write_text("int8: {agrement: '>= 1'}", "utf-8")
    rule = work / "rule.yaml"
    rule.write_text("int8: {agreement: 'high'}", "utf-8")
    merged, test = ("--merged", models.merged), ("--test", work / "none.jsonl")
    cases: list[tuple[tuple[object, ...], str]] = [
        ((), "no such run"),
        ((runs / "half",), "manifest.json"),
        ((runs / "none", *merged), "a run and --merged are two lineages"),
        (("--base", models.base), "--base: part of a lineage without --merged"),
        (("--label", "HOLD"), "--label: part of a lineage without --merged"),
        (merged, "no records to ask"),
        ((*merged, *test, "--base", models.base), "--base and --adapter go together"),
        ((*merged, *test), "none.jsonl"),
        (("--endpoint", "nowhere"), "no http:// or https:// address"),
        (("--merged", work, *test), "config.json"),
    ]
    for arguments, words in cases:
        result = seekforge("evaluate", "parity", *arguments)
        assert result.code == 2, arguments
        assert words in result.error, arguments
    run_of(models, runs / "tiny-1", models.file("Q8_0"))
    for file, words in ((wrong, "unknown key 'agrement'; did you mean 'agreement'?"), (rule, "no gate rule")):
        result = seekforge("evaluate", "parity", runs / "tiny-1", "--budget", file)
        assert (result.code, words in result.error) == (2, True), result.err
