"""Where a lineage comes from: a run's artifacts, each with the config that made it in its manifest."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from seekforge.core import artifacts
from seekforge.core.artifacts import Artifact
from seekforge.core.config import Environment, ParityConfig, validate
from seekforge.core.errors import InputError
from seekforge.core.models import resolve
from seekforge.core.progress import Progress
from seekforge.core.records import read_records
from seekforge.engines.weights import hf_folder
from seekforge.evaluate.parity.task import Lineage, Questions

_NEEDED = ("data", "train", "evaluate", "compress")


@dataclass(frozen=True, slots=True)
class Source:
    """All that the gate is given.

    Attributes:
        lineage: The models.
        questions: The test.
        config: Of the run's own parity stage, where it has one.
        title: The run's name, or the merged folder's.
        content_hash: The compress artifact's; empty where there is none.
    """

    lineage: Lineage
    questions: Questions
    config: ParityConfig
    title: str
    content_hash: str = ""


def from_run(run: Path, machine: Environment, progress: Progress) -> Source:
    """The lineage of a finished run, or of one that has got as far as compress.

    Raises:
        InputError: There is no such run, or it lacks a stage.
    """
    if not run.is_dir():
        mend = "Name a folder in runs/, run a recipe first, or give --merged and --gguf"
        raise InputError("no such run", where=str(run), mend=mend)
    made = {stage: _artifact(run, stage) for stage in _NEEDED}
    compressed, trained = made["compress"], made["train"]
    parity, serve = _maybe(run, "parity"), _maybe(run, "serve")
    lineage = Lineage(
        merged=compressed.file("merged"),
        files={f: compressed.file(f"model-{f.lower()}.gguf") for f in compressed.config["compress"]["formats"]},
        base=hf_folder(resolve(compressed.config["model"]), machine, progress),
        trained=trained.folder,
        served=str(serve.config["format"]) if serve is not None else "",
        answers=made["evaluate"].file("predictions-tuned.jsonl"),
        base_answers=made["evaluate"].file("predictions-base.jsonl"),
        broken=_broken(trained, compressed),
    )
    given = {} if parity is None else parity.config["parity"]
    return Source(
        lineage, _questions(made), validate(ParityConfig, given, str(run)), run.resolve().name, compressed.content_hash
    )


def narrowed(source: Source, metric: str | None, limit: int | None) -> Source:
    """The same with another task score, or with the first records only."""
    asked = source.questions
    return replace(source, questions=replace(asked, metric=metric or asked.metric, records=asked.records[:limit]))


def _questions(made: dict[str, Artifact]) -> Questions:
    asked = made["evaluate"].config
    evaluate = asked["evaluate"]
    return Questions(
        records=tuple(read_records(made["data"].file("test.jsonl"))[: evaluate["limit"]]),
        labels=tuple(asked["labels"]),
        metric=evaluate["metrics"][0],
        max_new_tokens=evaluate["max_new_tokens"],
        seed=asked["seed"],
        terms=frozenset(evaluate.get("lexicon") or ()),
    )


def _artifact(run: Path, stage: str) -> Artifact:
    if (found := _maybe(run, stage)) is None:
        raise InputError(f"the run has no {stage} artifact", where=str(run), mend="Run its recipe up to compress")
    return found


def _maybe(run: Path, stage: str) -> Artifact | None:
    folder = run / stage
    return artifacts.load(folder.resolve()) if folder.exists() else None


def _broken(trained: Artifact, compressed: Artifact) -> str:
    """What the manifests say against the lineage."""
    if trained.content_hash not in compressed.parents:
        return f"{compressed.folder.name} was made from another training than {trained.folder.name}"
    changed = [artifact.folder.name for artifact in (trained, compressed) if not artifacts.verify(artifact)]
    return f"files of {' and '.join(changed)} are not those that were made" if changed else ""
