"""`seekforge evaluate score`: score a model, an endpoint or a file of answers on a file of questions and answers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seekforge.cli.evaluate.options import AtOnce, Endpoint, KeyFile, Label, Lexicon, Limit, ModelName, System

if TYPE_CHECKING:
    from seekforge.cli.answering import Given, Task
    from seekforge.core.config.recipe import SliceBy
    from seekforge.evaluate.predict import Prediction

_RESAMPLES, _SEED = 1000, 7
_WRITTEN = _PREDICTIONS, _SCORES = "predictions.jsonl", "scores.json"


def command(
    model: Annotated[
        str, typer.Argument(help="demo, a folder, a .gguf file, a hub id, NAME@champion, or answers as JSONL.")
    ],
    test_data: Annotated[
        Path | None, typer.Argument(help="JSONL, CSV or Parquet of records with answers; with --endpoint all there is.")
    ] = None,
    metric: Annotated[list[str] | None, typer.Option(help="A metric; repeat for each.")] = None,
    label: Label = None,
    slice_by: Annotated[
        list[str] | None,
        typer.Option("--slice", help="Also by label, length, length:50,200 (characters) or language; may be repeated."),
    ] = None,
    system: System = None,
    lexicon: Lexicon = None,
    max_new_tokens: Annotated[int, typer.Option(min=1, help="Longest answer.")] = 64,
    limit: Limit = None,
    endpoint: Endpoint = None,
    model_name: ModelName = None,
    key_file: KeyFile = None,
    at_once: AtOnce = 16,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", help="Keep answers here as they come, to go on after a kill; and write the figures."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Ask every question of a file, greedily, and score the answers with 95 % intervals.

    Example: seekforge evaluate score demo examples/risk_desk/raw.jsonl --limit 50 --metric f1 --slice length
    """
    from seekforge.core.lexicon import read_lexicon
    from seekforge.evaluate.compare import check_metrics
    from seekforge.evaluate.endpoint import failed
    from seekforge.evaluate.text import folded

    labels = tuple(label or ())
    metrics = metric or (["accuracy"] if labels else []) + ["exact_match", "f1", "bleu", "rougeL"]
    check_metrics(metrics, labels)
    cuts = [_cut(text, labels) for text in slice_by or ()]
    terms = folded(entry.term for entry in read_lexicon(lexicon)) if lexicon else frozenset[str]()
    file = _test_file(model, test_data, endpoint)
    if out is not None:
        _check_out(out, [file, Path(model)])
    task = _task(file, labels, metrics, system, limit, max_new_tokens, out)
    given = _given(model, task, endpoint, model_name, key_file, at_once)
    if not given.predictions:
        raise failed(given.failures, len(task.records), kept=out is not None)
    found = _figures(given, metrics, cuts, terms, len(task.records))
    if out is not None:
        _write(out, given.predictions, found)
    typer.echo(json.dumps(found, ensure_ascii=False) if as_json else _shown(found, metrics))
    if given.failures:
        raise failed(given.failures, len(task.records), kept=out is not None)


def _cut(text: str, labels: Sequence[str]) -> tuple[SliceBy, tuple[int, ...]]:
    """`length:50,200` as what it cuts by and where."""
    from typing import get_args

    from seekforge.core.config.recipe import SliceBy
    from seekforge.core.errors import ConfigError
    from seekforge.core.registry import nearest

    name, _, edges = text.partition(":")
    by: SliceBy | None = next((known for known in get_args(SliceBy) if known == name), None)
    if by is None:
        raise ConfigError(f"unknown slice '{name}'", where="--slice", mend=nearest(name, list(get_args(SliceBy))))
    if by == "label" and not labels:
        raise ConfigError("label needs labels", where="--slice", mend="Give --label, once for each")
    if edges and (by != "length" or not all(part.isdecimal() for part in edges.split(","))):
        raise ConfigError(f"'{text}' has no lengths", where="--slice", mend="Write --slice length:50,200")
    return by, tuple(int(part) for part in edges.split(",")) if edges else ()


def _test_file(model: str, test_data: Path | None, endpoint: str | None) -> Path:
    from seekforge.core.errors import ConfigError

    if endpoint is not None and test_data is not None:
        what = f"asks the endpoint, so there is nothing to do for '{model}'"
        raise ConfigError(what, where="--endpoint", mend="Name the test file only")
    if endpoint is None and test_data is None:
        raise ConfigError("no test file", where=model, mend="Name the model and then the file of questions and answers")
    return Path(model) if test_data is None else test_data


