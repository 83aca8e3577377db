"""Language: what is not in a wanted one goes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from seekforge.core.config import LanguageConfig
from seekforge.core.language import Language as Found
from seekforge.core.language import language
from seekforge.core.records import Record
from seekforge.data.ops.protocol import Keep, OpContext, Remove, RowOp

_UNKNOWN = frozenset({"latin", "unknown"})


class Language(RowOp[Found]):
    """Judges the user's turns and the answer together, so that `Translate: ...` counts by both its languages.

    Args:
        config: The wanted languages and their least share.
        context: Not used.
    """

    name: ClassVar[str] = "language"

    def __init__(self, config: LanguageConfig, context: OpContext) -> None:
        self.config = config

    def measure(self, records: Sequence[Record]) -> list[Found]:
        """The languages of each record."""
        return [language(f"{record.text}\n{record.answer}") for record in records]

    def decide(self, record: Record, statistic: Found) -> Keep | Remove:
        """Keeps a record whose wanted languages have their share among those that are known."""
        known = {code: share for code, share in statistic.shares.items() if code not in _UNKNOWN}
        if not known:
            if self.config.unknown == "keep":
                return Keep(record)
            return Remove("no language can be told", "unknown language")
        wanted = sum(share for code, share in known.items() if code in self.config.keep) / sum(known.values())
        if wanted >= self.config.min_share and wanted > 0:
            return Keep(record)
        code = max(sorted(known), key=lambda name: known[name])
        names = ", ".join(self.config.keep)
        reason = f"mostly {code}; {wanted:.2f} of it in {names} (least {self.config.min_share:g})"
        return Remove(reason, f"language {code}", evidence={"shares": {k: round(v, 4) for k, v in known.items()}})
