"""Where two answers differ, by words; scripts without spaces by characters."""

from __future__ import annotations

import re
from difflib import SequenceMatcher

# Han, kana and full-width punctuation stand alone; everything else goes by what lies between blanks, so that no
# character is torn from the mark, joiner or accent that belongs to it. The blanks after a piece are its own.
_SINGLE = "\u3001-\u303f\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff01-\uff65\U00020000-\U0003ffff"
_PIECE = re.compile(f"[{_SINGLE}]\\s*|[^\\s{_SINGLE}]+\\s*|\\s+")
_MOST_PIECES = 1500  # comparing is quadratic

Marked = list[tuple[str, bool]]


def differences(one: str, other: str) -> tuple[Marked, Marked]:
    """Both texts in pieces, each with whether it is only there; blanks alone make no difference.

    >>> differences("Rule 12: HOLD.", "Rule 3: HOLD.")
    ([('Rule ', False), ('12:', True), (' HOLD.', False)], [('Rule ', False), ('3:', True), (' HOLD.', False)])
    """
    left, right = _PIECE.findall(one), _PIECE.findall(other)
    if max(len(left), len(right)) > _MOST_PIECES:
        return _joined([(one, one != other)]), _joined([(other, one != other)])
    words = [piece.strip() for piece in left], [piece.strip() for piece in right]
    first: Marked = []
    second: Marked = []
    for kind, a, b, c, d in SequenceMatcher(None, *words, autojunk=False).get_opcodes():
        first.append(("".join(left[a:b]), kind != "equal"))
        second.append(("".join(right[c:d]), kind != "equal"))
    return _joined(first), _joined(second)


def _joined(pieces: Marked) -> Marked:
    """Without the blanks at the end of what is marked, without empty pieces, and like ones joined."""
    found: Marked = []
    for text, only in pieces:
        kept = text.rstrip() if only else text
        for part, marked in ((kept, only), (text[len(kept) :], False)):
            if part and found and found[-1][1] == marked:
                found[-1] = found[-1][0] + part, marked
            elif part:
                found.append((part, marked))
    return found
