"""`seekforge evaluate harness`: the same task by lm-evaluation-harness and by our runner, item by item."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seekforge.cli.evaluate.options import Endpoint, KeyFile, Limit, ModelName, System

if TYPE_CHECKING:
    from seekforge.core.config import Environment
    from seekforge.core.progress import Progress
    from seekforge.engines.install import Installed
    from seekforge.evaluate.harness.compare import Comparison
    from seekforge.evaluate.harness.run import LocalModel, Model
    from seekforge.evaluate.harness.task import Task
    from seekforge.evaluate.predict import Prediction

_DISAGREE = 3
_DIFFERENCES = 20  # shown; the file has all of them
_KEPT = "ours"  # our answers so far
_ANSWER_TOKENS = 64  # where no run says it
_COMPARISON = "comparison.json"
_STAMP = re.compile(r"-\d{8}-\d{6}(-\d+)?$")


def command(
    source: Annotated[
        str,
        typer.Argument(
            metavar="RUN_OR_MODEL", help="A run's folder, its name or `latest`; or demo, a folder, a hub id."
        ),
    ],
    test_data: Annotated[
        Path | None, typer.Argument(help="JSONL, CSV or Parquet of labelled records; a run has its own test split.")
    ] = None,
    task: Annotated[str | None, typer.Option(help="The task's name; by default the run's or the file's.")] = None,
    endpoint: Endpoint = None,
    model_name: ModelName = None,
    key_file: KeyFile = None,
    at_once: Annotated[
        int,
        typer.Option("--at-once", "--concurrency", min=2, max=256, help="Requests under way at the endpoint."),
    ] = 16,
    label: Annotated[
        list[str] | None, typer.Option(help="A permitted label; repeat for each. A run has its own.")
    ] = None,
    system: System = None,
    max_new_tokens: Annotated[
        int | None, typer.Option(min=1, help="Longest answer; by default the run's, or 64.")
    ] = None,
    limit: Limit = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Prompts at once where a model is loaded.")] = 1,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Where all of it goes; by default harness/TASK in the runs folder."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Score a model with lm-evaluation-harness and with our own runner on the same questions; they must agree.

    Writes the harness's task (YAML and JSONL) from a run's test split or a file, runs it in its own environment
    (`seekforge engine install lm-eval`) against an endpoint or on a model's folder, and compares item by item.
    Exit code 3 where an item differs. A killed run goes on where it stopped.

    Example: seekforge evaluate harness runs/latest --task risk_desk --limit 200
    """
    from seekforge.core.config import environment
    from seekforge.core.locks import alone
    from seekforge.core.progress import for_terminal
    from seekforge.engines.install import find
    from seekforge.evaluate.harness.run import ENGINE

    machine, progress = environment(), for_terminal()
    installed = find(ENGINE, machine, "cpu")
    asked = _asked(source, test_data, task, label or (), system, max_new_tokens, limit, machine)
    folder = (out or machine.runs / "harness" / asked.task.name).absolute()
    model = _model(asked, source, endpoint, model_name, key_file, at_once, batch_size, machine, progress)
    with alone(folder):
        if _both(asked.task, model, installed, folder, progress, as_json=as_json):
            return
    typer.echo(f"the two do not agree: every difference is in {folder / _COMPARISON}", err=True)
    raise typer.Exit(_DISAGREE)


def _both(task: Task, model: Model, installed: Installed, folder: Path, progress: Progress, *, as_json: bool) -> bool:
    """Asks by both, shows and keeps the comparison; whether they agree."""
    from seekforge.core.files import write_json
    from seekforge.evaluate.harness.compare import compare
    from seekforge.evaluate.harness.run import run
    from seekforge.evaluate.harness.task import write

    predictions, prompts = _ours(task, model, folder, progress)
    outcome = run(write(task, folder), model, installed, folder, progress, len(predictions))
    found = compare(predictions, outcome, prompts, task.labels)
    shutil.rmtree(folder / _KEPT, ignore_errors=True)  # the next run asks anew: the model may be another by then
    facts = {"task": task.name, "lm_eval": outcome.version, "agree": found.agree, **asdict(found)}
    write_json(folder / _COMPARISON, facts)
    typer.echo(json.dumps(facts, ensure_ascii=False) if as_json else _shown(task.name, outcome.version, found))
    return found.agree


@dataclass(frozen=True, slots=True)
class _Asked:
    """The task, and the run that it is of, if it is of one."""

    task: Task
    run: Path | None


