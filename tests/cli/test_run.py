"""`seekforge run` and `seekforge data`, for real up to the data stage: what is written, reused, and said."""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.patience import LONG

from seekforge.cli import pipeline, run
from seekforge.core import artifacts, promotion, tracking
from seekforge.core.artifacts import Artifact
from seekforge.core.config import Recipe
from seekforge.core.errors import InputError, SeekforgeError
from seekforge.core.records import read_records
from seekforge.core.report.build import verdict_word
from seekforge.core.runner import Outcome

Seekforge = Callable[..., Any]
ROOT = Path(__file__).parents[2]
RISK_DESK = ROOT / "recipes" / "risk_desk.yaml"
RAW = ROOT / "examples" / "risk_desk" / "raw.jsonl"
BRIEF = ("run", RISK_DESK, "--until", "data", "--set", "data.limit=100")


@pytest.fixture
def unrecorded(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Runs are not written to MLflow, which takes seconds, but kept here."""
    kept: list[dict[str, Any]] = []

    def record(report: dict[str, Any], *_: object) -> str:
        kept.append(report)
        return "run-id"

    monkeypatch.setattr(tracking, "record", record)
    return kept


def test_the_data_stage_of_the_demo_and_its_second_run(seekforge: Seekforge, registry: Path) -> None:
    first = seekforge("run", RISK_DESK, "--until", "data")
    assert first.code == 0, first.err
    assert first.err == ""
    folder = (registry / "latest").resolve()
    assert (folder.parent, folder.name[:10]) == (registry, "risk_desk-")
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    assert (report["id"], report["verdict"]) == (folder.name, "unfinished")
    assert report["command"] == f"seekforge run {RISK_DESK}"
    assert [stage["status"] for stage in report["stages"]] == ["ran"] + ["not reached"] * 5
    assert report["gates"][0]["passed"] is True
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert folder.name in page
    assert "1,503" in page
    made = artifacts.load(folder / "data")
    assert artifacts.verify(made)
    tree = json.loads((folder / "lineage.json").read_text(encoding="utf-8"))
    assert [node["content_hash"] for node in tree["artifacts"]] == [made.content_hash]
    assert re.search(r"gates: 1 of 1 passed", first.out)
    assert re.search(r"PASS +Test records that leak into training +0 +== 0 +data\.leaks", first.out)
    assert "latest/report.html" in first.out

    second = seekforge("run", RISK_DESK, "--until", "data")
    assert second.code == 0
    assert f"data      reused   {made.summary} (inputs unchanged)" in second.out.splitlines()
    assert (registry / "latest").resolve() != folder
    again = json.loads((registry / "latest" / "report.json").read_text(encoding="utf-8"))
    assert again["stages"][0]["status"] == "reused"
    assert (registry / "mlflow").is_dir(), "the run is recorded beside the runs"
    assert not [path for path in registry.rglob("*.partial")]


def test_a_failing_gate_ends_with_3_and_says_which_and_what_to_try(
    seekforge: Seekforge, runs: Path, unrecorded: list[dict[str, Any]]
) -> None:
    result = seekforge(*BRIEF, "--set", "gates.data.leaks=> 5")
    assert result.code == 3
    assert "gates: 0 of 1 passed" in result.out
    assert re.search(r"FAIL +Test records that leak into training +0 +> 5 +data\.leaks", result.out)
    assert result.err.splitlines() == [
        "failed: Test records that leak into training. Try: Set data.leak.drop to true, or split by what they share"
        " (data.split.by)."
    ]
    assert unrecorded[0]["verdict"] == "failed"
    assert json.loads((runs / "latest" / "report.json").read_text())["verdict"] == "failed"


def test_set_and_from_reach_the_run(
    seekforge: Seekforge, runs: Path, unrecorded: list[dict[str, Any]], work: Path
) -> None:
    assert seekforge(*BRIEF, "--set", "name=small").code == 0
    assert json.loads((runs / "latest" / "report.json").read_text())["recipe"] == "small"
    assert "data      reused" in seekforge(*BRIEF).out
    redone = seekforge(*BRIEF, "--from", "data")
    assert "data      running" in redone.out
    assert "data      done     100 read" in redone.out
    assert unrecorded[-1]["command"] == f"seekforge run {RISK_DESK} --set data.limit=100"
    figures = {m["name"]: m for m in unrecorded[-1]["stages"][0]["measurements"]}
    assert figures["data.read"]["value"] == 100
    assert figures["data.read"]["how"] == f"seekforge run {RISK_DESK} --set data.limit=100 --from data"


def test_gates_of_stages_that_were_not_reached_are_left_out(
    seekforge: Seekforge, unrecorded: list[dict[str, Any]]
) -> None:
    result = seekforge(*BRIEF, "--set", 'gates={"serve.throughput_ratio": ">= 2"}')
    assert result.code == 0
    assert "no gates in this recipe" in result.out
    assert unrecorded[0]["gates"] == []


def whole(finished: pipeline.Finished) -> pipeline.Finished:
    """The same run as if all six stages had been made."""
    made = finished.outcomes[0].artifact
    assert isinstance(made, Artifact)
    outcomes = [Outcome(name, "ran", 1.0, made) for name in pipeline.STAGES]
    report = {**finished.report, "verdict": verdict_word(outcomes, finished.verdicts)}
    return pipeline.Finished(finished.run, outcomes, finished.verdicts, report)


@pytest.mark.parametrize(
    ("gates", "alias", "code"),
    [
        ('{data.leaks: "== 0"}', "champion", 0),
        ('{data.leaks: "> 5"}', "challenger", 3),
        ('{data.leaks: "== 0", data.nothing: "== 0"}', "challenger", 3),
        ("{}", "challenger", 0),  # nothing was promised, so nothing was proved
    ],
)
def test_a_whole_run_becomes_champion_only_when_every_gate_passed(
    seekforge: Seekforge,
    runs: Path,
    unrecorded: list[dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    gates: str,
    alias: str,
    code: int,
) -> None:
    registered: list[tuple[Any, ...]] = []

    def register(*arguments: Any) -> str:
        registered.append(arguments)
        return "7"

    monkeypatch.setattr(tracking, "register", register)
    original = pipeline.run_recipe
    monkeypatch.setattr(pipeline, "run_recipe", lambda *a, **k: whole(original(*a, **k)))
    result = seekforge(*BRIEF, "--set", f"gates={gates}")
    assert result.code == code
    assert f"registered risk_desk version 7 as {alias}" in result.out
    name, source, found, run_id, _, tags = registered[0]
    assert (name, found, run_id) == ("risk_desk", alias, "run-id")
    assert source.parent == runs / "artifacts"
    assert tags["format"] == "Q8_0"
    assert tags["content_hash"] == artifacts.load(source).content_hash
    if alias == "champion":  # until a later check of parity fails
        promotion.withhold(runs, tags["content_hash"], "INT8 over its drift budget", "seekforge evaluate parity")
        again = seekforge(*BRIEF, "--set", f"gates={gates}")
        assert registered[1][2] == "challenger"
        assert "not the champion: seekforge evaluate parity found INT8 over its drift budget" in again.out
        promotion.release(runs, tags["content_hash"])
        seekforge(*BRIEF, "--set", f"gates={gates}")
        assert registered[2][2] == "champion"


def test_a_recipe_may_go_on_from_a_registered_model(
    seekforge: Seekforge, unrecorded: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    models: list[str] = []

    def stop(recipe: Recipe, *_: object) -> None:
        models.append(recipe.model)
        raise InputError("far enough")

    monkeypatch.setattr(tracking, "resolve_alias", lambda reference, machine: (tmp_path / reference, {}))
    monkeypatch.setattr(pipeline, "run_recipe", stop)
    for model in ("risk_desk@champion", "challenger", "demo"):
        assert seekforge(*BRIEF, "--set", f"model={model}").code == 2
    assert models == [
        str(tmp_path / "risk_desk@champion" / "merged"),
        str(tmp_path / "challenger" / "merged"),
        "demo",
    ]


def test_a_run_that_is_not_whole_is_not_registered(
    seekforge: Seekforge, unrecorded: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracking, "register", lambda *_: pytest.fail("registered"))
    assert seekforge(*BRIEF).code == 0
    assert len(unrecorded) == 1


def test_a_registry_that_does_not_answer_costs_a_line_and_not_the_run(
    seekforge: Seekforge, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> str:
        raise SeekforgeError("MLflow refused: no", where="http://x", mend="Check MLFLOW_TRACKING_URI")

    monkeypatch.setattr(tracking, "record", refuse)
    result = seekforge(*BRIEF)
    assert result.code == 1
    assert result.error == "http://x: MLflow refused: no. Check MLFLOW_TRACKING_URI"
    assert (runs / "latest" / "report.html").is_file()


def test_the_report_is_shown_relative_where_that_is_shorter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run.short(tmp_path / "runs" / "x") == "runs/x"
    assert run.short(Path("/elsewhere/x")) == "/elsewhere/x"


INTERRUPTED = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell that runs us in the background has it ignored
from seekforge.cli import app, pipeline
def slow():
    print("here", flush=True)
    time.sleep(3600)
pipeline.all_stages = slow
sys.argv = ["seekforge", "run", sys.argv[1]]
app.main()
"""


def test_ctrl_c_says_that_the_same_command_goes_on() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, str(RISK_DESK)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "here\n"
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=LONG)
    assert process.returncode == 130
    assert err.strip() == "seekforge: stopped; the same command goes on from here"


