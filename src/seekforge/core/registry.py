"""A lazy registry: names map to `"module:attribute"`, imported on first use and never before."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any
from unicodedata import normalize

from seekforge.core.errors import ConfigError


def nearest(word: str, known: list[str]) -> str:
    """The mend for a wrong name: the nearest known one, or all of them.

    >>> nearest("exakt", ["exact", "minhash"])
    "did you mean 'exact'?"
    >>> nearest("ｈｏｌｄ", ["APPROVE", "HOLD"])
    "did you mean 'HOLD'?"
    """
    forms = {_fold(name): name for name in reversed(known)}  # of equal forms the first counts
    close = get_close_matches(_fold(word), forms, n=1, cutoff=0.5)
    return f"did you mean '{forms[close[0]]}'?" if close else f"known: {', '.join(sorted(known))}"


def _fold(name: str) -> str:
    """A name without what is seen too late: case and full width."""
    return normalize("NFKC", name).casefold()


class Registry(Mapping[str, str]):
    """Names of one kind of thing and where each lives.

    Args:
        kind: What the names name, for messages (`"data op"`).
        entries: Name to `"module:attribute"`.
    """

    def __init__(self, kind: str, entries: Mapping[str, str]) -> None:
        self._kind = kind
        self._entries = dict(entries)

    def __getitem__(self, name: str) -> str:
        return self._entries[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def load(self, name: str) -> Any:  # noqa: ANN401  the registry cannot know what it holds
        """Imports and returns what `name` stands for.

        Raises:
            ConfigError: The name is not known; the message says which is nearest.
        """
        if name not in self._entries:
            raise ConfigError(f"unknown {self._kind} '{name}'", mend=nearest(name, list(self._entries)))
        module, _, attribute = self._entries[name].partition(":")
        return getattr(importlib.import_module(module), attribute)
