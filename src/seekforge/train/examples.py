"""Records to token ids, rendered exactly as at serving time, with the loss on the answers only.

A conversation of several turns is one sequence as long as that is what a server would see: the token ids before each
answer must be those of the prompt at that turn, rendered and tokenised alone. Where they are not, because the template
leaves earlier reasoning out or a token reaches over the seam, the turn becomes a sequence of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from seekforge.core.config import TrainConfig
from seekforge.core.errors import DataError
from seekforge.core.records import Message, Record
from seekforge.engines.reasoning import CLOSE, OPEN, opens

IGNORED = -100  # torch's cross-entropy leaves these labels out
_NAMED = 3  # records that an error names

Think = Literal["keep", "no_loss", "drop"]


@dataclass(frozen=True, slots=True)
class Example:
    """One sequence as the model sees it. `labels` has the length of `input_ids`, `IGNORED` on the prompts."""

    input_ids: list[int]
    labels: list[int]


@dataclass(frozen=True, slots=True)
class Encoded:
    """A split, tokenised.

    Attributes:
        examples: In the order of their records.
        records: Records that are in it.
        long: Id and tokens of each record that was left out for its length.
    """

    examples: list[Example]
    records: int
    long: list[tuple[str, int]]


def encode(record: Record, tokenizer: Any, think: Think = "keep") -> list[Example]:  # noqa: ANN401  no types here
    """The sequences of a record; with a loss on every answer of the assistant.

    Args:
        record: A conversation that ends with an answer.
        tokenizer: The model's.
        think: `keep` learns the reasoning between `<think>` and `</think>` too, `no_loss` shows it without learning
            it, `drop` takes it out; then an answer whose prompt ends with `<think>` closes it at once.
    """
    messages = [replace(m, content=_without_think(m)) for m in record.messages] if think == "drop" else record.messages
    done: list[Example] = []
    ids: list[int] = []
    labels: list[int] = []
    for at, message in enumerate(messages):
        if message.role != "assistant" or at == 0:
            continue
        shown = [m.to_dict() for m in messages[:at]]
        prompt = tokenizer.apply_chat_template(shown, tokenize=False, add_generation_prompt=True)
        prompt_ids = tokenizer.encode(prompt, add_special_tokens=False)
        if ids != prompt_ids[: len(ids)]:
            done.append(Example(ids, labels))
            ids, labels = [], []
        answer_ids, answer_labels = _answer(message.content, prompt, tokenizer, think)
        labels = labels + [IGNORED] * (len(prompt_ids) - len(ids)) + answer_labels
        ids = prompt_ids + answer_ids
    return [*done, Example(ids, labels)]


def encode_all(records: Sequence[Record], tokenizer: Any, config: TrainConfig, where: str) -> Encoded:  # noqa: ANN401
    """Encodes a split.

    Raises:
        DataError: The split is empty, or a record is longer than `max_length` and the policy is to refuse it; nothing
            is ever cut.
    """
    encoded = [(record.id, encode(record, tokenizer, config.think)) for record in records]
    long = [(name, longest) for name, made in encoded if (longest := _longest(made)) > config.max_length]
    if long and config.long == "refuse":
        named = ", ".join(f"'{name}' {tokens}" for name, tokens in sorted(long, key=lambda row: -row[1])[:_NAMED])
        raise DataError(
            f"{len(long)} records exceed train.max_length={config.max_length} tokens (the longest: {named})",
            where=where,
            mend=f"Set train.max_length={max(tokens for _, tokens in long)} or train.long=drop, or shorten them",
        )
    kept = [made for _, made in encoded if _longest(made) <= config.max_length]
    if not kept:
        left = f", all {len(long)} are longer than train.max_length={config.max_length}" if long else ""
        verb = "validate" if where == "validation" else "train"
        mend = "Raise train.max_length" if long else "Raise data.split's share or bring more records"
        raise DataError(f"no records to {verb} on{left}", where=where, mend=mend)
    return Encoded([example for made in kept for example in made], len(kept), long)


def answer_tokens(examples: Sequence[Example]) -> int:
    """Tokens that the loss is taken on."""
    return sum(label != IGNORED for example in examples for label in example.labels)


def check_vocabulary(tokenizer: Any, rows: int, where: str) -> None:  # noqa: ANN401
    """A token without a row in the embedding would end the run in the middle, or be another token's.

    Raises:
        DataError: The tokenizer has more tokens than the model's embedding has rows.
    """
    if len(tokenizer) > rows:
        raise DataError(
            f"the tokenizer has {len(tokenizer):,} tokens, the model's embedding {rows:,} rows",
            where=where,
            mend="Use the tokenizer that came with the model",
        )


def _answer(text: str, prompt: str, tokenizer: Any, think: Think) -> tuple[list[int], list[int]]:  # noqa: ANN401
    """Token ids and labels of an answer and its end token; tokenised apart from the prompt, as it is generated."""
    if opens(prompt):
        if think == "drop":
            text = f"\n{CLOSE}\n\n{text}"
        elif text.lstrip().startswith(OPEN):  # the prompt has opened it already
            text = text.lstrip().removeprefix(OPEN).lstrip("\n")
    encoded = tokenizer(text, add_special_tokens=False, return_offsets_mapping=think == "no_loss")
    ids = [*encoded["input_ids"], tokenizer.eos_token_id]
    labels = list(ids)
    if think == "no_loss" and CLOSE in text:
        end = text.index(CLOSE) + len(CLOSE)
        for at, (start, _) in enumerate(encoded["offset_mapping"]):
            if start < end:
                labels[at] = IGNORED
    return ids, labels


def _without_think(message: Message) -> str:
    if message.role != "assistant" or CLOSE not in message.content:
        return message.content
    return message.content.partition(CLOSE)[2].lstrip()


def _longest(examples: Sequence[Example]) -> int:
    return max(len(example.input_ids) for example in examples)
