"""Several sequences in one row without cross-talk, so that little is padding.

Positions begin anew with each sequence. `transformers` reads the seams off them and lets no token look across one: by a
block-diagonal mask for SDPA, by sequence bounds for flash attention (`masking_utils.find_packed_sequence_indices`).
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seekforge.train.examples import IGNORED, Example


@dataclass(frozen=True, slots=True)
class Row:
    """What is one line of a batch: one sequence or several.

    Attributes:
        input_ids: Of all its sequences.
        labels: As long as `input_ids`.
        lengths: Tokens of each sequence.
    """

    input_ids: list[int]
    labels: list[int]
    lengths: list[int]


def rows_of(examples: Sequence[Example], room: int | None) -> list[Row]:
    """One row an example, or with `room` as few rows of at most so many tokens as best fit finds."""
    if room is None:
        return [Row(example.input_ids, example.labels, [len(example.input_ids)]) for example in examples]
    rows = []
    for members in packs([len(example.input_ids) for example in examples], room):
        parts = [examples[index] for index in members]
        ids = [token for part in parts for token in part.input_ids]
        # The first token of a sequence is foretold by nothing.
        labels = [label for part in parts for label in (IGNORED, *part.labels[1:])]
        rows.append(Row(ids, labels, [len(part.input_ids) for part in parts]))
    return rows


def packs(lengths: Sequence[int], room: int) -> list[list[int]]:
    """Groups sequences so that no group is longer than `room`: best fit, the longest first.

    Args:
        lengths: Tokens of each sequence; none above `room`.
        room: Tokens that a pack may have.

    Returns:
        Indices of the sequences, a list a pack.

    >>> packs([5, 3, 8, 2, 1], 8)
    [[2], [0, 1], [3, 4]]
    """
    groups: list[list[int]] = []
    free: list[tuple[int, int]] = []  # what is left in which group, ascending
    for index in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
        at = bisect_left(free, (lengths[index], 0))
        if at == len(free):
            left, group = room, len(groups)
            groups.append([])
        else:
            left, group = free.pop(at)
        groups[group].append(index)
        insort(free, (left - lengths[index], group))
    return groups


class PackedCollator:
    """Rows to tensors. There is no attention mask: padding is a sequence of its own, on which there is no loss."""

    def __init__(self, pad_token_id: int) -> None:
        self._pad = pad_token_id

    def __call__(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """`input_ids`, `labels` and `position_ids`, each of shape (rows, tokens of the longest)."""
        import torch

        width = max(len(row["input_ids"]) for row in rows)
        batch: dict[str, list[list[int]]] = {"input_ids": [], "labels": [], "position_ids": []}
        for row in rows:
            rest = width - len(row["input_ids"])
            batch["input_ids"].append([*row["input_ids"], *[self._pad] * rest])
            batch["labels"].append([*row["labels"], *[IGNORED] * rest])
            lengths = [*row["seq_lengths"], rest]
            batch["position_ids"].append([position for length in lengths for position in range(length)])
        return {name: torch.tensor(values) for name, values in batch.items()}
