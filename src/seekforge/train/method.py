"""Which method `train.method: auto` takes: a pure decision from the number of records and what fits."""

from __future__ import annotations

from typing import Literal, NamedTuple

# The guide's bounds: every parameter above the upper one, adapters below the lower one.
MANY, FEW = 100_000, 10_000


class Choice(NamedTuple):
    """A method and why, in words."""

    method: Literal["lora", "qlora", "full"]
    reason: str


def choose_method(records: int, fits_full: bool) -> Choice:
    """Full fine-tuning for many records, LoRA for few, and between the two what the memory allows.

    Args:
        records: Labelled records of the training split.
        fits_full: Whether full fine-tuning fits the device by the memory planner.

    >>> choose_method(1_500, fits_full=True)
    Choice(method='lora', reason='1,500 records, fewer than 10,000')
    >>> choose_method(50_000, fits_full=False).method
    'lora'
    """
    if records > MANY:
        return Choice("full", f"{records:,} records, more than {MANY:,}")
    if records < FEW:
        return Choice("lora", f"{records:,} records, fewer than {FEW:,}")
    between = f"{records:,} records, between {FEW:,} and {MANY:,}"
    if fits_full:
        return Choice("full", f"{between}, and every parameter fits the memory")
    return Choice("lora", f"{between}, and every parameter does not fit the memory")
