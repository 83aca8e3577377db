"""`seekforge evaluate compare`: models side by side, on one page to send to whoever decides."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seekforge.cli.evaluate.options import KeyFile, Label, Lexicon, Limit, System

if TYPE_CHECKING:
    from seekforge.core.records import Record
    from seekforge.evaluate.side_by_side.answers import Answered, Asking, Candidate
    from seekforge.evaluate.side_by_side.result import Judging

_MODELS = (
    "demo, folders, .gguf files, NAME@champion, runs, saved predictions-*.jsonl, URL or URL#MODEL; NAME=... names one."
)


def command(
    models: Annotated[list[str], typer.Argument(help=_MODELS)],
    data: Annotated[Path | None, typer.Option(help="The test: JSONL, CSV or Parquet of records with answers.")] = None,
    metric: Annotated[list[str] | None, typer.Option(help="A metric; repeat for each. The first one decides.")] = None,
    label: Label = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for compare.html, compare.json, answers.")] = Path(
        "compare"
    ),
    price: Annotated[
        list[str] | None, typer.Option(help="Price of the machine for an hour, or NAME=PRICE; repeat for each.")
    ] = None,
    currency: Annotated[str, typer.Option(help="Of --price.")] = "USD",
    system: System = None,
    lexicon: Lexicon = None,
    max_new_tokens: Annotated[int, typer.Option(min=1, help="Longest answer.")] = 64,
    concurrency: Annotated[
        int, typer.Option("--concurrency", "--at-once", min=1, max=256, help="Questions asked at once.")
    ] = 16,
    limit: Limit = None,
    examples: Annotated[int, typer.Option(min=0, help="Examples shown for each pair of models.")] = 9,
    api_key_file: KeyFile = None,
) -> None:
    """Ask two models or more the same questions; figures, differences, won and lost items, cost and speed on one page.

    The others are compared with the first. Answers are kept in --out as they come: the same command goes on after a
    kill, and asks only models that are new. Exit code 1: a model failed; the page shows the others.

    Example: seekforge evaluate compare demo tuned.gguf --data examples/risk_desk/raw.jsonl --limit 50 --price 0.10
    """
    from seekforge.core.config import environment
    from seekforge.core.errors import ConfigError, InputError
    from seekforge.core.locks import alone
    from seekforge.core.progress import for_terminal
    from seekforge.data.sources import records_of
    from seekforge.evaluate.metrics import METRICS
    from seekforge.evaluate.side_by_side.answers import Asking, answer

    if len(models) < 2:
        raise ConfigError("one model is nothing to compare", where=models[0], mend="Give two models or more")
    for name in metric or ():
        METRICS.load(name)
    started, progress = datetime.now(UTC), for_terminal()
    asking = Asking(tuple(label or ()), max_new_tokens, concurrency)
    records = records_of(data, system=system, labels=asking.labels, limit=limit) if data else []

    from seekforge.cli.evaluate.candidates import Opening, candidates

    opening = Opening(asking, environment(), progress, api_key_file, saved=data is None)
    found = candidates(models, opening, price or [], currency)
    judging = _judging(metric, found, asking, lexicon, examples)
    _check(found, records, data, judging)
    if out.exists() and not out.is_dir():
        raise InputError("a file, not a folder", where=str(out), mend="Name a folder")
    with alone(out):
        answered = [answer(one, records, asking, out, progress) for one in found]
        _write(_report(answered, judging, asking, records, data, started), out)
    if any(one.failure for one in answered):
        raise typer.Exit(1)


def _judging(
    metric: Sequence[str] | None, found: Sequence[Candidate], asking: Asking, lexicon: Path | None, examples: int
) -> Judging:
    from seekforge.core.lexicon import read_lexicon
    from seekforge.evaluate.side_by_side.result import Judging
    from seekforge.evaluate.text import folded

    saved = [p for one in found for p in one.ready]
    labelled = bool(asking.labels) or (bool(saved) and all(p.label for p in saved) and any(p.decision for p in saved))
    default = [*(["accuracy"] if labelled else []), "exact_match", "f1", "bleu", "rougeL"]
    terms = folded(entry.term for entry in read_lexicon(lexicon)) if lexicon else frozenset()
    return Judging(tuple(dict.fromkeys(metric or default)), terms=terms, examples=examples)


def _check(found: Sequence[Candidate], records: Sequence[Record], data: Path | None, judging: Judging) -> None:
    """All that can be wrong is found before the first question is asked."""
    from seekforge.core.errors import ConfigError
    from seekforge.evaluate.predict import Prediction
    from seekforge.evaluate.side_by_side.answers import Answered, Candidate
    from seekforge.evaluate.side_by_side.items import check_metric, check_references, check_same

    asked = next((one for one in found if one.start is not None), None)
    if asked is not None and data is None:
        raise ConfigError("no test to ask it", where=asked.reference, mend="Give --data test.jsonl")
    if asked is None and data is not None:
        mend = "Leave --data out, or name a model that is to be asked"
        raise ConfigError("all of them are saved answers, so nobody is asked", where=str(data), mend=mend)
    expected = tuple(Prediction(r.id, r.text, r.answer, r.label or "", "", "", "stop") for r in records)
    saved = [Answered(one, one.ready) for one in found if one.start is None]
    test = [Answered(Candidate("the test", str(data)), expected)] if records else []
    whole = [*test, *saved]
    for other in whole[1:]:
        check_same(whole[0], other)
    check_references(whole, judging.metrics)
    for one in whole:
        for name in judging.metrics:
            check_metric(name, one)


def _report(
    answered: Sequence[Answered],
    judging: Judging,
    asking: Asking,
    records: Sequence[Record],
    data: Path | None,
    started: datetime,
) -> dict[str, Any]:
    from seekforge.core import hardware
    from seekforge.core.errors import SeekforgeError
    from seekforge.core.files import sha256_file
    from seekforge.evaluate.side_by_side.result import side_by_side

    if all(one.failure for one in answered):
        failure = answered[0].failure
        raise SeekforgeError(
            f"every model failed; the first: {failure}", mend="What was answered is kept; run it again"
        )
    test = {"name": data.name if data else "saved answers", "sha256": sha256_file(data) if data else None}
    return {
        "schema": 1,
        "command": shlex.join(["seekforge", *sys.argv[1:]]),
        "started": started.isoformat(timespec="seconds"),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "hardware": hardware.describe(),
        "test": {**test, "records": len(records) or None},
        "asking": {"max_new_tokens": asking.max_new_tokens, "concurrency": asking.concurrency} if data else None,
        **side_by_side(answered, judging),
    }


def _write(report: dict[str, Any], out: Path) -> None:
    from seekforge.cli.run import short
    from seekforge.cli.show import table
    from seekforge.core.files import json_safe, write_json, write_text
    from seekforge.core.report.units import format_value
    from seekforge.core.report.units import label as words
    from seekforge.evaluate.side_by_side.page import render
    from seekforge.evaluate.side_by_side.verdict import against, chance, verdict

    write_json(out / "compare.json", json_safe(report))
    write_text(out / "compare.html", render(report))
    metric = report["metrics"][0]
    pairs = {pair["model"]: pair for pair in report["pairs"]}
    rows = []
    for model in report["models"]:
        score, speed, pair = model["scores"].get(metric), model["speed"], pairs.get(model["name"])
        rows.append(
            (
                model["name"],
                format_value(score["value"], score["unit"]) if score else f"failed: {model['failure']}",
                f"{against(pair['metrics'][0])}, {chance(pair['holm'])}" if pair else "",
                format_value(speed["p95"], "seconds") if speed else "",
                format_value(speed["tokens_per_second"]) if speed else "",
            )
        )
    columns = ("model", words(metric), f"against {report['first']}", "p95", "tokens/s")
    timed = len(columns) if any(row[3] for row in rows) else 3
    numbers = [place for place in (3, 4) if place < timed]
    typer.echo(table(verdict(report)["text"], columns[:timed], [row[:timed] for row in rows], numbers))
    typer.echo(f"\npage: {short(out.absolute() / 'compare.html')}")
