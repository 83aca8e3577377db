"""What a text denies, and what it says without denying it: `不干净` denies 干净, `干净` claims it.

Counting negations alone would let `房间不大，但干净` pass for `房间大，但不干净`, so each negation goes with what
stands after it. Words that look like a negation and are none (不但, 非常, 特别) do not count, nor does a question that
names both sides (好不好). A word such as 不错 does count: without its 不 it would say the contrary.
"""

from __future__ import annotations

import re
import unicodedata
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

_NOT_NEGATING = (
    "有没有|有无|不得不|不但|不仅|不只|不过|不管|不论|不光|不禁|不由得|不愧|不妨|对不起|不好意思|无论|无数|无比|无非|无线|非常|非得"
    "|除非|是非|未来|未免|别人|别的|别墅|别致|特别|分别|区别|级别|性别|个别|告别|别名|类别|莫名|莫非|否则|没准"
)
_TOKEN = re.compile(
    rf"(?P<none>{_NOT_NEGATING}|(?P<twice>(?!不)[一-鿿])不(?P=twice))"
    r"|(?P<negation>没有|沒有|[不没沒无無非未别別勿莫毋甭]"
    r"|(?:not|no(?!\.?\s?\d)|never|none|nobody|nothing|nowhere|neither|nor|without|cannot|hardly|barely)(?![a-z])"
    r"|n['’]t(?![a-z]))"
    r"|(?P<word>(?:(?!n['’]t)[a-z])+)|(?P<han>[一-鿿㐀-䶿])|(?P<other>\S)"
)
# May stand between a negation and what it denies.
_BETWEEN = frozenset(
    ["a", "an", "the", "any", "so", "very", "really", "too", "that", "been", "be", "to", "at", "all", "of"]
)
_BETWEEN_HAN = frozenset("是很太会能够可以得要想再那么怎这了的有")
_SCOPE = 2  # Chinese characters


@dataclass(frozen=True, slots=True)
class Polarity:
    """What a text says yes and no to, as CRC-32 of runs of two Chinese characters or of one word.

    Attributes:
        denied: One for each negation, ascending; 0 where nothing that counts stands after it.
        claimed: All that no negation stands before.
    """

    denied: tuple[int, ...]
    claimed: frozenset[int]


def polarity(text: str) -> Polarity:
    """Reads a text, Chinese, English or mixed.

    >>> len(polarity("房间不大，没有窗").denied), len(polarity("It wasn't good, never again.").denied)
    (2, 2)
    >>> polarity("非常好，好不好？别人说特别好").denied
    ()
    """
    tokens = _tokens(unicodedata.normalize("NFKC", text).lower())
    scopes = [_scope(tokens, place + 1) for place, (kind, _) in enumerate(tokens) if kind == "negation"]
    under = {place for scope in scopes for place in scope}
    claimed = {
        _hash(token + (tokens[place + 1][1] if kind == "han" else ""))
        for place, (kind, token) in enumerate(tokens)
        if place not in under and (kind == "word" or (kind == "han" and _goes_on(tokens, place, under)))
    }
    return Polarity(
        tuple(sorted(_hash("".join(tokens[at][1] for at in scope)) for scope in scopes)), frozenset(claimed)
    )


def _tokens(text: str) -> list[tuple[str, str]]:
    """Kind and text of each: `negation`, `word`, `han` (one character) or `other`."""
    found = []
    for match in _TOKEN.finditer(text):
        if match["none"] is not None:
            found += [("han", char) for char in match[0]]
        else:
            found.append((match.lastgroup or "other", match[0]))
    return found


def _scope(tokens: Sequence[tuple[str, str]], start: int) -> list[int]:
    """Places of what a negation before `start` denies: one word, or up to two characters."""
    places: list[int] = []
    for place in range(start, len(tokens)):
        kind, token = tokens[place]
        if not places and token in (_BETWEEN if kind == "word" else _BETWEEN_HAN):
            continue
        if kind not in {"word", "han"} or (places and kind == "word"):
            break
        places.append(place)
        if kind == "word" or len(places) == _SCOPE:
            break
    return places


def _goes_on(tokens: Sequence[tuple[str, str]], place: int, under: set[int]) -> bool:
    return place + 1 < len(tokens) and tokens[place + 1][0] == "han" and place + 1 not in under


def _hash(text: str) -> int:
    return zlib.crc32(text.encode("utf-8", "surrogatepass")) if text else 0