def test_the_data_command_writes_a_dataset_and_finds_it_again(seekforge: Seekforge, work: Path, runs: Path) -> None:
    first = seekforge("data", RAW, "--out", "clean")
    assert first.code == 0, first.err
    splits = {name: read_records(work / "clean" / f"{name}.jsonl") for name in ("train", "validation", "test")}
    dropped = (work / "clean" / "dropped.jsonl").read_text(encoding="utf-8").splitlines()
    kept = sum(map(len, splits.values()))
    assert kept + len(dropped) == 1503
    assert len(splits["train"]) > len(splits["test"]) > 100
    assert all(record.split == name for name, records in splits.items() for record in records)
    assert all(json.loads(line)["reason"] for line in dropped)
    made = artifacts.load(work / "clean")
    assert artifacts.verify(made)
    assert first.out.splitlines() == [made.summary, "clean"]
    assert not runs.exists(), "a single command needs no runs folder"

    written = (work / "clean" / "manifest.json").stat().st_mtime_ns
    again = seekforge("data", RAW, "--out", "clean")
    assert (again.code, again.out) == (0, first.out)
    assert (work / "clean" / "manifest.json").stat().st_mtime_ns == written, "found, not made again"
    assert sorted(path.name for path in work.iterdir()) == [".clean.lock", "clean"]


