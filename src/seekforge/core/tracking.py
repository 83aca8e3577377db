"""Runs and models in MLflow: SQLite and local files by default, any tracking URI otherwise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from seekforge.core.config import Environment
from seekforge.core.config.environment import quiet_libraries
from seekforge.core.errors import ModelError, SeekforgeError
from seekforge.core.models import ALIASES

_LONGEST_PARAMETER = 6000
_RUN_TAG = "seekforge.run"
_PARENT_TAG = "mlflow.parentRunId"  # MLflow's own, by which its page nests runs


def is_alias(reference: str) -> bool:
    """Whether a model reference names a registered model: `champion`, or `risk_desk@champion`."""
    return reference.rpartition("@")[2] in ALIASES


def record(report: Mapping[str, Any], folder: Path, environment: Environment, parameters: Mapping[str, Any]) -> str:
    """Writes a run's parameters, measurements and report; the same run is never written twice.

    Returns:
        MLflow's run id.

    Raises:
        SeekforgeError: The tracking server does not answer.
    """
    with _answering(environment):
        from mlflow.entities import Metric, Param

        client = _client(environment)
        run_id = _run_id(client, report, environment)
        stages = [stage for stage in report["stages"] if "measurements" in stage]
        at = _milliseconds(report.get("finished"))  # of several values MLflow shows the latest
        metrics = [Metric(m["name"], m["value"], at, 0) for stage in stages for m in stage["measurements"]]
        params = [Param(key, str(value)[:_LONGEST_PARAMETER]) for key, value in parameters.items()]
        client.log_batch(run_id, metrics=metrics, params=params)
        for name in ("report.html", "report.json", "lineage.json"):
            client.log_artifact(run_id, str(folder / name))
        client.set_tag(run_id, "seekforge.verdict", report["verdict"])
        client.set_terminated(run_id, status="FINISHED" if report["verdict"] == "passed" else "FAILED")
    return str(run_id)


def record_children(
    report: Mapping[str, Any], parent: str, children: Sequence[Mapping[str, Any]], environment: Environment
) -> None:
    """Writes a search's trials as runs nested below the run of the study; the same trial is never written twice.

    Args:
        report: The study's.
        parent: MLflow's id of the study's run.
        children: Each with `name`, `status`, `parameters`, `losses` by validation, `loss` and `note`.
        environment: Where the tracking server is.

    Raises:
        SeekforgeError: The tracking server does not answer.
    """
    with _answering(environment):
        from mlflow.entities import Metric, Param

        client = _client(environment)
        experiment = client.get_run(parent).info.experiment_id
        for child in children:
            tag = f"{report['id']}/{child['name']}"
            tags = {_RUN_TAG: tag, _PARENT_TAG: parent, "seekforge.note": child["note"]}
            run_id = _tagged(client, experiment, tag, child["name"], tags)
            curve = [Metric("validation_loss", loss, 0, step) for step, loss in child["losses"].items()]
            best = [] if child["loss"] is None else [Metric("best_validation_loss", child["loss"], 0, 0)]
            params = [Param(key, str(value)) for key, value in child["parameters"].items()]
            client.log_batch(run_id, metrics=curve + best, params=params)
            client.set_terminated(run_id, status=child["status"])


def register(
    name: str, source: Path, alias: str, run_id: str, environment: Environment, tags: Mapping[str, str]
) -> str:
    """Registers a model version and points the alias to it.

    Args:
        name: The registered model's name, the recipe's.
        source: The compress artifact's folder.
        alias: `champion` or `challenger`.
        run_id: MLflow's run id.
        environment: Where the registry is.
        tags: What a later command needs to know (content hash, format to serve).

    Returns:
        The version's number.
    """
    with _answering(environment):
        client = _client(environment)
        if not client.search_registered_models(f"name = '{name}'"):
            client.create_registered_model(name)
        known = [v for v in client.search_model_versions(f"name = '{name}'") if v.source == str(source)]
        version = known[0] if known else client.create_model_version(name, str(source), run_id, tags=dict(tags))
        client.set_registered_model_alias(name, alias, version.version)
    return str(version.version)


def resolve_alias(reference: str, environment: Environment) -> tuple[Path, dict[str, str]]:
    """The compress artifact's folder and the tags behind `name@alias`, or behind a bare alias if only one model has it.

    Raises:
        ModelError: Nothing carries the alias, or several models do.
        SeekforgeError: The tracking server does not answer.
    """
    name, _, alias = reference.rpartition("@")
    with _answering(environment):
        client = _client(environment)
        models = [m for m in client.search_registered_models() if alias in m.aliases and name in ("", m.name)]
    if not models:
        raise ModelError(
            f"no registered model has the alias '{alias}'", where=reference, mend="Run a recipe to its end first"
        )
    if len(models) > 1:
        choices = ", ".join(f"{m.name}@{alias}" for m in models)
        raise ModelError(f"several models have the alias '{alias}'", where=reference, mend=f"Say which: {choices}")
    with _answering(environment):
        version = client.get_model_version_by_alias(models[0].name, alias)
    folder = Path(version.source)
    if not folder.is_dir():
        raise ModelError("the registered model's folder is gone", where=str(folder), mend="Run its recipe again")
    return folder, dict(version.tags)


def _client(environment: Environment) -> Any:  # noqa: ANN401  mlflow has no types that mypy may follow here
    quiet_libraries()
    from mlflow import MlflowClient

    environment.runs.mkdir(parents=True, exist_ok=True)
    return MlflowClient(tracking_uri=environment.tracking_uri, registry_uri=environment.tracking_uri)


def _run_id(client: Any, report: Mapping[str, Any], environment: Environment) -> str:  # noqa: ANN401
    experiment = client.get_experiment_by_name(report["recipe"])
    if experiment is None:
        local = environment.tracking_uri.startswith("sqlite:")
        location = (environment.runs / "mlflow").as_uri() if local else None
        experiment_id = client.create_experiment(report["recipe"], artifact_location=location)
    else:
        experiment_id = experiment.experiment_id
    return _tagged(client, experiment_id, report["id"], report["id"], {_RUN_TAG: report["id"]})


def _tagged(client: Any, experiment: str, tag: str, name: str, tags: Mapping[str, str]) -> str:  # noqa: ANN401
    """The run that carries our tag, made if there is none."""
    known = client.search_runs([experiment], f"tags.`{_RUN_TAG}` = '{tag}'")
    if known:
        return str(known[0].info.run_id)
    return str(client.create_run(experiment, run_name=name, tags=dict(tags)).info.run_id)


def _milliseconds(moment: str | None) -> int:
    return 0 if moment is None else int(datetime.fromisoformat(moment).timestamp() * 1000)


@contextmanager
def _answering(environment: Environment) -> Iterator[None]:
    """Whatever MLflow raises when it cannot do its work becomes one line."""
    quiet_libraries()
    from mlflow.exceptions import MlflowException

    try:
        yield
    except (MlflowException, OSError) as error:
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise SeekforgeError(
            f"MLflow refused: {first}",
            where=environment.tracking_uri,
            mend="Check MLFLOW_TRACKING_URI; runs on disk are safe",
        ) from error
