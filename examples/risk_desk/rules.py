"""The shape of one rule, and the whole rule book in order."""

from dataclasses import dataclass
from typing import Literal

Split = Literal["train", "validation", "test"]

SPLITS: tuple[Split, ...] = ("train", "validation", "test")
DECISIONS: tuple[str, ...] = ("APPROVE", "VERIFY", "HOLD", "DECLINE", "ESCALATE")


def answer(reason: str, number: int, decision: str) -> str:
    """An answer in the desk's form, such as ``The card was lost abroad. Rule 15: HOLD.``."""
    return f"{reason[0].upper()}{reason[1:].removesuffix('.')}. Rule {number}: {decision}."


@dataclass(frozen=True)
class Rule:
    """One rule of the handbook with its hand-written phrasings.

    A phrasing may hold slots such as ``{person}`` and choices such as ``[today|at once]``.

    Attributes:
        number: The rule's number in ``handbook.md``.
        decision: One of ``DECISIONS``.
        title: The rule's heading in ``handbook.md``.
        reason: The reason that every answer under this rule gives, word for word.
        train: Phrasings for training.
        validation: Phrasings for validation.
        test: Phrasings for the held-out test.
    """

    number: int
    decision: str
    title: str
    reason: str
    train: tuple[str, ...]
    validation: tuple[str, ...]
    test: tuple[str, ...]

    @property
    def answer(self) -> str:
        """The full answer of the desk: the reason first, so that a model has recognised the case before it decides."""
        return answer(self.reason, self.number, self.decision)

    def templates(self, split: Split) -> list[tuple[str, str]]:
        """List the phrasings of one split.

        Args:
            split: Which split.

        Returns:
            Pairs of a template's name (``r12-t3``) and its text; numbers run on from train to test.
        """
        names = [f"r{self.number}-t{i}" for i in range(1, len(self.train + self.validation + self.test) + 1)]
        start = {"train": 0, "validation": len(self.train), "test": len(self.train + self.validation)}[split]
        texts = {"train": self.train, "validation": self.validation, "test": self.test}[split]
        return list(zip(names[start:], texts, strict=False))
