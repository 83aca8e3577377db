"""`seekforge evaluate parity`: is what is served what was trained?"""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from seekforge.core.config import Environment
    from seekforge.core.progress import Progress
    from seekforge.evaluate.parity.gate import Parity
    from seekforge.evaluate.parity.source import Source

_GATE_FAILED = 3
_Run = Annotated[
    Path | None, typer.Argument(help="A run's folder; by default runs/latest. With --merged there is no run.")
]
_Endpoint = Annotated[str | None, typer.Option(metavar="URL", help="The live endpoint: any OpenAI-compatible address.")]
_EndpointModel = Annotated[
    str | None, typer.Option(metavar="NAME", help="The model's name there; by default the first of /v1/models.")
]
_Served = Annotated[
    str | None,
    typer.Option(metavar="FORMAT", help="What the endpoint serves; by default what the run served, or Q8_0."),
]
_Key = Annotated[Path | None, typer.Option(metavar="FILE", help="A file with the endpoint's key.")]
_Base = Annotated[str | None, typer.Option(help="The base model: demo, a folder, a .gguf file or a hub id.")]
_Adapter = Annotated[Path | None, typer.Option(help="The adapter's folder, or the train artifact's.")]
_Merged = Annotated[Path | None, typer.Option(help="The merged model's folder.")]
_Gguf = Annotated[
    list[Path] | None, typer.Option(help="A GGUF file, its format in its name (model-q8_0.gguf); repeat for each.")
]
_Test = Annotated[Path | None, typer.Option(help="JSONL, CSV or Parquet of records with answers.")]
_Label = Annotated[list[str] | None, typer.Option(help="A permitted label; repeat for each.")]
_System = Annotated[str | None, typer.Option(help="System line for conversations that have none.")]
_Metric = Annotated[str | None, typer.Option(help="The task score; by default the run's, or exact_match.")]
_Limit = Annotated[int | None, typer.Option(min=1, help="Use at most this many records.")]
_Positions = Annotated[int | None, typer.Option(min=1, help="Positions to compare; by default the run's, or 1,000.")]
_Budget = Annotated[Path | None, typer.Option(metavar="FILE", help="YAML with the budget of each step.")]
_FileKl = Annotated[bool, typer.Option(help="Load each GGUF file in transformers too, for the KL of its weights.")]
_Ask = Annotated[bool, typer.Option("--score-adapter", help="Ask base and adapter the test too, which takes long.")]
_Out = Annotated[Path | None, typer.Option("--out", "-o", help="Folder for parity.json; by default RUN/parity-check.")]
_Json = Annotated[bool, typer.Option("--json", help="Print parity.json in place of tables.")]


def command(
    run: _Run = None,
    endpoint: _Endpoint = None,
    endpoint_model: _EndpointModel = None,
    endpoint_format: _Served = None,
    api_key_file: _Key = None,
    base: _Base = None,
    adapter: _Adapter = None,
    merged: _Merged = None,
    gguf: _Gguf = None,
    test: _Test = None,
    label: _Label = None,
    system: _System = None,
    metric: _Metric = None,
    limit: _Limit = None,
    positions: _Positions = None,
    budget: _Budget = None,
    file_kl: _FileKl = True,
    score_adapter: _Ask = False,
    out: _Out = None,
    as_json: _Json = False,
) -> None:
    """Compare every step of one lineage: adapter, merged, F16, INT8, INT4, endpoint; name the cause of what differs.

    Prompts byte by byte, token ids, next tokens with their logit margins, KL, samples of the weights, the task score;
    each step against the one before and against the start, within a drift budget. Exit code 3: a step is over its
    budget, and the run's model is withheld from becoming champion. A killed comparison goes on at its step.

    Without a run: seekforge evaluate parity --base demo --adapter ADAPTER --merged MERGED --gguf model-q8_0.gguf --test
    test.jsonl

    Example: seekforge evaluate parity runs/latest --endpoint http://127.0.0.1:8000
    """
    from dataclasses import replace

    from seekforge.cli.evaluate.parity_given import Given, found_by, remote, settings
    from seekforge.cli.evaluate.parity_show import shown
    from seekforge.core.config import environment
    from seekforge.core.progress import for_terminal
    from seekforge.evaluate.parity.source import narrowed

    machine, progress = environment(), for_terminal()
    live = remote(endpoint, endpoint_model, api_key_file)
    paths = Given(run, base, adapter, merged, tuple(gguf or ()), test, tuple(label or ()), system)
    named, folder = found_by(paths, machine, progress)
    folder = (out or folder).absolute()
    source = narrowed(named, metric, limit)
    lineage = replace(source.lineage, endpoint=live, served=endpoint_format or source.lineage.served)
    asked = replace(source.questions, ask_start=score_adapter)
    config = settings(source.config, positions, budget, file_kl=file_kl)
    found = _check(replace(source, lineage=lineage, questions=asked, config=config), machine, progress, folder)
    typer.echo((folder / "parity.json").read_text("utf-8") if as_json else shown(found, f"parity of {source.title}"))
    _decide(found, source.content_hash, machine, progress)
    if not found.passed:
        raise typer.Exit(_GATE_FAILED)


def _check(source: Source, machine: Environment, progress: Progress, folder: Path) -> Parity:
    """Walks the lineage; what a killed attempt saw lies in `folder/work`, and goes when the end is reached."""
    from seekforge.core import hardware
    from seekforge.core.gates import Measurement
    from seekforge.evaluate.parity.gate import check

    how, where = shlex.join(["seekforge", *sys.argv[1:]]), hardware.where()

    def measure(name: str, value: float, unit: str, title: str, advice: str) -> Measurement:
        return Measurement(name, value, unit, how, where, title, advice)

    work = folder / "work"
    found = check(source.lineage, source.questions, source.config, machine, progress, folder, work, measure)
    shutil.rmtree(work, ignore_errors=True)
    return found


def _decide(found: Parity, content_hash: str, machine: Environment, progress: Progress) -> None:
    """A model that drifted is withheld from promotion; what an endpoint does is not the model's fault."""
    from seekforge.core.promotion import release, withhold

    if not content_hash:
        return
    over = [step for step in found.steps if step.over and step.seen.kind != "live"]
    if not over:
        release(machine.runs, content_hash)
        return
    why = "; ".join(f"{step.seen.title} over its drift budget" for step in over)
    withhold(machine.runs, content_hash, why, shlex.join(["seekforge", *sys.argv[1:]]))
    progress.say("withheld: a run of this recipe registers the model as challenger until this command passes")