def _check_out(out: Path, inputs: Sequence[Path]) -> None:
    from seekforge.core.files import check_output

    for name in _WRITTEN:
        check_output(out / name, inputs)


def _task(
    file: Path,
    labels: tuple[str, ...],
    metrics: Sequence[str],
    system: str | None,
    limit: int | None,
    max_new_tokens: int,
    out: Path | None,
) -> Task:
    from seekforge.cli.answering import Task
    from seekforge.core.progress import for_terminal
    from seekforge.data.sources import records_of

    records = records_of(file, system=system, labels=labels, limit=limit)
    return Task(records, labels, metrics, max_new_tokens, out, for_terminal())


def _given(
    model: str, task: Task, endpoint: str | None, model_name: str | None, key_file: Path | None, at_once: int
) -> Given:
    from seekforge.cli.answering import from_endpoint, from_file, from_model, remote

    if endpoint is not None:
        return from_endpoint(remote(endpoint, model_name, key_file, at_once, task.max_new_tokens), task)
    if model.endswith(".jsonl"):
        return from_file(Path(model), task)
    return from_model(model, task)


def _figures(
    given: Given,
    metrics: Sequence[str],
    cuts: Sequence[tuple[SliceBy, tuple[int, ...]]],
    terms: frozenset[str],
    asked: int,
) -> dict[str, Any]:
    from dataclasses import asdict

    from seekforge.core.files import json_safe
    from seekforge.evaluate.compare import score
    from seekforge.evaluate.slices import score_slices, slices

    answers = given.predictions
    scores = {name: score(name, answers, _RESAMPLES, _SEED, terms) for name in metrics}
    parts = [part for by, edges in cuts for part in slices(by, answers, edges)]
    sliced = {name: score_slices(name, answers, parts, _RESAMPLES, _SEED, terms) for name in metrics} if parts else {}
    found: dict[str, Any] = {
        "model": given.source,
        "records": len(answers),
        "asked": asked,
        "failures": given.failures,
        "empty": sum(not p.text.strip() for p in answers),
        "cut_off": sum(p.finish_reason == "length" for p in answers),
        "metrics": {name: {"value": value, "interval": span} for name, (value, span) in scores.items()},
        "slices": [{"metric": name, **asdict(row)} for name, rows in sliced.items() for row in rows],
    }
    return dict(json_safe(found))


def _write(out: Path, predictions: Sequence[Prediction], found: dict[str, Any]) -> None:
    from seekforge.core.files import write_json
    from seekforge.evaluate.predict import save

    out.mkdir(parents=True, exist_ok=True)
    save(out / _PREDICTIONS, predictions)
    write_json(out / _SCORES, found)


def _shown(found: dict[str, Any], metrics: Sequence[str]) -> str:
    """The table of all records, and one for each way to cut them."""
    from seekforge.cli.show import table
    from seekforge.core.report.units import format_value
    from seekforge.evaluate.metrics import metric

    units = {name: metric(name).unit for name in metrics}

    def row(name: str, figure: dict[str, Any]) -> list[str]:
        return [format_value(value, units[name]) for value in (figure["value"], *figure["interval"])]

    of = "" if found["records"] == found["asked"] else f" of {found['asked']}"
    title = f"{found['model']} on {found['records']}{of} records"
    whole = [(name, *row(name, figure)) for name, figure in found["metrics"].items()]
    tables = [table(title, ("metric", "value", "from", "to"), whole, numbers=(1, 2, 3))]
    for by in dict.fromkeys(part["by"] for part in found["slices"]):
        rows = [
            (part["name"], str(part["count"]), part["metric"], *row(part["metric"], part))
            for part in found["slices"]
            if part["by"] == by
        ]
        title = "by length of the question in characters" if by == "length" else f"by {by}"
        columns = (by, "records", "metric", "value", "from", "to")
        tables.append(table(title, columns, rows, numbers=(1, 3, 4, 5)))
    return "\n".join(tables) + _remarks(found)


def _remarks(found: dict[str, Any]) -> str:
    """What a low figure may come of."""
    told = [
        (found["empty"], "answers are empty, and are scored as such"),
        (found["cut_off"], "answers were cut off at --max-new-tokens"),
    ]
    return "".join(f"\n{count} of {found['records']} {what}" for count, what in told if count)
