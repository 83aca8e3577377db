"""What only logits tell: how likely the model holds its decisions and the reference answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from seekforge.core.errors import ConfigError
from seekforge.core.progress import Progress
from seekforge.core.records import Record
from seekforge.engines.protocol import Generator, Messages
from seekforge.evaluate import metrics
from seekforge.evaluate.decisions import before
from seekforge.evaluate.predict import Kept, Prediction

if TYPE_CHECKING:
    import torch

_READS = frozenset({"confidence", "likelihood"})


@runtime_checkable
class WithLogits(Protocol):
    """An engine that can say how likely an answer is (`engines/transformers.py`)."""

    @property
    def end_token(self) -> int:
        """The token that ends an answer."""

    def render(self, messages: Messages) -> str:
        """As `Generator.render`."""

    def encode(self, text: str) -> list[int]:
        """As `Generator.encode`."""

    def logits(self, prompt: Sequence[int], answer: Sequence[int]) -> torch.Tensor:
        """Next-token logits at each position of the answer, shape (len(answer), vocabulary)."""


def wanted(names: Sequence[str]) -> frozenset[str]:
    """Which of `confidence` and `likelihood` the metrics read."""
    return frozenset(metrics.metric(name).reads for name in names) & _READS


def check_logits(names: Sequence[str], engine: Generator | None, what: str) -> None:
    """Refuses metrics that need logits where there are none.

    Args:
        names: Of the metrics.
        engine: What answers; None for one that is asked over HTTP or has answered already.
        what: What a user should call it.

    Raises:
        ConfigError: One needs them.
    """
    for name in names:
        if wanted([name]) and not isinstance(engine, WithLogits):
            instead = "accuracy and macro_f1" if wanted([name]) == {"confidence"} else "f1 and chrf"
            raise ConfigError(
                f"{name} needs the model's logits, which {what} does not give",
                where="--metric",
                mend=f"Score the model's folder, which transformers runs, or take {instead}",
            )


def with_likelihood(
    engine: WithLogits,
    records: Sequence[Record],
    predictions: Sequence[Prediction],
    labels: Sequence[str],
    reads: frozenset[str],
    progress: Progress,
    title: str,
    kept: Kept,
) -> list[Prediction]:
    """The predictions with what was wanted of `confidence` and `log_probability`.

    Args:
        engine: Whose answers they are.
        records: The questions.
        predictions: The answers, in the records' order.
        labels: What a decision can be.
        reads: Of `confidence` and `likelihood`, what is wanted.
        progress: Where to say how far it is.
        title: Of the bar.
        kept: Where figures are kept as they come.
    """
    found = []
    with progress.task(title, len(records)) as task:
        for record, answer in zip(records, predictions, strict=True):
            prompt = engine.encode(engine.render(record.prompt))
            changes: dict[str, Any] = {}
            if "likelihood" in reads:
                key = kept.key(["likelihood", prompt, record.answer])
                changes |= _remembered(kept, key, partial(_of_reference, engine, prompt, record.answer))
            if "confidence" in reads and answer.decision:
                key = kept.key(["confidence", prompt, answer.thoughts + answer.text, *labels])
                changes |= _remembered(kept, key, partial(_of_decision, engine, record, answer, labels))
            found.append(replace(answer, **changes))
            task.advance()
    return found


def label_probabilities(engine: WithLogits, text: str, labels: Sequence[str]) -> dict[str, float]:
    """How likely each label comes next after a text, among all labels; the probabilities add up to 1.

    A label of several tokens is as likely as all of them together. One that another begins with is counted with it.

    Args:
        engine: Whose logits.
        text: A rendered prompt and the answer up to the label.
        labels: What may come.
    """
    import torch

    written = {label: engine.encode(text + label) for label in labels}
    # Where a label's first letters and what stands before them are one token, the texts part before that token.
    shared = next(
        (n for n, ids in enumerate(zip(*written.values(), strict=False)) if len(set(ids)) > 1),
        min(map(len, written.values())) - 1,
    )
    shared = min(shared, *(len(ids) - 1 for ids in written.values()))
    rests = {label: ids[shared:] for label, ids in written.items()}
    prompt = next(iter(written.values()))[:shared]
    rows: dict[tuple[int, ...], torch.Tensor] = {}
    totals = {}
    for label, rest in sorted(rests.items(), key=lambda item: -len(item[1])):
        if tuple(rest[:-1]) not in rows:
            steps = engine.logits(prompt, rest).double().log_softmax(dim=-1)
            rows |= {tuple(rest[:n]): step for n, step in enumerate(steps)}
        totals[label] = sum(float(rows[tuple(rest[:n])][token]) for n, token in enumerate(rest))
    shares = torch.tensor([totals[label] for label in labels], dtype=torch.float64).softmax(dim=0).tolist()
    return dict(zip(labels, shares, strict=True))


def _of_decision(
    engine: WithLogits, record: Record, answer: Prediction, labels: Sequence[str]
) -> dict[str, float | int]:
    """After what the model itself wrote up to its decision: a reason that comes first is part of the question."""
    text = engine.render(record.prompt) + answer.thoughts + before(answer.text, labels)
    return {"confidence": label_probabilities(engine, text, labels)[answer.decision]}


def _of_reference(engine: WithLogits, prompt: Sequence[int], reference: str) -> dict[str, float | int]:
    answer = [*engine.encode(reference), engine.end_token]
    steps = engine.logits(prompt, answer).double().log_softmax(dim=-1)
    total = float(sum(step[token] for step, token in zip(steps, answer, strict=True)))
    return {"log_probability": total, "reference_tokens": len(answer)}


def _remembered(kept: Kept, key: str, compute: Callable[[], dict[str, float | int]]) -> dict[str, Any]:
    if (known := kept.answers.get(key)) is not None:
        return dict(json.loads(known))
    found = compute()
    kept.answers.put(key, json.dumps(found))
    return found
