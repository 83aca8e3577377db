"""A lineage by its paths, an endpoint by its address, and the settings of the gate, from the command line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from seekforge.core.config import (
    Environment,
    ParityBudget,
    ParityConfig,
    RemoteConfig,
    load_file,
    validate,
)
from seekforge.core.errors import InputError
from seekforge.core.models import resolve
from seekforge.core.progress import Progress
from seekforge.data.sources import records_of
from seekforge.engines.weights import hf_folder
from seekforge.evaluate.parity.live import UNNAMED
from seekforge.evaluate.parity.source import Source, from_run
from seekforge.evaluate.parity.task import TITLES, Lineage, Questions
from seekforge.evaluate.parity.weights import format_of

_LIVE = {"concurrency": 4, "seconds": 120.0}


@dataclass(frozen=True, slots=True)
class Given:
    """What the options name; see the command's help."""

    run: Path | None
    base: str | None
    adapter: Path | None
    merged: Path | None
    gguf: tuple[Path, ...]
    test: Path | None
    labels: tuple[str, ...]
    system: str | None


def found_by(paths: Given, machine: Environment, progress: Progress) -> tuple[Source, Path]:
    """The lineage of a run or of paths, and where its results go by default.

    Raises:
        InputError: Both are given, one of the paths is missing, or there is no such run.
    """
    if paths.merged is None:
        _check_alone(paths)
        run = paths.run or machine.runs / "latest"
        return from_run(run, machine, progress), run.resolve() / "parity-check"
    if paths.run is not None:
        raise InputError("a run and --merged are two lineages", where=str(paths.run), mend="Give one of them")
    return _given(paths, machine, progress), Path("parity")


def _check_alone(paths: Given) -> None:
    """A run has all of a lineage; options that belong to one of paths would be passed over in silence."""
    named = ("base", "adapter", "gguf", "test", "labels", "system")
    if given := [f"--{name.removesuffix('s')}" for name in named if getattr(paths, name)]:
        mend = "Give --merged, --gguf and --test with it, or none of them and a run"
        raise InputError("part of a lineage without --merged", where=given[0], mend=mend)


def _given(paths: Given, machine: Environment, progress: Progress) -> Source:
    """The lineage that the options name.

    Raises:
        InputError: One is missing, or two files are of one format.
    """
    if paths.test is None:
        raise InputError("no records to ask", where="--test", mend="Give a file of questions and answers")
    if (paths.base is None) != (paths.adapter is None):
        raise InputError("--base and --adapter go together", where="--adapter", mend="Give both, or neither")
    if (merged := resolve(str(paths.merged))).kind != "folder":
        raise InputError("not a model folder", where=str(paths.merged), mend="Give the merged model's folder")
    records = tuple(records_of(paths.test, system=paths.system, labels=paths.labels))
    base = None if paths.base is None else hf_folder(resolve(paths.base), machine, progress)
    assert merged.path is not None
    lineage = Lineage(merged=merged.path, files=_files(paths.gguf), base=base, trained=paths.adapter)
    metric = "accuracy" if paths.labels else "exact_match"
    asked = Questions(records, paths.labels, metric)
    return Source(lineage, asked, ParityConfig(), merged.path.name)


def remote(url: str | None, model: str | None, api_key_file: Path | None) -> RemoteConfig | None:
    """The endpoint that the options name.

    Raises:
        ConfigError: The address is none.
    """
    if url is None:
        return None
    tree = {"url": url, "model": model or UNNAMED, "api_key_file": api_key_file, **_LIVE}
    return validate(RemoteConfig, tree, "--endpoint")


def settings(own: ParityConfig, positions: int | None, budget: Path | None, *, file_kl: bool) -> ParityConfig:
    """The run's settings with what the options say.

    Raises:
        ConfigError: The budget's file is wrong.
    """
    changed: dict[str, object] = {"file_kl": file_kl}
    if positions is not None:
        changed["positions"] = positions
    if budget is not None:
        if not budget.is_file():
            raise InputError(
                "no such budget file", where=str(budget), mend="Write lines such as `int8: {loss: '<= 1'}`"
            )
        changed["budget"] = load_file(ParityBudget, budget)
    return own.model_copy(update=changed)


def _files(paths: tuple[Path, ...]) -> dict[str, Path]:
    """By format, in the order of the chain."""
    found: dict[str, Path] = {}
    for path in paths:
        resolve(str(path))
        file_format = format_of(path)
        if file_format not in TITLES:
            raise InputError(f"{file_format} is no step of the chain", where=str(path), mend="F16, Q8_0 or Q4_0")
        if file_format in found:
            raise InputError(f"a second file of {file_format}", where=str(path), mend="One file a format")
        found[file_format] = path
    return {name: found[name] for name in TITLES if name in found}
