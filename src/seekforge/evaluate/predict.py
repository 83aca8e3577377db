"""A model's answers to a test set, kept on disk so that a killed evaluation does not ask twice."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from seekforge.core.files import write_text
from seekforge.core.progress import Progress
from seekforge.core.records import Record
from seekforge.engines.protocol import Generation, Generator, Sampling
from seekforge.evaluate.decisions import decide


@dataclass(frozen=True, slots=True)
class Prediction:
    """One answer beside what was expected. `decision` and `label` are `""` for tasks without labels."""

    id: str
    prompt: str
    reference: str
    label: str
    text: str
    decision: str
    finish_reason: str


def predict(
    engine: Generator,
    records: Sequence[Record],
    labels: Sequence[str],
    max_new_tokens: int,
    progress: Progress,
    title: str,
) -> list[Prediction]:
    """Greedy answers, in the records' order."""
    prompts = [engine.encode(engine.render(record.prompt)) for record in records]
    sampling = Sampling(max_new_tokens=max_new_tokens)
    answers: list[Generation] = []
    # Pieces, so that the bar moves; each is larger than any engine's batch.
    piece = 48
    with progress.task(title, len(prompts)) as task:
        for start in range(0, len(prompts), piece):
            answers += engine.generate(prompts[start : start + piece], sampling)
            task.advance(len(answers) - start)
    return [_prediction(r, a, labels) for r, a in zip(records, answers, strict=True)]


def _prediction(record: Record, answer: Generation, labels: Sequence[str]) -> Prediction:
    decision = decide(answer.text, labels) if labels else ""
    return Prediction(
        record.id, record.text, record.answer, record.label or "", answer.text, decision, answer.finish_reason
    )


def save(path: Path, predictions: Sequence[Prediction]) -> None:
    """Writes JSON lines, whole or not at all."""
    write_text(path, "".join(json.dumps(asdict(p), ensure_ascii=False) + "\n" for p in predictions))


def load(path: Path) -> list[Prediction]:
    """The inverse of `save`."""
    with path.open(encoding="utf-8") as file:  # a file's lines end at \n only; `splitlines` would cut at U+2028 too
        return [Prediction(**json.loads(line)) for line in file]
