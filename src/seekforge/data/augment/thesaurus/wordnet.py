"""English synonyms by WordNet's database files, endings by the package `lemminflect`.

Source of the format: wndb(5WN), https://wordnet.princeton.edu/documentation/wndb5wn, and cntlist(5WN). Read here, as
NLTK's reader wants a file (`lexnames`) that Debian's package leaves out.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from seekforge.core.errors import ResourceError
from seekforge.data.augment.thesaurus.protocol import Choice
from seekforge.data.augment.words import Kind, Word

DEBIAN = Path("/usr", "share", "wordnet")
_FILES: Mapping[Kind, str] = {"noun": "noun", "verb": "verb", "adjective": "adj", "adverb": "adv"}
_UPOS: Mapping[Kind, str] = {"noun": "NOUN", "verb": "VERB", "adjective": "ADJ", "adverb": "ADV"}
_SS_TYPES = {"1": "noun", "2": "verb", "3": "adj", "4": "adv", "5": "adj"}
_CLEAR = 0.6  # share of a word's tagged uses that its first meaning must have
_LEAST = 3  # characters of a lemma
_VOWELS = "aeiou"


class WordNet:
    """Offers the synonyms of a word's first meaning, where that is what the word mostly means.

    Args:
        folder: With `index.noun`, `data.noun` and so on, and `cntlist.rev`.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._senses: dict[tuple[str, str], list[int]] = {}
        self._uses: dict[tuple[str, str], dict[int, int]] = {}
        self._data: dict[str, BinaryIO] = {}
        self._endings: Any = None

    @property
    def name(self) -> str:
        """The thesaurus."""
        return "WordNet"

    def open(self) -> None:
        """Reads indexes and counts; meanings are read when they are asked for.

        Raises:
            ResourceError: A file or the package `lemminflect` is missing.
        """
        if self._endings is not None:
            return
        try:
            self._endings = importlib.import_module("lemminflect")
        except ImportError as error:
            raise ResourceError(
                "English synonyms need the package lemminflect",
                where="data.augment",
                mend="pip install 'seekforge[data]'",
            ) from error
        try:
            for name in _FILES.values():
                self._read_index(name)
                self._data[name] = (self._folder / f"data.{name}").open("rb")
            self._read_counts()
        except OSError as error:
            raise ResourceError(
                f"no WordNet database: {error.filename} cannot be read",
                where=str(self._folder),
                mend="Name its folder (`wordnet`), or `apt install wordnet-base`",
            ) from error

    def synonyms(self, word: Word) -> Sequence[Choice]:
        """One-word synonyms that are used in this meaning, in the ending of the word; weighted by use."""
        name = _FILES.get(word.kind)
        lemma = self._lemma(word)
        if name is None or lemma is None:
            return ()
        offset = self._clear_meaning(lemma, name)
        if offset is None:
            return ()
        found = []
        for other in self._members(name, offset):
            uses = self._used(other, name, offset)
            text = self._inflected(other, word)
            if other != lemma and uses and text and (text[0] in _VOWELS) == (word.text[0].lower() in _VOWELS):
                found.append(Choice(text.capitalize() if word.text[0].isupper() else text, float(uses)))
        return sorted(found, key=lambda choice: choice.text)

    def _lemma(self, word: Word) -> str | None:
        if word.kind not in _FILES or len(word.text) < _LEAST or not word.text.isalpha():
            return None
        lemmas = self._endings.getLemma(word.text.lower(), upos=_UPOS[word.kind])
        return str(lemmas[0]) if lemmas else None

    def _inflected(self, lemma: str, word: Word) -> str:
        """The lemma in the word's ending; empty where the word's own ending is no regular one of its tag."""
        if len(lemma) < _LEAST or not lemma.isalpha() or not lemma.islower():
            return ""
        own = self._endings.getLemma(word.text.lower(), upos=_UPOS[word.kind])[0]
        if word.text.lower() == own:
            return lemma
        if word.text.lower() not in self._endings.getInflection(own, tag=word.tag):
            return ""
        forms = self._endings.getInflection(lemma, tag=word.tag)
        return str(forms[0]) if forms else ""

    def _clear_meaning(self, lemma: str, name: str) -> int | None:
        senses = self._senses.get((lemma, name), ())
        if not senses:
            return None
        uses = self._uses.get((lemma, name), {})
        total = sum(uses.values())
        clear = len(senses) == 1 or (total > 0 and uses.get(1, 0) / total >= _CLEAR)
        return senses[0] if clear else None

    def _used(self, lemma: str, name: str, offset: int) -> int:
        """How often the lemma was seen in this meaning in tagged text; 0 is mostly a bookish word, as belike."""
        senses = self._senses.get((lemma, name), [])
        if offset not in senses:
            return 0
        return self._uses.get((lemma, name), {}).get(senses.index(offset) + 1, 0)

    def _members(self, name: str, offset: int) -> list[str]:
        """The lemmas of a meaning: `offset lex_filenum ss_type w_cnt word lex_id word lex_id ...`."""
        file = self._data[name]
        file.seek(offset)
        fields = file.readline().decode("ascii", "replace").split(" ")
        count = int(fields[3], 16)
        return [fields[4 + 2 * place].partition("(")[0] for place in range(count)]

    def _read_index(self, name: str) -> None:
        """`lemma pos synset_cnt p_cnt [ptr_symbol...] sense_cnt tagsense_cnt offset...`; the licence is indented."""
        with (self._folder / f"index.{name}").open(encoding="ascii", errors="replace") as lines:
            for line in lines:
                if not line.startswith(" "):
                    fields = line.split()
                    senses = int(fields[2])
                    self._senses[fields[0], name] = list(map(int, fields[-senses:]))

    def _read_counts(self) -> None:
        """`lemma%ss_type:lex_filenum:lex_id:head:head_id sense_number tag_cnt`."""
        with (self._folder / "cntlist.rev").open(encoding="ascii", errors="replace") as lines:
            for line in lines:
                key, number, count = line.split()
                lemma, _, rest = key.partition("%")
                name = _SS_TYPES[rest[0]]
                self._uses.setdefault((lemma, name), {})[int(number)] = int(count)
