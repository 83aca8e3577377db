"""Parity catches an engine that renders, cuts or computes something else than the trained model."""

from collections.abc import Iterator, Sequence

import pytest
from tests.engines import tiny

from seekforge.core.progress import Silent
from seekforge.engines.protocol import Generation, Messages, Sampling
from seekforge.engines.transformers import TransformersEngine
from seekforge.evaluate.parity import PROBES, agreement, teacher_forced, unequal_prompts, unequal_token_ids

RECORDS = tiny.records(12)


@pytest.fixture(autouse=True, scope="module")
def threads() -> Iterator[None]:
    yield from tiny.one_thread()


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> TransformersEngine:
    return TransformersEngine(tiny.make(tmp_path_factory.mktemp("model"), "llama"), "float32")


class Faulty:
    """The reference with one thing wrong."""

    name = "faulty"

    def __init__(self, engine: TransformersEngine, fault: str) -> None:
        self._engine, self._fault, self._left = engine, fault, 3

    def render(self, messages: Messages) -> str:
        text = self._engine.render(messages)
        return text + " " if self._fault == "template" else text

    def encode(self, text: str) -> list[int]:
        return self._engine.encode(text.replace("12", "1 2") if self._fault == "digits" else text)

    def decode(self, token_ids: Sequence[int]) -> str:
        return self._engine.decode(token_ids)

    def generate(self, prompts: Sequence[Sequence[int]], sampling: Sampling) -> list[Generation]:
        answers = self._engine.generate(prompts, sampling)
        if self._fault != "weights":
            return answers
        wrong, self._left = answers[: self._left], 0
        first = [((a.token_ids or (11,))[0] + 1) % 50 + 10 for a in wrong]
        return [Generation((token, 12, 13), "", "length", 1) for token in first] + answers[len(wrong) :]

    def close(self) -> None:
        return


def test_the_model_agrees_with_itself(reference: TransformersEngine) -> None:
    positions = teacher_forced(reference, RECORDS, 20, Silent())
    found = agreement(reference, reference, positions, Silent())
    assert found.positions == len(positions) >= 20
    assert found.share == 1.0
    assert unequal_prompts(reference, reference, RECORDS) == []
    assert unequal_token_ids(reference, reference, PROBES) == []


def test_positions_cover_whole_answers_and_their_end(reference: TransformersEngine) -> None:
    positions = teacher_forced(reference, RECORDS[:1], 1000, Silent())
    answer = reference.encode(RECORDS[0].answer)
    assert [p.index for p in positions] == list(range(len(answer) + 1))
    assert list(positions[-1].prefix[-len(answer) :]) == answer


def test_a_wrong_template_is_caught(reference: TransformersEngine) -> None:
    assert unequal_prompts(reference, Faulty(reference, "template"), RECORDS) == [r.id for r in RECORDS]


def test_another_tokenizer_is_caught(reference: TransformersEngine) -> None:
    found = unequal_token_ids(reference, Faulty(reference, "digits"), PROBES)
    assert found and all("12" in text for text in found)


def test_wrong_weights_are_caught_with_their_margin(reference: TransformersEngine) -> None:
    positions = teacher_forced(reference, RECORDS, 20, Silent())
    found = agreement(reference, Faulty(reference, "weights"), positions, Silent())
    assert len(found.differences) == 3, "each answer is put back on the reference after its one wrong token"
    assert found.share == 1 - len(found.differences) / len(positions)
    assert all(d.margin > 0 and d.expected != d.got for d in found.differences)
