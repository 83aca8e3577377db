"""Why two texts that sound alike say different things: another number, another unit, a negation more or elsewhere.

Embeddings hardly notice these: a changed digit leaves the cosine at 0.99. So likeness alone never makes a duplicate;
the guard may object, and then both stay. It errs towards keeping: a true paraphrase that it does not see through (`贵`
for `不便宜`) stays as well.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seekforge.data.ops.protocol import Ragged
from seekforge.data.semantic.negation import polarity
from seekforge.data.semantic.numbers import numbers

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NUMBERS, NEGATION = "numbers differ", "negation differs"
COLUMNS = ("numbers", "denied", "claimed")
_SHOWN = 3  # numbers of a side in an objection


@dataclass(frozen=True, slots=True)
class Signature:
    """What of a text must not differ.

    Attributes:
        numbers: Each number with its unit, ascending.
        denied: Of `negation.Polarity`: one hash for each negation, ascending.
        claimed: Hashes of what is not under a negation.
    """

    numbers: tuple[str, ...]
    denied: tuple[int, ...]
    claimed: Collection[int]


@dataclass(frozen=True, slots=True)
class Objection:
    """Why two texts are no duplicates: a kind, and the same with figures."""

    kind: str
    text: str


def signature(text: str) -> Signature:
    """Reads what the guard compares."""
    found = polarity(text)
    return Signature(numbers(text), found.denied, found.claimed)


def objection(one: Signature, other: Signature) -> Objection | None:
    """What speaks against calling two texts the same, or None; symmetric, and None for equal signatures.

    >>> objection(signature("住了2晚"), signature("住了３晚")).text
    'numbers differ: 2 against 3'
    >>> objection(signature("房间不大，但干净"), signature("房间大，但不干净")).kind
    'negation differs'
    >>> objection(signature("等了三十分钟"), signature("等了30分钟"))
    """
    if one.numbers != other.numbers:
        mine, theirs = Counter(one.numbers), Counter(other.numbers)
        text = f"{NUMBERS}: {_named(mine - theirs)} against {_named(theirs - mine)}"
        return Objection(NUMBERS, text)
    if len(one.denied) != len(other.denied):
        return Objection(NEGATION, f"{NEGATION}: {len(one.denied)} against {len(other.denied)}")
    if _contradicts(one, other) or _contradicts(other, one):
        return Objection(NEGATION, f"{NEGATION}: one denies what the other says")
    return None


def _contradicts(one: Signature, other: Signature) -> bool:
    """Whether one text denies what the other claims and never denies."""
    only = set(one.denied).difference(other.denied)
    return any(item in other.claimed for item in only)


def _named(items: Counter[str]) -> str:
    listed = sorted(items.elements())
    more = f" and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
    return (", ".join(item[:20] for item in listed[:_SHOWN]) or "none") + more


def columns(texts: Sequence[str]) -> dict[str, Ragged]:
    """Signatures as columns: `numbers` (UTF-8, one a line), `denied` and `claimed` (uint32, ascending)."""
    import numpy as np

    found = [signature(text) for text in texts]
    written = [np.frombuffer("\n".join(item.numbers).encode(), np.uint8) for item in found]
    return {
        "numbers": _ragged(written, np.uint8),
        "denied": _ragged([np.asarray(item.denied, np.uint32) for item in found], np.uint32),
        "claimed": _ragged([np.asarray(sorted(item.claimed), np.uint32) for item in found], np.uint32),
    }


def from_columns(table: Mapping[str, Ragged], row: int) -> Signature:
    """The inverse of `columns`, for one row."""
    written = table["numbers"][row].tobytes().decode()
    denied, claimed = (tuple(map(int, table[name][row])) for name in ("denied", "claimed"))
    return Signature(tuple(written.split("\n")) if written else (), denied, frozenset(claimed))


def _ragged(rows: Sequence[NDArray[Any]], kind: type[np.generic]) -> Ragged:
    import numpy as np

    bounds = np.zeros(len(rows) + 1, np.int64)
    np.cumsum([len(row) for row in rows], out=bounds[1:])
    return Ragged(np.concatenate(rows) if rows else np.empty(0, kind), bounds)
