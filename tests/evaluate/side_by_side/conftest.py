"""Records, and candidates on engines without a model."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from seekforge.core.records import Message, Record
from seekforge.engines.fake import FakeEngine
from seekforge.evaluate.predict import Prediction
from seekforge.evaluate.side_by_side.answers import Answered, Asking, Candidate, Speed
from seekforge.evaluate.side_by_side.asking import StreamAnswerer

ASKING = Asking(("HOLD", "APPROVE"), 200, 4)
Saved = Callable[..., Answered]


def record(number: int, text: str = "", answer: str = "HOLD") -> Record:
    return Record(f"r{number}", (Message("user", text or f"HOLD case {number}"), Message("assistant", answer)), answer)


def fake(name: str, engine: FakeEngine | None = None, identity: str = "one") -> Candidate:
    """Echoes the question."""
    made = engine or FakeEngine()
    return Candidate(name, name, identity, lambda: StreamAnswerer(made, ASKING.max_new_tokens, ASKING.concurrency))


@pytest.fixture
def saved() -> Saved:
    """Answers by a decision each; an item is right where that is HOLD."""

    def make(name: str, decisions: str, *, seconds: float | None = None) -> Answered:
        words = {"h": "HOLD", "a": "APPROVE", "-": ""}
        predictions = tuple(
            Prediction(f"r{n}", f"question {n}", "HOLD", "HOLD", words[d] or "no idea", words[d], "stop")
            for n, d in enumerate(decisions)
        )
        speed = None if seconds is None else Speed(len(decisions), seconds, seconds / 10, seconds / 5, 40.0)
        return Answered(Candidate(name, f"{name}.jsonl", ready=predictions), predictions, speed, "fake")

    return make
