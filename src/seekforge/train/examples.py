"""Records to token ids, rendered exactly as at serving time, with the loss on the answer only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from seekforge.core.errors import DataError
from seekforge.core.records import Record

IGNORED = -100  # torch's cross-entropy leaves these labels out


@dataclass(frozen=True, slots=True)
class Example:
    """One record as the model sees it. `labels` has the length of `input_ids`, `IGNORED` on the prompt."""

    input_ids: list[int]
    labels: list[int]


def encode(record: Record, tokenizer: Any) -> Example:  # noqa: ANN401  transformers has no types here
    """Prompt and answer are tokenised apart: at serving time the prompt too is tokenised alone."""
    prompt = tokenizer.apply_chat_template(record.prompt, tokenize=False, add_generation_prompt=True)
    prompt_ids = tokenizer.encode(prompt, add_special_tokens=False)
    answer_ids = [*tokenizer.encode(record.answer, add_special_tokens=False), tokenizer.eos_token_id]
    return Example([*prompt_ids, *answer_ids], [IGNORED] * len(prompt_ids) + answer_ids)


def encode_all(records: Sequence[Record], tokenizer: Any, max_length: int, where: str) -> list[Example]:  # noqa: ANN401
    """Encodes a split.

    Raises:
        DataError: The split is empty or a record is longer than `max_length`; nothing is ever cut in silence.
    """
    if not records:
        raise DataError("no records to train on", where=where, mend="Raise data.split's share or bring more records")
    examples = [encode(record, tokenizer) for record in records]
    long = [(len(e.input_ids), r.id) for e, r in zip(examples, records, strict=True) if len(e.input_ids) > max_length]
    if long:
        length, record_id = max(long)
        raise DataError(
            f"{len(long)} records exceed train.max_length={max_length} tokens (longest: '{record_id}', {length})",
            where=where,
            mend=f"Set train.max_length={length} or shorten them",
        )
    return examples
