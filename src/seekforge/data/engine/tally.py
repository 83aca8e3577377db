"""What passes count: what each step kept, dropped and changed and why, with examples; what records are like."""

from __future__ import annotations

import re
import time
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from seekforge.core.records import Record
from seekforge.data.ops.result import Drop, Noted

EXAMPLES = 6  # of each reason
_HIDDEN = "(not shown)"
_MOST_KINDS = 60  # a kind with a figure in it would be one for each record
_MOST_LABELS = 200
_CLIP = 300
LENGTHS = (0, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000)
_SCRIPTS = {
    "Japanese": re.compile("[\u3040-\u30ff]"),
    "Korean": re.compile("[\u1100-\u11ff\uac00-\ud7af]"),
    "Chinese": re.compile("[\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff]"),
    "Latin": re.compile("[A-Za-z\u00c0-\u024f]"),
    "Cyrillic": re.compile("[\u0400-\u052f]"),
    "Arabic": re.compile("[\u0600-\u077f]"),
    "Devanagari": re.compile("[\u0900-\u097f]"),
    "Thai": re.compile("[\u0e00-\u0e7f]"),
}
_WEIGHTS = {"Latin": 0.3}  # of a character: a Latin word is as long as three or four Chinese characters


@dataclass(slots=True)
class Step:
    """One row of the funnel.

    Attributes:
        step: The op's name, or `read`, `leak`.
        private: Whether the examples leave out what the records said before.
        kept: Records that stay.
        dropped: Records that went.
        changed: Records that are not as they came.
        added: Records that it added.
        refused: Records that it proposed and that were not added.
        seconds: Of all processes together.
        reasons: How many went, by kind of reason.
        notes: How many stayed with a note, by kind.
        examples: Of each kind of reason or note the first ones, as the report shows them.
    """

    step: str
    private: bool = False
    kept: int = 0
    dropped: int = 0
    changed: int = 0
    added: int = 0
    refused: int = 0
    seconds: float = 0.0
    reasons: Counter[str] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    @contextmanager
    def clock(self) -> Iterator[None]:
        """Counts the time inside."""
        started = time.perf_counter()
        yield
        self.seconds += time.perf_counter() - started

    def drop(self, drop: Drop, kept_row: int | None = None) -> None:
        """Counts a record that went."""
        self.dropped += 1
        kind = self._count(self.reasons, drop.kind or drop.op)
        if len(self.examples.get(kind, ())) < EXAMPLES:
            self._show(kind, drop.record.id, drop.reason, drop.record, drop.evidence, kept_id=drop.kept_id)
            if kept_row is not None:
                self.examples[kind][-1]["kept_row"] = kept_row

    def refuse(self, drop: Drop) -> None:
        """Counts a proposal that is not added."""
        self.drop(drop)
        self.dropped -= 1
        self.refused += 1

    def note(self, noted: Noted) -> None:
        """Counts a record that stayed and of which something was said."""
        kind = self._count(self.notes, noted.kind or noted.op)
        if len(self.examples.get(kind, ())) < EXAMPLES:
            after = noted.after if noted.after.messages != noted.before.messages else None
            self._show(kind, noted.after.id, noted.note, noted.before, noted.evidence, after=after)

    def _count(self, counts: Counter[str], kind: str) -> str:
        kind = kind if kind in counts or len(counts) < _MOST_KINDS else "other"
        counts[kind] += 1
        return kind

    def _show(
        self,
        kind: str,
        name: str,
        reason: str,
        record: Record,
        evidence: Mapping[str, Any],
        kept_id: str | None = None,
        after: Record | None = None,
    ) -> None:
        texts = (_HIDDEN, "") if self.private else (clip(record.text), clip(record.answer))
        shown: dict[str, Any] = {"op": self.step, "kind": kind, "id": name, "reason": reason, "text": texts[0]}
        shown |= {"kept_text": "", "answer": texts[1]}
        if kept_id is not None:
            shown["kept_id"] = kept_id
        if evidence:
            shown["evidence"] = dict(evidence)
        if after is not None:
            shown["after"] = clip(after.text if after.text != record.text else after.answer)
        self.examples.setdefault(kind, []).append(shown)

    def add(self, other: Step) -> None:
        """Adds what a later shard counted."""
        for name in ("kept", "dropped", "changed", "added", "refused", "seconds"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for mine, theirs in ((self.reasons, other.reasons), (self.notes, other.notes)):
            for kind, count in theirs.items():
                mine[kind if kind in mine or len(mine) < _MOST_KINDS else "other"] += count
        for kind, found in other.examples.items():
            if kind in self.reasons or kind in self.notes:
                self.examples[kind] = (self.examples.get(kind, []) + found)[:EXAMPLES]

    def to_dict(self) -> dict[str, Any]:
        """As a shard's mark keeps it."""
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> Step:
        """The inverse of `to_dict`."""
        counts = {"reasons": Counter(row["reasons"]), "notes": Counter(row["notes"])}
        return cls(**{**row, **counts})

    def row(self) -> dict[str, str | int | float]:
        """As the report's funnel shows it."""
        shown: dict[str, str | int | float] = {
            "step": self.step,
            "kept": self.kept,
            "dropped": self.dropped,
            "changed": self.changed,
            "seconds": round(self.seconds, 3),
        }
        return {**shown, "added": self.added, "refused": self.refused} if self.added or self.refused else shown

    def __str__(self) -> str:
        """One line: `minhash: 90 kept (0 changed), 10 dropped`."""
        added = f", {self.added:,} added" if self.added else ""
        return f"{self.step}: {self.kept:,} kept ({self.changed:,} changed), {self.dropped:,} dropped{added}"


@dataclass(slots=True)
class Profile:
    """What records are like: their lengths, labels and scripts.

    Attributes:
        lengths: Records by the length of question and answer in characters, one count for each of `LENGTHS`.
        labels: Records by label; those beyond the first 200 labels are one.
        scripts: Records by the script that most of their letters are of.
    """

    lengths: list[int] = field(default_factory=lambda: [0] * len(LENGTHS))
    labels: Counter[str] = field(default_factory=Counter)
    scripts: Counter[str] = field(default_factory=Counter)

    def count(self, records: Iterable[Record]) -> None:
        """Adds records."""
        for record in records:
            text = record.text
            self.lengths[bisect_right(LENGTHS, len(text) + len(record.answer)) - 1] += 1
            self.scripts[script(text)] += 1
            if record.label is not None:
                self._label(record.label, 1)

    def _label(self, label: str, count: int) -> None:
        known = label in self.labels or len(self.labels) < _MOST_LABELS
        self.labels[label if known else "other"] += count

    def add(self, other: Profile) -> None:
        """Adds a later shard's."""
        self.lengths = [one + more for one, more in zip(self.lengths, other.lengths, strict=True)]
        self.scripts.update(other.scripts)
        for label, count in other.labels.items():
            self._label(label, count)

    def to_dict(self) -> dict[str, Any]:
        """As a shard's mark keeps it."""
        return {"lengths": self.lengths, "labels": dict(self.labels), "scripts": dict(self.scripts)}

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> Profile:
        """The inverse of `to_dict`."""
        return cls(list(row["lengths"]), Counter(row["labels"]), Counter(row["scripts"]))


def script(text: str) -> str:
    """The script of most of a text's letters; kana makes a text Japanese although most of it may be ideographs."""
    text = text[:_CLIP]
    if text.isascii():
        return "Latin" if _SCRIPTS["Latin"].search(text) else "none"
    counts = {name: _WEIGHTS.get(name, 1) * len(pattern.findall(text)) for name, pattern in _SCRIPTS.items()}
    if counts["Japanese"] * 10 > counts["Chinese"]:
        counts["Japanese"] += counts["Chinese"]
    best = max(counts, key=lambda name: counts[name])
    return best if counts[best] else "none"


def clip(text: str) -> str:
    """The first characters of a text, for the report."""
    return text if len(text) <= _CLIP else text[: _CLIP - 1] + "…"
