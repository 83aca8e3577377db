"""What a cleaning operation is. Each measures first, dearly and in parallel, and then decides, cheaply and purely.

- `RowOp` judges each record alone: length, language, facts. Neighbouring ones share a pass over the data.
- `SetOp` judges records by each other: duplicates, label noise. What it measures lies on disk as columns of numbers,
  and the decision sees all rows at once without any record in memory.
- `GrowOp` adds records made from training records, after the split, so that nothing made from a test record trains.

An op is built once in every process that runs it: `__init__` stores its settings and is cheap, `open` loads what is
heavy. Equal input gives equal output, in whatever batches, processes or order the records come.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from seekforge.core.records import Record

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

S = TypeVar("S")  # what an op measures of one record; must be picklable


@dataclass(frozen=True, slots=True)
class OpContext:
    """What an op may know besides its own config.

    Attributes:
        labels: The fixed set of labels; empty for free answers.
        label_field: The source field that became `Record.label`.
        seed: The recipe's; an op that draws at random seeds itself with it and the record's id, never with a place.
        threads: How many threads this process may use: 1 in a worker, more for the decision of a `SetOp`.
        scratch: A folder of the op's own for large intermediate files and for what was paid for, such as the answers
            of an endpoint; it may not be there yet. All processes share it, a killed run's next attempt finds it, and
            it is gone when the stage ends. None in a test or a notebook that gives none.
    """

    labels: tuple[str, ...] = ()
    label_field: str = "label"
    seed: int = 7
    threads: int = 1
    scratch: Path | None = None


@dataclass(frozen=True, slots=True)
class Keep:
    """The verdict that a record stays.

    Attributes:
        record: As it goes on: the one given, or another with the same id if the op changes it.
        note: For people, where something is worth saying: `2 phone numbers masked`.
        kind: The note without its figures, what the report counts by: `phone masked`.
        evidence: For the report; JSON-serialisable, such as `{"span": [3, 9], "rule": "luhn"}`.
    """

    record: Record
    note: str = ""
    kind: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Mark:
    """The verdict of a `SetOp` that a record stays, with something that the report should say of it; as in `Keep`."""

    note: str
    kind: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Remove:
    """The verdict that a record goes.

    Attributes:
        reason: For people, with the figure and the threshold that decided: `9 characters (least 10)`.
        kind: The reason without its figures, what the report counts by: `too short`. By default the op's name.
        kept: Of a `SetOp`: the row of the record that this one repeats, where there is one.
        similarity: To that one, 0 to 1.
        evidence: For the report; JSON-serialisable.
    """

    reason: str
    kind: str = ""
    kept: int | None = None
    similarity: float | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)


class Operation(ABC):
    """What all three kinds share.

    Attributes:
        name: As in the recipe.
        batch: Records that `measure` gets at once, at most.
        most_workers: Processes that may hold this op at the same time, where its model is large or has threads of its
            own; None for as many as the user wants.
        private: Whether the report's examples leave out what its records said, as with personal data.
    """

    name: ClassVar[str]
    private: ClassVar[bool] = False
    batch: ClassVar[int] = 1024
    most_workers: ClassVar[int | None] = None

    def check(self) -> None:  # noqa: B027  most ops need nothing from outside
        """Looks whether what it needs is there; called once, by the process that leads, before any record is read.

        Raises:
            InputError: A file cannot be used, a package is not installed, an endpoint does not answer.
        """

    def open(self) -> None:  # noqa: B027  most ops have nothing to load
        """Loads models and word lists; called once in each process, before the first `measure`.

        Raises:
            InputError: A file cannot be used.
        """


class RowOp(Operation, Generic[S]):
    """Judges each record alone."""

    @abstractmethod
    def measure(self, records: Sequence[Record]) -> Sequence[S]:
        """One statistic a record, in order; may be expensive."""

    @abstractmethod
    def decide(self, record: Record, statistic: S) -> Keep | Remove:
        """What becomes of one record; pure, without model, file or clock."""


@dataclass(frozen=True, slots=True)
class Ragged:
    """A column whose rows have different lengths, end to end.

    Attributes:
        values: Shape (total,).
        bounds: Shape (rows + 1,), int64: row i is `values[bounds[i]:bounds[i + 1]]`.
    """

    values: NDArray[Any]
    bounds: NDArray[np.int64]

    def __len__(self) -> int:
        """Rows."""
        return len(self.bounds) - 1

    def __getitem__(self, row: int) -> NDArray[Any]:
        """The values of one row, shape (its length,)."""
        found: NDArray[Any] = self.values[self.bounds[row] : self.bounds[row + 1]]
        return found


@dataclass(frozen=True, slots=True)
class Table:
    """All that the decision of a `SetOp` may see: a row a record, in the order in which the records stand.

    Attributes:
        columns: What the op measured, put together again. On disk, mapped into memory: take rows or columns of it, and
            never copy the whole of a wide one.
        rank: Shape (rows,), int64: the place of each record in the canonical order (test before validation before
            train, then the id). Of like records the least rank stays, so that the keep set depends on no order.
        ids: Of the records.
        labels: Of the records, None where there is none.
        splits: Of the records, where the source says so.
    """

    columns: Mapping[str, NDArray[Any] | Ragged]
    rank: NDArray[np.int64]
    ids: Sequence[str]
    labels: Sequence[str | None]
    splits: Sequence[str | None]

    def __len__(self) -> int:
        """Rows."""
        return len(self.rank)

    def array(self, name: str) -> NDArray[Any]:
        """A column of equal rows, shape (rows, ...)."""
        column = self.columns[name]
        assert not isinstance(column, Ragged)
        return column

    def ragged(self, name: str) -> Ragged:
        """A column of unequal rows."""
        column = self.columns[name]
        assert isinstance(column, Ragged)
        return column


class Removals(Mapping[int, Remove]):
    """The verdicts of a `SetOp` as arrays: each is put into words when it is asked for, one at a time.

    Args:
        kept: Shape (rows,): the row that each one repeats, or -1 for those that stay.
        similarity: Shape (rows,), to that row.
        words: Makes the verdict from the row, the one kept and the similarity.
    """

    def __init__(
        self, kept: NDArray[np.int64], similarity: NDArray[np.float64], words: Callable[[int, int, float], Remove]
    ) -> None:
        self._kept, self._similarity, self._words = kept, similarity, words

    def __getitem__(self, row: int) -> Remove:
        """The verdict on one row that goes."""
        if not 0 <= row < len(self._kept) or self._kept[row] < 0:
            raise KeyError(row)
        return self._words(row, int(self._kept[row]), float(self._similarity[row]))

    def __iter__(self) -> Iterator[int]:
        """The rows that go, ascending."""
        import numpy as np

        return iter(np.flatnonzero(self._kept >= 0).tolist())

    def __len__(self) -> int:
        """How many go."""
        return int((self._kept >= 0).sum())


class SetOp(Operation):
    """Judges records by each other."""

    @abstractmethod
    def measure(self, records: Sequence[Record]) -> Mapping[str, NDArray[Any] | Ragged]:
        """Columns by name, numeric or bool, one row a record, of the same names, types and widths in every batch.

        Text goes in as a hash. Records may be empty.
        """

    @abstractmethod
    def decide(self, table: Table) -> Mapping[int, Remove | Mark]:
        """The rows that go or are marked; all others stay. Pure, and of the same records whatever their order."""


@dataclass(frozen=True, slots=True)
class Grown:
    """A record that an op proposes to add.

    Attributes:
        parent: The training record that it was made from.
        record: The new one. Its id, its split and its `meta` (the parent's, with `parent` and `grown_by`) are set by
            the pipeline, so the parent's may stand there.
        how: For people: `en→zh→en by the endpoint`.
        evidence: For the report; JSON-serialisable, such as what came between.
    """

    parent: Record
    record: Record
    how: str
    evidence: Mapping[str, Any] = field(default_factory=dict)


class GrowOp(Operation, Generic[S]):
    """Proposes new training records and judges what it proposed.

    Runs after the split and the leak check, on the training records alone, not on what another one added. What is
    accepted is then checked: no new record repeats another to the letter, and none is like a held-out one. Made by the
    configs of `data.augment`, and registered in `GROW_OPS`.
    """

    @abstractmethod
    def grow(self, records: Sequence[Record]) -> Sequence[Grown]:
        """None, one or several for each record; may be expensive."""

    @abstractmethod
    def measure(self, grown: Sequence[Grown]) -> Sequence[S]:
        """One statistic for each proposal, in order, such as its similarity to the parent."""

    @abstractmethod
    def decide(self, grown: Grown, statistic: S) -> Keep | Remove:
        """Whether it is added; pure."""
