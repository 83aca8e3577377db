"""The harness's answers beside ours, item by item."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from seekforge.core.errors import EngineError
from seekforge.engines.protocol import Messages
from seekforge.engines.reasoning import apart
from seekforge.evaluate.decisions import decide
from seekforge.evaluate.harness.samples import Outcome, Sample
from seekforge.evaluate.metrics import metric
from seekforge.evaluate.predict import Prediction

_ROUNDING = 1e-9  # two means of the same zeros and ones, summed in another order


@dataclass(frozen=True, slots=True)
class Difference:
    """An item that the two score differently.

    Attributes:
        id: The record's.
        label: The right decision.
        ours: Our runner's decision, `""` for none, and its answer.
        theirs: The harness's decision, `""` for none, and its answer.
    """

    id: str
    label: str
    ours: tuple[str, str]
    theirs: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two scorings of the same questions.

    Attributes:
        items: How many questions.
        ours: Our score, 0 to 1: our metric on our runner's answers.
        theirs: The harness's, 0 to 1.
        rescored: Our metric on the harness's answers, 0 to 1.
        equal_prompts: Questions that the harness asked as we did, to the byte.
        equal_answers: Items whose answers are the same text.
        differences: Items with another decision or another score.
    """

    items: int
    ours: float
    theirs: float
    rescored: float
    equal_prompts: int
    equal_answers: int
    differences: tuple[Difference, ...]

    @property
    def agree(self) -> bool:
        """Whether the two are equal to the last item."""
        same = max(abs(self.ours - self.theirs), abs(self.ours - self.rescored)) < _ROUNDING
        return same and not self.differences and self.equal_prompts == self.items


def compare(
    predictions: Sequence[Prediction], outcome: Outcome, prompts: Sequence[str], labels: Sequence[str]
) -> Comparison:
    """Compares what was asked, answered, decided and scored.

    Args:
        predictions: Our runner's answers, in the records' order.
        outcome: The harness's, of the same records in the same order.
        prompts: What we asked: a rendered text, or for a chat `chat_prompt`.
        labels: The permitted decisions.

    Raises:
        EngineError: The harness did not answer these records.
    """
    samples = outcome.samples
    if [s.id for s in samples] != [p.id for p in predictions]:
        what = f"the harness answered {len(samples)} records and we {len(predictions)}, or others"
        raise EngineError(what, mend="Take another --out, or remove the folder")
    accuracy = metric("accuracy")
    expected = [p.label for p in predictions]
    mine = accuracy.rows([p.decision for p in predictions], expected)
    said = [apart(s.text).content for s in samples]
    again = accuracy.rows([decide(text, labels) for text in said], expected)
    pairs = list(zip(predictions, samples, strict=True))
    return Comparison(
        items=len(pairs),
        ours=accuracy.figure(mine),
        theirs=outcome.score,
        rescored=accuracy.figure(again),
        equal_prompts=sum(s.prompt == prompt for s, prompt in zip(samples, prompts, strict=True)),
        equal_answers=sum(p.text.strip() == text.strip() for p, text in zip(predictions, said, strict=True)),
        differences=tuple(_difference(p, s) for (p, s), row in zip(pairs, mine, strict=True) if _differ(p, s, row[0])),
    )


def chat_prompt(messages: Messages) -> str:
    """Messages as the harness keeps them in its samples."""
    return json.dumps([dict(message) for message in messages], ensure_ascii=False)


def _differ(prediction: Prediction, sample: Sample, score: float) -> bool:
    ours = (prediction.decision, prediction.label, score)
    return ours != (sample.decision, sample.label, sample.score)


def _difference(p: Prediction, s: Sample) -> Difference:
    return Difference(p.id, p.label, (p.decision, p.text), (s.decision, s.text))
