"""`seekforge train search` on a tiny model: what it leaves, that its best settings work, and what a kill costs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import optuna
import pytest
import yaml
from tests.engines import tiny

from seekforge.core import tracking
from seekforge.core.config import environment

Seekforge = Callable[..., Any]
ROOT = Path(__file__).parents[2]
one_thread = pytest.fixture(scope="module", autouse=True)(tiny.one_thread)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.make(tmp_path_factory.mktemp("model"), "qwen2")


@pytest.fixture
def recipe(work: Path, model: Path) -> Path:
    answers = ["stop", "go", "wait", "ask"]
    rows = [{"instruction": f"case {n * 7919 % 1000}: {answers[n % 4]}", "output": answers[n % 4]} for n in range(60)]
    (work / "x.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    tree = {
        "name": "r",
        "model": str(model),
        "data": {"sources": [{"path": "x.jsonl"}]},
        "train": {"batch_size": 4, "learning_rate": 1e-4, "epochs": 1},
        "search": {
            "trials": 3,
            "validations": 3,
            "prune": {"at": [0.3]},
            "space": {
                "learning_rate": {"low": 5e-3, "high": 2e-2, "log": True},
                "batch_size": [4],
                "warmup_ratio": {"low": 0.0, "high": 0.2},
                "lora": {"rank": [4, 8], "alpha": None},
            },
        },
    }
    path = work / "r.yaml"
    path.write_text(yaml.safe_dump(tree), encoding="utf-8")
    return path


def found(runs: Path) -> Path:
    (folder,) = runs.glob("r-search-*")
    return folder


def trials(folder: Path) -> list[dict[str, Any]]:
    return list(json.loads((folder / "details.json").read_text("utf-8"))["trials"])


def test_a_search_ends_with_settings_that_a_run_can_use(seekforge: Seekforge, registry: Path, recipe: Path) -> None:
    done = seekforge("train", "search", recipe)
    assert done.code == 0, done.err
    assert "seekforge: " not in done.err
    folder = found(registry)
    rows = trials(folder)
    assert len(rows) == 3
    assert (rows[0]["recipe"], rows[0]["state"]) == (True, "complete")
    assert "learning_rate" not in rows[0]["values"], "the recipe's own rate lies outside the space"
    best = min((row for row in rows if row["state"] == "complete"), key=lambda row: row["loss"])
    assert best["loss"] < rows[0]["loss"]
    assert not list((folder / "trials").iterdir()), "no checkpoint is left"
    assert optuna.load_study(study_name="search", storage=f"sqlite:///{folder / 'study.db'}").best_value == best["loss"]

    page = (folder / "report.html").read_text("utf-8")
    assert '<section class="panel" id="search"' in page
    assert page.count('<svg class="chart"') == 4, "history and curves, at two sizes"
    assert f"3 trials, {sum(row['state'] == 'pruned' for row in rows)} of them pruned" in done.out

    client = tracking._client(environment())
    experiment = client.get_experiment_by_name("r").experiment_id
    (parent,) = client.search_runs([experiment], f"tags.`seekforge.run` = '{folder.name}'")
    children = client.search_runs([experiment], f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'")
    assert {run.info.run_name for run in children} == {"trial-0", "trial-1", "trial-2"}
    (child,) = [run for run in children if run.info.run_name == f"trial-{best['number']}"]
    assert child.data.metrics["best_validation_loss"] == pytest.approx(best["loss"])
    history = client.get_metric_history(child.info.run_id, "validation_loss")
    assert {str(point.step): point.value for point in history} == pytest.approx(best["losses"])

    ran = seekforge("run", recipe, "--until", "train", "--with", folder / "best.yaml")
    assert ran.code == 0, ran.err
    report = json.loads((registry / "latest" / "report.json").read_text("utf-8"))
    figures = {m["name"]: m["value"] for stage in report["stages"] for m in stage.get("measurements", ())}
    assert figures["train.validation_loss"] == best["loss"], "the very same training"

    before = [(row["number"], row["ended"]) for row in rows]
    again = seekforge("train", "search", recipe)
    assert again.code == 0, again.err
    assert [(row["number"], row["ended"]) for row in trials(found(registry))] == before, "the budget is used up"
    more = seekforge("train", "search", recipe, "--trials", "4", "--set", "search.prune=null")
    assert more.code == 0, more.err
    assert [(row["number"], row["ended"]) for row in trials(found(registry))][:3] == before
    assert [row["state"] for row in trials(found(registry))][3:] == ["complete"], "the same study by another rule"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["train", "--lr", "1", "search", "r.yaml"], "'--lr' does not go with 'search': set it in the recipe."),
        (["train", "--lr", "1"], "Missing option '--model-name'."),
        (["train", "search", "none.yaml"], "none.yaml: no such recipe file"),
        (["train", "search", "r.yaml", "--set", "search.space.rank=[8]"], "unknown key 'rank'"),
        (["train", "search", "r.yaml", "--minutes", "0"], "search.minutes: Input should be greater than 0"),
        (["run", "r.yaml", "--with", "none.yaml"], "none.yaml: no such YAML file"),
        (["run", "r.yaml", "--with", "x.jsonl"], "not a mapping of keys"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(
    arguments: list[str], words: str, seekforge: Seekforge, runs: Path, recipe: Path
) -> None:
    (recipe.parent / "x.jsonl").write_text("- a\n- b\n", encoding="utf-8")
    done = seekforge(*arguments)
    assert done.code == 2
    assert words in done.err
    assert "Traceback" not in done.err
    assert not runs.exists()


def test_a_warm_up_that_never_ends_is_one_line(seekforge: Seekforge, runs: Path, recipe: Path) -> None:
    done = seekforge("train", "search", recipe, "--set", "search.space={batch_size: [4, 8]}")
    assert done.code == 2
    assert "search.space.warmup_steps goes to 200, a training with batch_size=8 has 6 steps" in done.error


def start(arguments: Sequence[object], runs: Path, work: Path) -> subprocess.Popen[bytes]:
    settings = {**os.environ, "SEEKFORGE_RUNS": str(runs), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "seekforge.cli.app", *map(str, arguments)]
    with (work / "log").open("ab") as log:
        return subprocess.Popen(command, cwd=work, env=settings, stdout=log, stderr=log)


@pytest.mark.slow
def test_kill_minus_nine_costs_one_mark_and_the_trial_goes_on(
    seekforge: Seekforge, registry: Path, recipe: Path, work: Path
) -> None:
    options = ["--set", "train.epochs=20"]
    process = start(["train", "search", recipe, *options], registry, work)
    deadline = time.monotonic() + 300
    while not list(registry.glob("r-search-*/trials/1/scratch/checkpoint-*/.complete")):
        assert process.poll() is None and time.monotonic() < deadline, (work / "log").read_text("utf-8")
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    done = seekforge("train", "search", recipe, *options)
    assert done.code == 0, done.err
    rows = trials(found(registry))
    assert [row["state"] for row in rows][1] == "failed"
    assert rows[1]["note"] == "its worker was killed"
    assert (rows[2]["retry_of"], rows[2]["values"]) == (1, rows[1]["values"])
    assert rows[2]["losses"].items() >= rows[1]["losses"].items(), "the losses before the kill are its own"
    assert "taking up training at step" in done.out
    assert sum(row["state"] != "failed" for row in rows) == 3


@pytest.mark.slow
def test_workers_and_a_second_process_share_one_study(
    seekforge: Seekforge, registry: Path, recipe: Path, work: Path
) -> None:
    second = start(["train", "search", recipe, "--trials", 6], registry, work)
    done = seekforge("train", "search", recipe, "--trials", 6, "--workers", 2)
    assert second.wait(timeout=300) == 0, (work / "log").read_text("utf-8")
    assert done.code == 0, done.err
    rows = trials(found(registry))
    assert len(rows) == 6
    assert {row["state"] for row in rows} <= {"complete", "pruned"}
    assert sum(row["recipe"] for row in rows) == 1
    logs = [path.read_text("utf-8") for path in found(registry).glob("worker-*.log")]
    assert len(logs) == 2
