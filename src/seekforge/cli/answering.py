"""Where the answers that `seekforge evaluate score` scores come from: a model, an endpoint, or a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from seekforge.core.answers import Answers
from seekforge.core.errors import ConfigError, DataError
from seekforge.core.files import json_lines

if TYPE_CHECKING:
    from seekforge.core.config.chat import RemoteConfig
    from seekforge.core.progress import Progress
    from seekforge.core.records import Record
    from seekforge.engines.protocol import Generator
    from seekforge.evaluate.predict import Prediction

_TEXTS = ("text", "answer", "prediction", "output")  # what files of answers call an answer
_PATIENCE = 600.0  # seconds an answer may take: many are under way at once, and a long one is no failure


@dataclass(frozen=True, slots=True)
class Task:
    """What is asked.

    Attributes:
        records: The questions and reference answers.
        labels: What a decision can be.
        metrics: Which figures are wanted of the answers.
        max_new_tokens: Longest answer.
        folder: Where answers are kept as they come; None keeps none.
        progress: Where to say how far it is.
    """

    records: Sequence[Record]
    labels: Sequence[str]
    metrics: Sequence[str]
    max_new_tokens: int
    folder: Path | None
    progress: Progress


@dataclass(frozen=True, slots=True)
class Given:
    """The answers, those that could not be had by the ids of their records, and what gave them."""

    source: str
    predictions: list[Prediction]
    failures: dict[str, str] = field(default_factory=dict)


def from_endpoint(config: RemoteConfig, task: Task) -> Given:
    """Asks an OpenAI-compatible endpoint.

    Raises:
        ConfigError: A metric needs logits, which no endpoint gives; or the key cannot be read.
        ModelError: Nobody is there.
        EngineError: It went away.
    """
    from seekforge.engines.chat.remote import RemoteChat
    from seekforge.evaluate.endpoint import ask
    from seekforge.evaluate.likelihood import check_logits
    from seekforge.evaluate.predict import Kept

    check_logits(task.metrics, None, "an endpoint")
    answers = Answers(task.folder)
    found = ask(RemoteChat(config), task.records, task.labels, task.progress, Kept(answers))
    answers.close()
    return Given(f"{config.model} at {config.url}", found.predictions, found.failures)


def from_model(model: str, task: Task) -> Given:
    """Loads a model and asks it.

    Raises:
        ConfigError: A metric needs logits, which its engine does not give.
        ModelError: There is no such model.
    """
    from seekforge.evaluate.likelihood import WithLogits, check_logits, wanted, with_likelihood
    from seekforge.evaluate.predict import Kept, predict

    engine, identity = _engine(model, task)
    check_logits(task.metrics, engine, engine.name)
    kept = Kept(Answers(task.folder), (engine.name, identity))
    found = predict(engine, task.records, task.labels, task.max_new_tokens, task.progress, "answers", kept)
    if (reads := wanted(task.metrics)) and isinstance(engine, WithLogits):
        found = with_likelihood(engine, task.records, found, task.labels, reads, task.progress, "likelihoods", kept)
    engine.close()
    kept.answers.close()
    return Given(model, found)


def from_file(path: Path, task: Task) -> Given:
    """Reads answers that were given before: JSONL, `text` an answer, in the records' order or with their ids.

    Raises:
        ConfigError: A metric needs logits, which are not in the file.
        DataError: A line is no answer, or the answers are not those to the records.
    """
    from seekforge.evaluate.likelihood import check_logits
    from seekforge.evaluate.predict import prediction

    check_logits(task.metrics, None, "a file of answers")
    rows = _rows(path)
    if len(rows) != len(task.records):
        raise DataError(
            f"{len(rows)} answers for {len(task.records)} references",
            where=str(path),
            mend="Give one answer a record, in the records' order or with their ids",
        )
    texts = _in_order(rows, task.records, path)
    found = [prediction(record, text, "stop", task.labels) for record, text in zip(task.records, texts, strict=True)]
    return Given(path.name, found)


def _in_order(rows: Sequence[tuple[str | None, str]], records: Sequence[Record], path: Path) -> list[str]:
    """By their ids, or as they come where none has one."""
    named = {name: text for name, text in rows if name is not None}
    if not named:
        return [text for _, text in rows]
    if without := sum(name is None for name, _ in rows):
        what = f"{without} of {len(rows)} answers have no id, and the others have one"
        raise DataError(what, where=str(path), mend="Give each answer its record's id, or none of them")
    if missing := [record.id for record in records if record.id not in named]:
        raise DataError(f"no answer to '{missing[0]}'", where=str(path), mend="Give the answers to these records")
    return [named[record.id] for record in records]


def _rows(path: Path) -> list[tuple[str | None, str]]:
    rows = []
    mend = 'Write {"id": "...", "text": "..."} a line'
    for where, row in json_lines(path, "no answer", mend):
        try:
            text = next(row[key] for key in _TEXTS if isinstance(row.get(key), str))
        except (AttributeError, StopIteration) as error:
            raise DataError("no answer", where=where, mend=mend) from error
        rows.append((None if row.get("id") is None else str(row["id"]), text))
    return rows


def _engine(model: str, task: Task) -> tuple[Generator, str]:
    """GGUF files run in the engine that serves them, folders in transformers; with what identifies the weights."""
    from seekforge.cli.models import servable
    from seekforge.core.config import environment
    from seekforge.core.models import fingerprint, resolve
    from seekforge.core.tracking import is_alias
    from seekforge.engines.openvino import OpenVinoEngine
    from seekforge.engines.transformers import TransformersEngine
    from seekforge.engines.weights import hf_folder

    machine = environment()
    if is_alias(model) or model.endswith(".gguf"):
        from seekforge.evaluate.likelihood import check_logits

        check_logits(task.metrics, None, "OpenVINO GenAI")
        file = servable(model, machine, task.progress)
        return OpenVinoEngine(file, cache=machine.cache), fingerprint(resolve(str(file)))
    folder = hf_folder(resolve(model), machine, task.progress)
    return TransformersEngine(folder), fingerprint(resolve(str(folder)))


def remote(
    url: str, name: str | None, key: Path | None, at_once: int, max_tokens: int, where: str = "--endpoint"
) -> RemoteConfig:
    """The endpoint as the options name it, asked for answers as they come.

    Raises:
        ConfigError: The address or a number cannot be used, or the model has no name.
    """
    from seekforge.core.config import validate
    from seekforge.core.config.chat import RemoteConfig

    if not name:
        raise ConfigError("the model's name there is missing", where=where, mend="Give --model-name")
    options = {"url": url, "model": name, "api_key_file": key, "concurrency": at_once, "max_tokens": max_tokens}
    return validate(RemoteConfig, {**options, "raw": True, "seconds": _PATIENCE}, where)
