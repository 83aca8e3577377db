"""Records to token ids: what training sees is what serving renders, and the loss is on the answer alone."""

from __future__ import annotations

import functools
import itertools
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.engines import tiny

from seekforge.core.config import TrainConfig
from seekforge.core.errors import DataError
from seekforge.core.records import Message, Record
from seekforge.engines.transformers import TransformersEngine, load_tokenizer
from seekforge.train.examples import IGNORED, Example, answer_tokens, check_vocabulary, encode, encode_all

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
    [example] = encode(single("case 1: red", "stop it"), tokenizer)
    counted = [label for label in example.labels if label != IGNORED]
    assert len(example.labels) == len(example.input_ids)
    assert tokenizer.decode(counted) == "stop it<|im_end|>"
    assert example.input_ids[-len(counted) :] == counted
    assert set(example.labels[: -len(counted)]) == {IGNORED}
    assert answer_tokens([example, example]) == 2 * len(counted)


# The tokens before an answer, the answer's own, and its labels.
Turn = tuple[list[int], list[int], list[int]]


def trained_turns(examples: list[Example]) -> list[Turn]:
    """Every answer that has a loss, as training sees it."""
    found = []
    for example in examples:
        before = zip([IGNORED, *example.labels], example.labels, strict=False)
        for start in [at for at, (last, label) in enumerate(before) if last == IGNORED != label]:
            labels = list(itertools.takewhile(lambda label: label != IGNORED, example.labels[start:]))
            found.append((example.input_ids[:start], example.input_ids[start : start + len(labels)], labels))
    return found


def served_turns(record: Record, engine: TransformersEngine, tokenizer: Any) -> list[Turn]:
    """Every answer of the record behind what a server would see at that turn."""
    found = []
    for turn, message in enumerate(record.messages):
        if turn and message.role == "assistant":
            prompt = engine.encode(engine.render([m.to_dict() for m in record.messages[:turn]]))
            answer = [*engine.encode(message.content), tokenizer.eos_token_id]
            found.append((prompt, answer, answer))
    return found


@pytest.fixture(scope="module")
def engine(folder: Path) -> TransformersEngine:
    return TransformersEngine(folder)


@pytest.mark.parametrize("record", [single("Karte 0042? 卡 😀"), Record("m", TURNS)], ids=["one turn", "many turns"])
def test_the_prompt_is_what_serving_renders(record: Record, engine: TransformersEngine, tokenizer: Any) -> None:
    examples = encode(record, tokenizer)
    assert len(examples) == 1
    assert trained_turns(examples) == served_turns(record, engine, tokenizer)


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30) | st.sampled_from(
    ["<think>\nwhy\n</think>\n\nyes", "<|im_end|>", "12 345", "  ", "\n", "end\n"]
)


@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=4), st.booleans(), st.sampled_from(["plain", "thinking"]))
@settings(max_examples=60, deadline=None)
def test_every_turn_is_tokenised_as_at_serving_time(
    folder: Path, engine: TransformersEngine, turns: list[tuple[str, str]], system: bool, template: str
) -> None:
    tokenizer = load_tokenizer_with(folder, template)
    engine.tokenizer = tokenizer
    messages = [Message("system", "Short.")] if system else []
    for user, assistant in turns:
        messages += [Message("user", user), Message("assistant", assistant)]
    record = Record("r", tuple(messages))
    assert trained_turns(encode(record, tokenizer)) == served_turns(record, engine, tokenizer)


@functools.cache
def load_tokenizer_with(folder: Path, template: str) -> Any:
    tokenizer = load_tokenizer(folder)
    if template == "thinking":
        tokenizer.chat_template = THINKING
    return tokenizer


# As those of reasoning models: earlier reasoning is left out of the prompt.
THINKING = tiny.TEMPLATE.replace(
    "{{ m['content'] }}",
    "{% if m['role'] == 'assistant' %}{{ m['content'].split('</think>')[-1] }}{% else %}{{ m['content'] }}{% endif %}",
)
THOUGHT = Record(
    "t",
    (
        Message("user", "one?"),
        Message("assistant", "<think>\nhm\n</think>\n\nfirst"),
        Message("user", "two?"),
        Message("assistant", "<think>\nwell\n</think>\n\nsecond"),
    ),
)


def learnt(example: Example, tokenizer: Any) -> str:
    return str(tokenizer.decode([label for label in example.labels if label != IGNORED]))


