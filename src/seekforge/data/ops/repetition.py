"""Repetition: a question or an answer that says the same over and over goes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

from seekforge.core.config import RepetitionConfig
from seekforge.core.records import Record
from seekforge.data.ops.protocol import Keep, OpContext, Remove, RowOp
from seekforge.data.quality.repetition import REPEATED, TOP, repetition
from seekforge.data.quality.repetition import Repetition as Shares


class Repetition(RowOp[tuple[Shares, Shares]]):
    """Judges the question and the answer, each for itself.

    Args:
        config: The most that each share may be.
        context: Not used.
    """

    name: ClassVar[str] = "repetition"

    def __init__(self, config: RepetitionConfig, context: OpContext) -> None:
        self.config = config

    def measure(self, records: Sequence[Record]) -> list[tuple[Shares, Shares]]:
        """The shares of question and answer."""
        return [(repetition(record.text), repetition(record.answer)) for record in records]

    def decide(self, record: Record, statistic: tuple[Shares, Shares]) -> Keep | Remove:
        """The first share that is above its limit."""
        for part, shares in zip(("question", "answer"), statistic, strict=True):
            for what, share, most in self._judged(shares):
                if share > most:
                    return Remove(
                        f"the {part}: {share:.2f} of it {what} (most {most:g})",
                        "repeats itself" if "run" in what or "end" in what else "repeats lines",
                        evidence={"part": part, "share": round(share, 4)},
                    )
        return Keep(record)

    def _judged(self, shares: Shares) -> Iterator[tuple[str, float, float]]:
        """What is in it, its share, and the most that it may be."""
        config = self.config
        yield "the same three times on end", shares.stutter, config.stutter
        if shares.words < config.min_words:
            return
        yield "repeated lines", shares.lines, config.lines
        yield "characters of repeated lines", shares.line_characters, config.line_characters
        for size, share, most in zip(TOP, shares.top, config.top, strict=True):
            yield f"one run of {size} words", share, most
        for size, share, most in zip(REPEATED, shares.repeated, config.repeated, strict=True):
            yield f"repeated runs of {size} words", share, most
