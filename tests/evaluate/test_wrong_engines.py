"""The parity functions against engines that are wrong in one way each."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.engines import tiny

from seekforge.core.progress import Silent
from seekforge.core.records import Record
from seekforge.engines.pretokenizer import DEFINITIONS
from seekforge.engines.protocol import Generation, Messages, Sampling
from seekforge.engines.transformers import TransformersEngine
from seekforge.evaluate.parity import (
    PROBES,
    Agreement,
    Difference,
    agreement,
    teacher_forced,
    unequal_prompts,
    unequal_token_ids,
)

one_thread = pytest.fixture(scope="module", autouse=True)(tiny.one_thread)


class Stub:
    """The reference itself, until a subclass gets something wrong."""

    def __init__(self, reference: TransformersEngine) -> None:
        self.reference = reference
        self.asked: list[Sampling] = []

    @property
    def name(self) -> str:
        return "stub"

    def render(self, messages: Messages) -> str:
        return self.reference.render(messages)

    def encode(self, text: str) -> list[int]:
        return self.reference.encode(text)

    def decode(self, token_ids: Sequence[int]) -> str:
        return self.reference.decode(token_ids)

    def generate(self, prompts: Sequence[Sequence[int]], sampling: Sampling) -> list[Generation]:
        self.asked.append(sampling)
        return [self.one(list(prompt)) for prompt in prompts]

    def one(self, prompt: list[int]) -> Generation:
        """One greedy token by the logits; the end token is left out, as every engine leaves it out."""
        token = int(self.reference.logits(prompt, [0])[0].argmax())
        ids = () if token == self.reference.end_token else (token,)
        return Generation(ids, self.decode(ids), "length" if ids else "stop", len(prompt))

    def close(self) -> None:
        pass


class SecondBest(Stub):
    def one(self, prompt: list[int]) -> Generation:
        token = int(self.reference.logits(prompt, [0])[0].topk(2).indices[1])
        return Generation((token,), "", "length", len(prompt))


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> TransformersEngine:
    return TransformersEngine(tiny.make(tmp_path_factory.mktemp("model"), "qwen2"), "float32")


@pytest.fixture(scope="module")
def records() -> list[Record]:
    return tiny.records(12)


def test_an_equal_engine_is_equal(reference: TransformersEngine, records: list[Record]) -> None:
    stub = Stub(reference)
    positions = teacher_forced(reference, records, 20, Silent())
    assert unequal_prompts(reference, stub, records) == []
    assert unequal_token_ids(reference, stub, PROBES) == []
    found = agreement(reference, stub, positions, Silent())
    assert (found.positions, found.differences, found.share) == (len(positions), (), 1.0)
    assert {s.temperature for s in stub.asked} == {0.0}
    assert max(s.max_new_tokens for s in stub.asked) <= len(positions)


def test_positions_are_teacher_forced_and_the_end_is_one(reference: TransformersEngine, records: list[Record]) -> None:
    positions = teacher_forced(reference, records, 10**6, Silent())
    answers = [[*reference.encode(r.answer), reference.end_token] for r in records]
    assert len(positions) == sum(map(len, answers))
    first = [p for p in positions if p.record_id == records[0].id]
    prompt = tuple(reference.encode(reference.render(records[0].prompt)))
    assert [p.index for p in first] == list(range(len(answers[0])))
    assert [p.prefix for p in first] == [(*prompt, *answers[0][:i]) for i in range(len(answers[0]))]
    for position in positions[::7]:
        assert position.expected == int(reference.logits(position.prefix, [0])[0].argmax())


def test_no_more_records_are_asked_than_are_wanted(reference: TransformersEngine, records: list[Record]) -> None:
    positions = teacher_forced(reference, records, 5, Silent())
    assert 5 <= len(positions) < 15
    assert {p.record_id for p in positions} < {r.id for r in records}


def test_another_chat_template_is_caught(reference: TransformersEngine, records: list[Record]) -> None:
    class OneByteMore(Stub):
        def render(self, messages: Messages) -> str:
            text = super().render(messages)
            return text + " " if "red" in text else text

    wrong = unequal_prompts(reference, OneByteMore(reference), records)
    assert wrong == [r.id for r in records if "red" in r.text]
    assert 0 < len(wrong) < len(records)


def test_another_pre_tokeniser_is_caught(tmp_path: Path) -> None:
    from tokenizers import Tokenizer

    reference = TransformersEngine(tiny.make(tmp_path, "llama"), "float32")
    # The same vocabulary and merges, only cut otherwise: what a wrong name in a GGUF file does.
    tree = json.loads(reference.tokenizer.backend_tokenizer.to_str())
    other = Tokenizer.from_str(json.dumps({**tree, "pre_tokenizer": DEFINITIONS["smollm"]}))

    class Other(Stub):
        def encode(self, text: str) -> list[int]:
            return list(other.encode(text, add_special_tokens=False).ids)

    wrong = unequal_token_ids(reference, Other(reference), [*PROBES, "plain words"])
    assert wrong
    assert set(wrong) <= set(PROBES)


def test_wrong_tokens_are_caught_with_their_margin(reference: TransformersEngine, records: list[Record]) -> None:
    positions = teacher_forced(reference, records, 20, Silent())
    found = agreement(reference, SecondBest(reference), positions, Silent())
    assert found.share == 0.0
    assert len(found.differences) == len(positions)
    for position, difference in zip(positions, found.differences, strict=True):
        best = reference.logits(position.prefix, [0])[0].topk(2).values
        assert difference.margin == pytest.approx(float(best[0] - best[1]), abs=1e-4)
        assert difference.margin > 0
        assert difference.expected == reference.piece(position.expected)
        assert difference.got != difference.expected
        assert (difference.record_id, difference.index) == (position.record_id, position.index)


def test_an_answer_that_ends_too_early_is_the_end_token(reference: TransformersEngine, records: list[Record]) -> None:
    class Mute(Stub):
        def one(self, prompt: list[int]) -> Generation:
            return Generation((), "", "stop", len(prompt))

    positions = teacher_forced(reference, records, 20, Silent())
    found = agreement(reference, Mute(reference), positions, Silent())
    wanted = [p for p in positions if p.expected != reference.end_token]
    assert len(found.differences) == len(wanted) > 0
    assert {d.got for d in found.differences} == {"<|im_end|>"}


def test_the_share() -> None:
    difference = Difference("r", 0, "a", "b", 0.1)
    assert Agreement(8, (difference, difference)).share == 0.75
