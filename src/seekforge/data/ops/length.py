"""Length: of question and answer in characters, of the whole conversation in tokens where a tokenizer is named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from seekforge.core.config import LengthConfig
from seekforge.core.errors import ModelError
from seekforge.core.records import Record
from seekforge.data.ops.protocol import Keep, OpContext, Remove, RowOp


@dataclass(frozen=True, slots=True)
class Lengths:
    """Of one record: characters without white space, and tokens of all turns, None where none are counted."""

    question: int
    answer: int
    tokens: int | None = None


class Length(RowOp[Lengths]):
    """Drops what is outside the limits.

    Args:
        config: The limits and the tokenizer.
        context: Not used.
    """

    name: ClassVar[str] = "length"

    def __init__(self, config: LengthConfig, context: OpContext) -> None:
        self.config = config
        self._tokenizer: Any = None

    def open(self) -> None:
        """Loads the tokenizer.

        Raises:
            ModelError: There is none of this name.
        """
        if self.config.tokenizer is not None:
            self._tokenizer = _load(self.config.tokenizer)

    def measure(self, records: Sequence[Record]) -> list[Lengths]:
        """Counts characters, and tokens without what a chat template adds."""
        tokens = self._tokens(records)
        return [
            Lengths(_characters(record.text), _characters(record.answer), count)
            for record, count in zip(records, tokens, strict=True)
        ]

    def decide(self, record: Record, statistic: Lengths) -> Keep | Remove:
        """The first limit that is not kept: question, answer, tokens."""
        config = self.config
        for part, count, least, most in (
            ("question", statistic.question, config.min_question, config.max_question),
            ("answer", statistic.answer, config.min_answer, config.max_answer),
        ):
            if count < least:
                return Remove(f"the {part} has {count:,} characters (least {least:,})", f"{part} too short")
            if count > most:
                return Remove(f"the {part} has {count:,} characters (most {most:,})", f"{part} too long")
        if statistic.tokens is not None and config.max_tokens is not None and statistic.tokens > config.max_tokens:
            return Remove(f"{statistic.tokens:,} tokens (most {config.max_tokens:,})", "too many tokens")
        return Keep(record)

    def _tokens(self, records: Sequence[Record]) -> list[int | None]:
        if self._tokenizer is None:
            return [None] * len(records)
        texts = [message.content for record in records for message in record.messages]
        # A long text is what this looks for, so no warning that it is longer than the model's context.
        counts = iter(
            [len(ids) for ids in self._tokenizer(texts, add_special_tokens=False, verbose=False)["input_ids"]]
        )
        return [sum(next(counts) for _ in record.messages) for record in records]


def _characters(text: str) -> int:
    return len("".join(text.split()))


def _load(name: str) -> Any:  # noqa: ANN401  transformers ships no types that mypy may follow
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(name)
    except (OSError, ValueError) as error:
        raise ModelError(
            "no tokenizer there", where=f"data.ops length, tokenizer {name}", mend="Give a model folder or a hub id"
        ) from error
