"""Personal data: masked by typed placeholders, dropped, or only reported."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from seekforge.core.config import PiiConfig
from seekforge.core.records import Message, Record
from seekforge.data.ops.protocol import Keep, OpContext, Remove, RowOp
from seekforge.data.pii import Finding, find, mask

_NAMES = {"phone": "phone number", "id": "ID number", "card": "card number", "email": "e-mail address"}


class Pii(RowOp[list[list[Finding]]]):
    """Looks into every turn; what the source has besides the turns (`meta`) is left as it is and trains nothing.

    Args:
        config: What to look for and what to do.
        context: Not used.
    """

    name: ClassVar[str] = "pii"
    private: ClassVar[bool] = True

    def __init__(self, config: PiiConfig, context: OpContext) -> None:
        self.config = config

    def measure(self, records: Sequence[Record]) -> list[list[list[Finding]]]:
        """What each turn of each record holds."""
        return [[find(message.content, self.config.kinds) for message in record.messages] for record in records]

    def decide(self, record: Record, statistic: list[list[Finding]]) -> Keep | Remove:
        """Masks, drops or reports; the evidence names kinds and places, never the data."""
        counts = Counter(found.kind for turn in statistic for found in turn)
        if not counts:
            return Keep(record)
        what = ", ".join(f"{count} {_named(kind, count)}" for kind, count in sorted(counts.items()))
        spans = [
            {"turn": turn, "kind": found.kind, "span": [found.start, found.end]}
            for turn, findings in enumerate(statistic)
            for found in findings
        ]
        kinds = ", ".join(sorted(counts))
        if self.config.action == "drop":
            return Remove(f"holds {what} (none allowed)", f"holds {kinds}", evidence={"found": spans})
        if self.config.action == "report":
            return Keep(record, f"holds {what}", f"holds {kinds}", {"found": spans})
        texts = mask([message.content for message in record.messages], statistic)
        messages = tuple(Message(message.role, text) for message, text in zip(record.messages, texts, strict=True))
        return Keep(replace(record, messages=messages), f"{what} masked", f"{kinds} masked", {"found": spans})


def _named(kind: str, count: int) -> str:
    name = _NAMES.get(kind, "street address")
    return name if count == 1 else name + ("es" if name.endswith("s") else "s")
