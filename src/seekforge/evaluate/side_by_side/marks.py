"""Where two answers differ, by words; scripts without spaces by characters."""

from __future__ import annotations

import re
from difflib import SequenceMatcher

# Han, kana and full-width punctuation stand alone; everything else goes by what lies between blanks, so that no
# character is torn from the mark, joiner or accent that belongs to it.
_SINGLE = "\u3001-\u303f\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff01-\uff65\U00020000-\U0003ffff"
_PIECE = re.compile(f"[{_SINGLE}]|\\s+|[^\\s{_SINGLE}]+")
_MOST_PIECES = 1500  # comparing is quadratic

Marked = list[tuple[str, bool]]


def differences(one: str, other: str) -> tuple[Marked, Marked]:
    """Both texts in pieces, each with whether it is only there.

    >>> differences("Rule 12: HOLD.", "Rule 3: HOLD.")
    ([('Rule ', False), ('12:', True), (' HOLD.', False)], [('Rule ', False), ('3:', True), (' HOLD.', False)])
    """
    left, right = _PIECE.findall(one), _PIECE.findall(other)
    if max(len(left), len(right)) > _MOST_PIECES:
        return [(one, one != other)], [(other, one != other)]
    first: Marked = []
    second: Marked = []
    for kind, a, b, c, d in SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        for marked, pieces in ((first, left[a:b]), (second, right[c:d])):
            if pieces:
                marked.append(("".join(pieces), kind != "equal"))
    return first, second