def _asked(
    source: str,
    test_data: Path | None,
    name: str | None,
    labels: Sequence[str],
    system: str | None,
    max_new_tokens: int | None,
    limit: int | None,
    machine: Environment,
) -> _Asked:
    from seekforge.core import artifacts
    from seekforge.core.errors import ConfigError
    from seekforge.core.records import read_records
    from seekforge.core.runs import STATE
    from seekforge.data.sources import records_of
    from seekforge.evaluate.harness.task import Task

    run = next((f for f in (Path(source), machine.runs / source) if (f / STATE).is_file()), None)
    if run is None:
        if test_data is None:
            mend = "Give a run, or the model and then a file of labelled records"
            raise ConfigError("no run, and no file to ask", where=source, mend=mend)
        records = records_of(test_data, system=system, labels=labels, limit=limit)
        return _Asked(Task(name or test_data.stem, records, tuple(labels), max_new_tokens or _ANSWER_TOKENS), None)
    if test_data is not None or labels or system is not None:
        mend = "Leave the file, --label and --system out, or name a model"
        raise ConfigError("a run has its own test split, labels and system line", where=source, mend=mend)
    data = artifacts.load(run / "data")
    records = read_records(data.file("test.jsonl"))[:limit]
    name = name or _STAMP.sub("", run.resolve().name)
    return _Asked(Task(name, records, tuple(data.config["labels"]), max_new_tokens or _longest(run)), run)


def _longest(run: Path) -> int:
    """The longest answer that the run itself evaluated with."""
    from seekforge.core import artifacts

    if not (run / "evaluate").is_dir():
        return _ANSWER_TOKENS
    return int(artifacts.load(run / "evaluate").config["evaluate"]["max_new_tokens"])


def _model(
    asked: _Asked,
    source: str,
    endpoint: str | None,
    model_name: str | None,
    key_file: Path | None,
    at_once: int,
    batch_size: int,
    machine: Environment,
    progress: Progress,
) -> Model:
    """What is asked: the endpoint, the run's merged folder, or the model's."""
    from seekforge.core import artifacts
    from seekforge.core.models import resolve
    from seekforge.engines.transformers import fast_dtype
    from seekforge.engines.weights import hf_folder
    from seekforge.evaluate.harness.run import LocalModel

    if endpoint is not None:
        from seekforge.cli.answering import remote

        return remote(endpoint, model_name, key_file, at_once, asked.task.max_new_tokens)
    if asked.run is not None:
        folder = artifacts.load(asked.run / "compress").file("merged")
    else:
        folder = hf_folder(resolve(source), machine, progress)
    return LocalModel(folder, fast_dtype(), batch_size)


def _ours(task: Task, model: Model, folder: Path, progress: Progress) -> tuple[list[Prediction], list[str]]:
    """Our runner's answers, and the questions as it asked them."""
    from seekforge.evaluate.harness.compare import chat_prompt
    from seekforge.evaluate.harness.run import LocalModel

    if isinstance(model, LocalModel):
        return _ours_loaded(task, model, folder, progress)
    from seekforge.cli.answering import Task as Questions
    from seekforge.cli.answering import from_endpoint
    from seekforge.core.files import sha256_json
    from seekforge.evaluate.endpoint import failed

    kept = folder / _KEPT / sha256_json([model.url, model.model])[:16]  # a kept answer does not know who gave it
    given = from_endpoint(
        model, Questions(task.records, task.labels, ["accuracy"], task.max_new_tokens, kept, progress)
    )
    if given.failures:
        raise failed(given.failures, len(task.records))
    return given.predictions, [chat_prompt(record.prompt) for record in task.records]


def _ours_loaded(task: Task, model: LocalModel, folder: Path, progress: Progress) -> tuple[list[Prediction], list[str]]:
    from seekforge.core.answers import Answers
    from seekforge.core.models import fingerprint, resolve
    from seekforge.engines.transformers import TransformersEngine
    from seekforge.evaluate.predict import Kept, predict

    engine = TransformersEngine(model.folder, model.dtype, model.batch_size)
    kept = Kept(Answers(folder / _KEPT), (engine.name, fingerprint(resolve(str(model.folder)))))
    found = predict(engine, task.records, task.labels, task.max_new_tokens, progress, "our answers", kept)
    prompts = [engine.render(record.prompt) for record in task.records]
    engine.close()
    kept.answers.close()
    return found, prompts


def _shown(name: str, version: str, found: Comparison) -> str:
    from seekforge.cli.show import table

    items = found.items
    rows = [
        ("our runner, our metric", f"{found.ours * 100:.2f} %", f"{round(found.ours * items)} of {items}"),
        (
            f"lm-evaluation-harness {version}",
            f"{found.theirs * 100:.2f} %",
            f"{round(found.theirs * items)} of {items}",
        ),
        ("its answers, our metric", f"{found.rescored * 100:.2f} %", f"{round(found.rescored * items)} of {items}"),
    ]
    text = [table(f"{name}: {items} items", ("scored by", "accuracy", "right"), rows, numbers=(1, 2))]
    text.append(f"prompts equal to the byte: {found.equal_prompts} of {items}")
    text.append(f"answers of the same text: {found.equal_answers} of {items}")
    text.append(f"items decided or scored otherwise: {len(found.differences)} of {items}")
    if found.differences:
        differing = [
            (d.id, d.label, d.ours[0] or "none", d.theirs[0] or "none") for d in found.differences[:_DIFFERENCES]
        ]
        text.append(table("differing items", ("item", "label", "ours", "harness"), differing))
    return "\n".join(text)
