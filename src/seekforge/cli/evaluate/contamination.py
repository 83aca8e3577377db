"""`seekforge evaluate contamination`: was the model trained on this test?"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from seekforge.core.artifacts import Artifact
    from seekforge.core.config import ContaminationConfig
    from seekforge.core.progress import Progress
    from seekforge.data.known import TestRecord
    from seekforge.evaluate.contamination import Contamination

SHOWN = 10


def command(
    model: Annotated[str, typer.Argument(help="A run's folder, a train or compress artifact, or NAME@champion.")],
    test_data: Annotated[Path, typer.Argument(help="JSONL, CSV or Parquet of the test's records.")],
    max_share: Annotated[
        float, typer.Option(min=0, max=1, help="The gate: share of the test that may be contaminated.")
    ] = 0.0,
    threshold: Annotated[float, typer.Option(help="Jaccard similarity from which a question counts as known.")] = 0.7,
    shingle: Annotated[int, typer.Option(help="Characters in a shingle; 3 suits Chinese, 5 English.")] = 5,
    ngram: Annotated[int, typer.Option(help="Words (Chinese: characters) in a run.")] = 13,
    containment: Annotated[
        float, typer.Option(help="Share of a test question's runs that a training record must hold.")
    ] = 0.5,
    trained_on: Annotated[
        list[Path] | None, typer.Option(help="A dataset's folder, where it does not lie beside the model; repeat.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Write every contact to this JSON file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Look through what a model was trained on for a test's questions: the same, nearly the same, or quoted.

    The training data is found by the manifests' content hashes and must still be what they say. Exit code 3: more of
    the test is contaminated than --max-share allows.

    Example: seekforge evaluate contamination runs/latest examples/risk_desk/planted.jsonl
    """
    from seekforge.core.config import ContaminationConfig, validate
    from seekforge.core.files import check_output, write_output
    from seekforge.core.progress import for_terminal
    from seekforge.data.known import read_tests
    from seekforge.evaluate.contamination import trained_on as datasets_of

    tree = {"threshold": threshold, "shingle": shingle, "ngram": ngram, "containment": containment}
    config = validate(ContaminationConfig, tree, "seekforge evaluate contamination")
    if out is not None:
        check_output(out, [test_data])
    tests = read_tests([test_data.absolute()])
    datasets = datasets_of(_artifact(model), trained_on or [])
    found = look(tests, datasets, config, for_terminal())
    facts = {"model": model, "test": str(test_data), "measurements": _measured(found), **found.to_dict(SHOWN)}
    if out is not None:
        whole = {**facts, **found.to_dict(found.count), "datasets": [d.content_hash for d in datasets]}
        write_output(out, json.dumps(whole, ensure_ascii=False, indent=2) + "\n")
    typer.echo(json.dumps(facts, ensure_ascii=False) if as_json else _table(found, model, str(test_data)))
    _judge(found, max_share, str(test_data))


def look(
    tests: Sequence[TestRecord], datasets: Sequence[Artifact], config: ContaminationConfig, progress: Progress
) -> Contamination:
    """The data stage's index of test questions, asked about training data."""
    from seekforge.data.known import KnownTests
    from seekforge.evaluate.contamination import contamination

    known = KnownTests(tests, config.threshold, config.shingle, config.ngram)
    records = [test.record for test in tests]
    return contamination(known, records, datasets, config.containment, progress)


def _artifact(model: str) -> Artifact:
    from seekforge.core.config import environment
    from seekforge.core.tracking import is_alias, resolve_alias
    from seekforge.evaluate.contamination import artifact_of

    folder = resolve_alias(model, environment())[0] if is_alias(model) else Path(model).expanduser()
    return artifact_of(folder)


def _measured(found: Contamination) -> list[dict[str, Any]]:
    import shlex
    import sys

    from seekforge.core import hardware
    from seekforge.evaluate.contamination import measurements

    how = shlex.join(["seekforge", *sys.argv[1:]])
    return [measurement.to_dict() for measurement in measurements(found, how, hardware.where())]


def _judge(found: Contamination, max_share: float, where: str) -> None:
    from seekforge.core.errors import GateError
    from seekforge.core.report.units import against_rule

    if not found.share <= max_share:  # also where the rule is not a number
        share, rule = against_rule(found.share, "fraction", f"<= {max_share!r}")
        raise GateError(
            f"{found.count} of {found.tests} test records ({share}) were given away by training; allowed is {rule}",
            where=where,
            mend="Take them out of the test, or train without them: the op `leakage` of data.ops drops them",
        )


def _table(found: Contamination, model: str, test: str) -> str:
    from seekforge.cli.show import table
    from seekforge.core.report.units import clip, format_value
    from seekforge.evaluate.contamination import KINDS

    share = format_value(found.share, "fraction")
    head = f"{found.count} of {found.tests} records of {test} ({share}) are in what {model} was trained on"
    told = f"{head}; {found.trained:,} training records looked through"
    if not found.count:
        return told
    rows = [
        (c.test, KINDS[c.how], f"{c.share:.2f}", c.train, " ".join(clip(c.question, 160).split()))
        for c in found.contacts[:SHOWN]
    ]
    more = found.count - len(rows)
    shown = table(told, ("test", "is", "share", "of training record", "question"), rows, numbers=(2,))
    return f"{shown}\n{more} more: --out FILE writes them all" if more else shown
