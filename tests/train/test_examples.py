"""Records to token ids: what training sees is what serving renders, and the loss is on the answer alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.engines import tiny

from seekforge.core.errors import DataError
from seekforge.core.records import Message, Record
from seekforge.engines.transformers import TransformersEngine, load_tokenizer
from seekforge.train.examples import IGNORED, encode, encode_all
from seekforge.train.sft import answer_tokens

TURNS = (
    Message("system", "Answer in one word."),
    Message("user", "Karte 0042? 卡 😀"),
    Message("assistant", "HOLD"),
    Message("user", "and now?"),
    Message("assistant", "APPROVE 12."),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.make(tmp_path_factory.mktemp("model"), "smollm")


@pytest.fixture(scope="module")
def tokenizer(folder: Path) -> Any:
    return load_tokenizer(folder)


def single(text: str, answer: str = "go", record_id: str = "r1") -> Record:
    return Record(record_id, (Message("user", text), Message("assistant", answer)))


def test_the_loss_is_on_the_answer_and_its_end(tokenizer: Any) -> None:
    example = encode(single("case 1: red", "stop it"), tokenizer)
    counted = [label for label in example.labels if label != IGNORED]
    assert len(example.labels) == len(example.input_ids)
    assert tokenizer.decode(counted) == "stop it<|im_end|>"
    assert example.input_ids[-len(counted) :] == counted
    assert set(example.labels[: -len(counted)]) == {IGNORED}
    assert answer_tokens([example, example]) == 2 * len(counted)


@pytest.mark.parametrize("record", [single("Karte 0042? 卡 😀"), Record("m", TURNS)], ids=["one turn", "many turns"])
def test_the_prompt_is_what_serving_renders(record: Record, folder: Path, tokenizer: Any) -> None:
    engine = TransformersEngine(folder)
    example = encode(record, tokenizer)
    prompt = [i for i, label in zip(example.input_ids, example.labels, strict=True) if label == IGNORED]
    rendered = engine.render(record.prompt)
    assert prompt == engine.encode(rendered)
    assert tokenizer.decode(prompt) == rendered
    assert rendered.endswith("<|im_start|>assistant\n")


def test_only_the_last_answer_of_many_turns_is_learnt(tokenizer: Any) -> None:
    example = encode(Record("m", TURNS), tokenizer)
    counted = [label for label in example.labels if label != IGNORED]
    assert tokenizer.decode(counted) == "APPROVE 12.<|im_end|>"
    assert "HOLD" in tokenizer.decode(example.input_ids[: -len(counted)])


def test_a_record_that_is_too_long_is_named_and_never_cut(tokenizer: Any) -> None:
    records = [single("x", record_id="short"), single("long " * 40, record_id="rd-7"), single("y " * 60)]
    lengths = [len(encode(record, tokenizer).input_ids) for record in records]
    longest = max(lengths)
    name = records[lengths.index(longest)].id
    assert [len(e.input_ids) for e in encode_all(records, tokenizer, longest, "train")] == lengths
    with pytest.raises(DataError) as caught:
        encode_all(records, tokenizer, lengths[0], "train")
    assert str(caught.value) == (
        f"train: 2 records exceed train.max_length={lengths[0]} tokens (longest: '{name}', {longest}). "
        f"Set train.max_length={longest} or shorten them"
    )


def test_an_empty_split_is_refused(tokenizer: Any) -> None:
    with pytest.raises(DataError, match=r"^validation: no records"):
        encode_all([], tokenizer, 64, "validation")