def test_the_data_command_takes_its_ops_in_order_and_sets_bad_rows_apart(
    seekforge: Seekforge, work: Path, good: Path
) -> None:
    with good.open("a", encoding="utf-8") as file:
        file.write("no record\n")
    words = ("data", good, "--out", "clean", "--ops", "exact, normalise", "--workers", "1")
    assert "good.jsonl:41: not JSON" in seekforge(*words, "--max-rejected", "0").error
    done = seekforge(*words, "--max-rejected", "0.5")
    assert done.code == 0, done.err
    assert "1 rejected (rejected.jsonl)" in done.out
    (row,) = map(json.loads, (work / "clean" / "rejected.jsonl").read_text(encoding="utf-8").splitlines())
    assert (row["reason"].partition(":")[0], row["raw"]) == ("not JSON", "no record")
    details = json.loads((work / "clean" / "details.json").read_text(encoding="utf-8"))
    assert [step["step"] for step in details["funnel"]] == ["read", "exact", "normalise", "leak"]


def test_the_data_command_touches_no_folder_that_holds_something_else(
    seekforge: Seekforge, work: Path, good: Path
) -> None:
    assert seekforge("data", good, "--out", "clean").code == 0
    before = {path: path.read_bytes() for path in (work / "clean").iterdir()}
    for arguments in (("--seed", "8"), ("--label", "A"), ("--threshold", "0.5"), ("--system", "Be brief.")):
        result = seekforge("data", good, "--out", "clean", *arguments)
        assert result.code == 2, arguments
        assert "clean: the output folder is not empty. Name a new folder" in result.error
    assert {path: path.read_bytes() for path in (work / "clean").iterdir()} == before
    (work / "other").mkdir()
    (work / "other" / "mine.txt").write_text("mine")
    (work / "file").write_text("mine")
    assert "the output folder is not empty" in seekforge("data", good, "--out", "other").error
    assert "a file, not a folder" in seekforge("data", good, "--out", "file").error
    assert sorted(p.name for p in work.iterdir()) == [".clean.lock", "clean", "file", "good.jsonl", "other"]
    (work / "empty").mkdir()
    assert seekforge("data", good, "--out", "empty").code == 0, "an empty folder may be filled"


def test_a_tampered_dataset_is_not_taken_for_the_old_one(seekforge: Seekforge, work: Path, good: Path) -> None:
    assert seekforge("data", good, "--out", "clean").code == 0
    with (work / "clean" / "train.jsonl").open("a") as file:
        file.write("\n")
    assert "the output folder is not empty" in seekforge("data", good, "--out", "clean").error


def test_the_data_commands_options_reach_the_records(seekforge: Seekforge, work: Path, good: Path) -> None:
    result = seekforge("data", good, "--out", "clean", "--system", "Be brief.", "--label", "A", "--label", "B")
    assert result.code == 0, result.err
    config = artifacts.load(work / "clean").config
    assert (config["labels"], config["system"]) == (["A", "B"], "Be brief.")
    for record in read_records(work / "clean" / "train.jsonl"):
        assert record.prompt[0] == {"role": "system", "content": "Be brief."}
        assert record.label == "A"
