"""The harness's items beside ours: equal, or named."""

from __future__ import annotations

from dataclasses import replace

import pytest

from seekforge.core.errors import EngineError
from seekforge.evaluate.harness.compare import chat_prompt, compare
from seekforge.evaluate.harness.samples import Outcome, Sample
from seekforge.evaluate.predict import Prediction

LABELS = ("APPROVE", "HOLD")
PROMPTS = ["ask 0", "ask 1", "ask 2"]


def prediction(number: int, text: str, decision: str) -> Prediction:
    return Prediction(f"r{number}", "q", "Rule 1: HOLD.", "HOLD", text, decision, "stop")


OURS = [prediction(0, "hold", "HOLD"), prediction(1, "approve", "APPROVE"), prediction(2, "hold it", "HOLD")]
SAMPLES = [
    Sample("r0", "ask 0", "HOLD", "hold", "HOLD", 1.0),
    Sample("r1", "ask 1", "HOLD", "approve", "APPROVE", 0.0),
    Sample("r2", "ask 2", "HOLD", " hold it\n", "HOLD", 1.0),
]


def outcome(*samples: Sample, score: float = 2 / 3) -> Outcome:
    return Outcome(list(samples), score, 1.0, "0.4.13")


def test_equal_to_the_last_item() -> None:
    found = compare(OURS, outcome(*SAMPLES), PROMPTS, LABELS)
    assert found.agree
    assert (found.items, found.ours, found.theirs, found.rescored) == (3, 2 / 3, 2 / 3, 2 / 3)
    assert (found.equal_prompts, found.equal_answers, found.differences) == (3, 3, ())


def test_another_answer_with_the_same_decision_is_counted_and_no_difference() -> None:
    found = compare(OURS, outcome(replace(SAMPLES[0], text="HOLD!"), *SAMPLES[1:]), PROMPTS, LABELS)
    assert found.agree
    assert found.equal_answers == 2


def test_another_decision_is_named_though_it_scores_the_same() -> None:
    found = compare(OURS, outcome(SAMPLES[0], replace(SAMPLES[1], text="?", decision=""), SAMPLES[2]), PROMPTS, LABELS)
    assert not found.agree
    assert [(d.id, d.label, d.ours, d.theirs) for d in found.differences] == [
        ("r1", "HOLD", ("APPROVE", "approve"), ("", "?"))
    ]


@pytest.mark.parametrize("change", [{"score": 0.0}, {"label": "APPROVE"}])
def test_another_score_or_label_of_an_item_is_a_difference(change: dict[str, object]) -> None:
    found = compare(OURS, outcome(replace(SAMPLES[0], **change), *SAMPLES[1:]), PROMPTS, LABELS)  # type: ignore[arg-type]
    assert not found.agree
    assert [d.id for d in found.differences] == ["r0"]


def test_another_mean_or_another_prompt_does_not_agree() -> None:
    assert not compare(OURS, outcome(*SAMPLES, score=0.66), PROMPTS, LABELS).agree
    other = compare(OURS, outcome(*SAMPLES), [*PROMPTS[:2], "ask 2 "], LABELS)
    assert not other.agree
    assert other.equal_prompts == 2


def test_other_records_are_refused() -> None:
    for samples in (SAMPLES[:2], [SAMPLES[1], SAMPLES[0], SAMPLES[2]]):
        with pytest.raises(EngineError, match="3"):
            compare(OURS, outcome(*samples), PROMPTS, LABELS)


def test_a_chat_as_the_harness_keeps_it() -> None:
    assert chat_prompt([{"role": "user", "content": "怎么办？"}]) == '[{"role": "user", "content": "怎么办？"}]'
