"""MLflow on SQLite, for real: a run is recorded once, a model is found again by its alias."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from seekforge.core import tracking
from seekforge.core.config import Environment
from seekforge.core.errors import ModelError, SeekforgeError
from seekforge.core.tracking import is_alias, record, register, resolve_alias


@pytest.fixture
def here(machine: Environment, mlflow_database: Path) -> Environment:
    machine.runs.mkdir()
    shutil.copy(mlflow_database, machine.runs / "mlflow.db")
    return machine


def report(run_id: str = "tiny-1", verdict: str = "passed", accuracy: float = 0.9) -> dict[str, Any]:
    figure = {"name": "evaluate.accuracy", "value": accuracy, "unit": "fraction"}
    stages = [{"name": "evaluate", "measurements": [figure]}, {"name": "serve"}]
    return {"id": run_id, "recipe": "tiny", "verdict": verdict, "stages": stages}


def run_folder(machine: Environment) -> Path:
    folder = machine.runs / "tiny-1"
    folder.mkdir(exist_ok=True)
    for name in ("report.html", "report.json", "lineage.json"):
        (folder / name).write_text(name)
    return folder


def compressed(machine: Environment, name: str) -> Path:
    folder = machine.runs / "artifacts" / name
    folder.mkdir(parents=True)
    return folder


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("champion", True),
        ("challenger", True),
        ("risk_desk@champion", True),
        ("demo", False),
        ("a/b", False),
        ("x@y", False),
        ("champion@x", False),
    ],
)
def test_what_is_an_alias(reference: str, expected: bool) -> None:
    assert is_alias(reference) is expected


def test_a_run_is_recorded_once(here: Environment) -> None:
    folder = run_folder(here)
    first = record(report(verdict="failed", accuracy=0.8), folder, here, {"model": "demo", "recipe": "x" * 9000})
    again = record(report(), folder, here, {"model": "demo"})
    other = record(report("tiny-2"), folder, here, {"model": "demo"})
    assert first == again != other
    client = tracking._client(here)
    experiment = client.get_experiment_by_name("tiny")
    assert len(client.search_runs([experiment.experiment_id])) == 2
    run = client.get_run(first)
    assert run.data.metrics == {"evaluate.accuracy": 0.9}
    assert run.data.params["model"] == "demo"
    assert len(run.data.params["recipe"]) == 6000
    assert (run.info.run_name, run.info.status, run.data.tags["seekforge.verdict"]) == ("tiny-1", "FINISHED", "passed")
    assert sorted(file.path for file in client.list_artifacts(first)) == ["lineage.json", "report.html", "report.json"]
    assert (here.runs / "mlflow").is_dir(), "MLflow's own files lie in the runs folder"


def test_a_registered_model_is_found_by_its_alias(here: Environment) -> None:
    run_id = record(report(), run_folder(here), here, {})
    one, two = compressed(here, "compress-1"), compressed(here, "compress-2")
    tags = {"format": "Q8_0", "content_hash": "c" * 64}
    assert register("tiny", one, "champion", run_id, here, tags) == "1"
    assert resolve_alias("champion", here) == (one, tags)
    assert resolve_alias("tiny@champion", here) == (one, tags)
    assert register("tiny", one, "champion", run_id, here, tags) == "1", "the same folder is the same version"
    assert register("tiny", two, "challenger", run_id, here, {"format": "F16"}) == "2"
    assert resolve_alias("tiny@champion", here)[0] == one
    assert resolve_alias("tiny@challenger", here) == (two, {"format": "F16"})
    assert register("tiny", two, "champion", run_id, here, {}) == "2", "promotion moves the alias"
    assert resolve_alias("champion", here)[0] == two


def test_an_alias_that_leads_nowhere_or_to_two_models_is_one_line(here: Environment) -> None:
    run_id = record(report(), run_folder(here), here, {})
    with pytest.raises(ModelError, match="champion: no registered model has the alias 'champion'"):
        resolve_alias("champion", here)
    one, two = compressed(here, "compress-1"), compressed(here, "compress-2")
    register("tiny", one, "champion", run_id, here, {})
    register("other", two, "champion", run_id, here, {})
    with pytest.raises(ModelError, match="several models have the alias 'champion'") as caught:
        resolve_alias("champion", here)
    assert {"tiny@champion", "other@champion"} <= set(caught.value.mend.replace(",", "").split())
    assert resolve_alias("other@champion", here)[0] == two
    with pytest.raises(ModelError, match="no registered model has the alias 'challenger'"):
        resolve_alias("tiny@challenger", here)
    with pytest.raises(
        ModelError, match=r"no registered model has the alias 'champion'\. did you mean 'other@champion'"
    ):
        resolve_alias("othre@champion", here)
    shutil.rmtree(one)
    with pytest.raises(ModelError, match="the registered model's folder is gone"):
        resolve_alias("tiny@champion", here)


def test_looking_writes_nothing(machine: Environment) -> None:
    with pytest.raises(ModelError, match=r"no registered model has the alias 'champion'\. Run a recipe"):
        resolve_alias("tiny@champion", machine)
    assert not machine.runs.exists()


@pytest.mark.parametrize("uri", ["nonsense://host/x", "sqlite:///{}/none/none.db"])
def test_a_registry_that_cannot_be_used_is_one_line(machine: Environment, tmp_path: Path, uri: str) -> None:
    (tmp_path / "none").touch()  # a file where a folder should be
    broken = Environment(machine.runs, machine.cache, uri.format(tmp_path))
    run_folder_ = machine.runs / "tiny-1"
    run_folder_.mkdir(parents=True)
    with pytest.raises(SeekforgeError, match="Check MLFLOW_TRACKING_URI; runs on disk are safe") as caught:
        record(report(), run_folder_, broken, {})
    assert "\n" not in str(caught.value)
    with pytest.raises(SeekforgeError, match="MLflow refused") as caught:
        resolve_alias("champion", broken)
    assert "\n" not in str(caught.value)