def test_every_answer_of_many_turns_is_learnt(tokenizer: Any) -> None:
    [example] = encode(Record("m", TURNS), tokenizer)
    assert learnt(example, tokenizer) == "HOLD<|im_end|>APPROVE 12.<|im_end|>"


def test_a_turn_whose_history_is_rendered_otherwise_is_its_own_sequence(folder: Path) -> None:
    tokenizer = load_tokenizer_with(folder, "thinking")
    first, second = encode(THOUGHT, tokenizer)
    assert learnt(first, tokenizer) == "<think>\nhm\n</think>\n\nfirst<|im_end|>"
    assert learnt(second, tokenizer) == "<think>\nwell\n</think>\n\nsecond<|im_end|>"
    assert "hm" not in tokenizer.decode(second.input_ids)


def test_reasoning_is_shown_without_being_learnt(tokenizer: Any) -> None:
    [kept], [example] = encode(THOUGHT, tokenizer), encode(THOUGHT, tokenizer, "no_loss")
    assert example.input_ids == kept.input_ids
    text = learnt(example, tokenizer)
    assert "hm" not in text
    assert "think" not in text
    assert text.replace("\n", "") == "first<|im_end|>second<|im_end|>"


def test_reasoning_is_left_out(tokenizer: Any) -> None:
    [example] = encode(THOUGHT, tokenizer, "drop")
    assert learnt(example, tokenizer) == "first<|im_end|>second<|im_end|>"
    assert "think" not in tokenizer.decode(example.input_ids)


def test_a_prompt_that_opens_the_reasoning(folder: Path) -> None:
    tokenizer = load_tokenizer(folder)
    tokenizer.chat_template = tiny.TEMPLATE.replace("assistant\n{%", "assistant\n<think>\n{%")
    record = Record("t", THOUGHT.messages[:2])
    [kept], [dropped] = encode(record, tokenizer), encode(record, tokenizer, "drop")
    assert tokenizer.decode(kept.input_ids).count("<think>") == 1
    assert learnt(kept, tokenizer) == "hm\n</think>\n\nfirst<|im_end|>"
    assert learnt(dropped, tokenizer) == "\n</think>\n\nfirst<|im_end|>"  # an answer begins outside of the reasoning


def config(length: int, **others: Any) -> TrainConfig:
    return TrainConfig.model_validate({"max_length": length, **others})


def test_records_that_are_too_long_are_named_and_never_cut(tokenizer: Any) -> None:
    records = [single("x", record_id="short"), single("long " * 40, record_id="rd-7"), single("y " * 60)]
    lengths = [len(encode(record, tokenizer)[0].input_ids) for record in records]
    assert sorted(lengths)[1:] == [lengths[1], lengths[2]] or sorted(lengths)[1:] == [lengths[2], lengths[1]]
    longest = max(lengths)
    encoded = encode_all(records, tokenizer, config(longest), "train")
    assert [len(e.input_ids) for e in encoded.examples] == lengths
    assert not encoded.long
    (one, first), (two, second) = sorted(zip(["rd-7", "r1"], lengths[1:], strict=True), key=lambda row: -row[1])
    with pytest.raises(DataError) as caught:
        encode_all(records, tokenizer, config(lengths[0]), "train")
    assert str(caught.value) == (
        f"train: 2 records exceed train.max_length={lengths[0]} tokens (the longest: '{one}' {first}, '{two}' {second}"
        f"). Set train.max_length={longest} or train.long=drop, or shorten them"
    )
    dropped = encode_all(records, tokenizer, config(lengths[0], long="drop"), "train")
    assert [len(e.input_ids) for e in dropped.examples] == lengths[:1]
    assert (dropped.records, dropped.long) == (1, [("rd-7", lengths[1]), ("r1", lengths[2])])


def test_an_empty_split_is_refused(tokenizer: Any) -> None:
    with pytest.raises(DataError, match=r"^validation: no records to validate on. Raise data.split's share"):
        encode_all([], tokenizer, config(64), "validation")
    with pytest.raises(DataError, match=r"^train: no records to train on, all 1 are longer than train.max_length=8"):
        encode_all([single("a b c d e f g h i j")], tokenizer, config(8, long="drop"), "train")


def test_a_tokenizer_of_another_model_is_refused(tokenizer: Any) -> None:
    check_vocabulary(tokenizer, len(tokenizer), "m")
    with pytest.raises(DataError, match=r"^m: the tokenizer has \d+ tokens, the model's embedding 100 rows. Use the"):
        check_vocabulary(tokenizer, 100, "m")
