"""A model's answers to a test set, kept on disk so that a killed evaluation does not ask twice."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from seekforge.core.answers import Answers
from seekforge.core.errors import DataError
from seekforge.core.files import json_lines, sha256_json, write_text
from seekforge.core.progress import Progress
from seekforge.core.records import Record
from seekforge.engines.protocol import Generator, Sampling
from seekforge.engines.reasoning import apart, opens
from seekforge.evaluate.decisions import decide

_TEXTS = ("id", "prompt", "reference", "label", "text", "decision", "finish_reason", "thoughts")
_FOREIGN = "not a line of saved answers"
_MEND = "Give a predictions-*.jsonl that an evaluation or a comparison wrote"
_PIECE = 48  # prompts at once, so that the bar moves and a kill loses little; larger than any engine's batch


@dataclass(frozen=True, slots=True)
class Prediction:
    """One answer beside what was expected. `decision` and `label` are `""` for tasks without labels.

    Attributes:
        text: What was answered; it alone is scored, and a decision is read off it alone.
        thoughts: What a reasoning model wrote before it, tags and all.
        confidence: Probability of the decision among the labels; None where there is no decision or no logits were
            read (`evaluate/likelihood.py`).
        log_probability: Of the reference answer, in nats; None where no logits were read.
        reference_tokens: Tokens of the reference answer, its end included.
    """

    id: str
    prompt: str
    reference: str
    label: str
    text: str
    decision: str
    finish_reason: str
    thoughts: str = ""
    confidence: float | None = None
    log_probability: float | None = None
    reference_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Kept:
    """Where answers are kept as they come, and what they depend on besides the question: the model, the sampling."""

    answers: Answers
    of: tuple[str, ...] = ()

    def get(self, key: str) -> tuple[str, str] | None:
        """Text and finish reason, if they are there."""
        found = self.answers.get(key)
        if found is None:
            return None
        text, reason = json.loads(found)
        return str(text), str(reason)

    def put(self, key: str, text: str, finish_reason: str) -> None:
        """Keeps an answer; it survives kill -9 from here on."""
        self.answers.put(key, json.dumps([text, finish_reason]))

    def key(self, question: object) -> str:
        """Of what is asked."""
        return sha256_json([*self.of, question])


def predict(
    engine: Generator,
    records: Sequence[Record],
    labels: Sequence[str],
    max_new_tokens: int,
    progress: Progress,
    title: str,
    kept: Kept | None = None,
) -> list[Prediction]:
    """Greedy answers, in the records' order.

    Args:
        engine: Answers.
        records: The questions.
        labels: What a decision can be; none for tasks without labels.
        max_new_tokens: Longest answer.
        progress: Where to say how far it is.
        title: Of the bar.
        kept: Where what was answered before is found, and what is answered now goes; nowhere by default.
    """
    kept = kept or Kept(Answers())
    rendered = [engine.render(record.prompt) for record in records]
    prompts = [engine.encode(prompt) for prompt in rendered]
    keys = [kept.key([max_new_tokens, prompt]) for prompt in prompts]
    missing = [index for index, key in enumerate(keys) if kept.get(key) is None]
    sampling = Sampling(max_new_tokens=max_new_tokens)
    with progress.task(title, len(prompts), len(prompts) - len(missing)) as task:
        for start in range(0, len(missing), _PIECE):
            piece = missing[start : start + _PIECE]
            for index, answer in zip(piece, engine.generate([prompts[i] for i in piece], sampling), strict=True):
                kept.put(keys[index], answer.text, answer.finish_reason)
            task.advance(len(piece))
    found = [kept.get(key) or ("", "") for key in keys]
    return [
        prediction(record, *answer, labels, opened=opens(prompt))
        for record, answer, prompt in zip(records, found, rendered, strict=True)
    ]


def prediction(
    record: Record, text: str, finish_reason: str, labels: Sequence[str], *, opened: bool = False
) -> Prediction:
    """An answer beside what the record expects; the thoughts of both are left out, as a gateway does.

    Args:
        record: The question.
        text: All that the model wrote.
        finish_reason: `stop`, or `length` where it was cut off.
        labels: What a decision can be; none for tasks without labels.
        opened: Its prompt has opened the thoughts (`engines/reasoning.py`).
    """
    said = apart(whole(text), opened=opened, whole=finish_reason != "length")
    decision = decide(said.content, labels) if labels else ""
    reference, label = apart(record.answer).content, record.label or ""
    return Prediction(record.id, record.text, reference, label, said.content, decision, finish_reason, said.reasoning)


def save(path: Path, predictions: Sequence[Prediction]) -> None:
    """Writes JSON lines, whole or not at all."""
    write_text(path, "".join(json.dumps(asdict(p), ensure_ascii=False) + "\n" for p in predictions))


def load(path: Path) -> list[Prediction]:
    """The inverse of `save`.

    Raises:
        DataError: It is not such a file, or has an id twice.
    """
    found: dict[str, Prediction] = {}
    for where, row in json_lines(path, _FOREIGN, _MEND):
        try:
            one = Prediction(**row)
        except TypeError as error:
            raise DataError(_FOREIGN, where=where, mend=_MEND) from error
        if not all(isinstance(getattr(one, name), str) for name in _TEXTS):
            raise DataError(_FOREIGN, where=where, mend=_MEND)
        if one.id in found:
            raise DataError(f"the id {one.id!r} is there twice", where=where, mend="Give each answer its own id")
        changes: dict[str, Any] = {name: whole(getattr(one, name)) for name in _TEXTS}
        if not one.thoughts:  # written by hand or by others, who leave them in the text
            said = apart(changes["text"], whole=one.finish_reason != "length")
            changes |= {"text": said.content, "thoughts": said.reasoning}
        found[one.id] = replace(one, **changes)
    return list(found.values())


def whole(text: str) -> str:
    """A text that can be written as UTF-8: JSON may escape half of a surrogate pair."""
    return text.encode("utf-8", "replace").decode()
