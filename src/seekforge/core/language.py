"""Which language a text is in, by its scripts and, for Latin letters, by its commonest words.

Scripts tell Chinese, Japanese and Korean apart: Japanese has kana among its Han characters, in running text a third and
more, Chinese has none. Languages of one script are told by function words, the words that make up nearly half of any
text and that no subject changes (Grefenstette 1995, "Comparing two language identification schemes").
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass

_SCRIPTS = {
    "han": "\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff",
    "kana": "\u3041-\u30ff\u31f0-\u31ff\uff66-\uff9f",
    "ko": "\u1100-\u11ff\u3130-\u318f\uac00-\ud7af",
    "latin": "A-Za-z\u00aa\u00ba\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u1e00-\u1eff",
    "cyrillic": "\u0400-\u052f",
    "greek": "\u0370-\u03ff\u1f00-\u1fff",
    "arabic": "\u0600-\u06ff\u0750-\u077f",
    "hebrew": "\u0590-\u05ff",
    "devanagari": "\u0900-\u097f",
    "thai": "\u0e00-\u0e7f",
}
_BY_CHARACTER = ("han", "kana", "thai")  # no spaces: a character counts as a word of the others
_RUNS = {name: re.compile(f"[{chars}]" if name in _BY_CHARACTER else f"[{chars}]+") for name, chars in _SCRIPTS.items()}
_WORDS = {
    "en": "a the of and to in is was for that with as on are this be at by from it not have or an which you i my we he "
    "she they will has were been their had would can your our if but do does what when please no so me us all there "
    "who his her about out up",
    "de": "der die das und ist nicht ein eine zu den mit von für auf ich sie es dem im auch sich wie aber sind wird",
    "fr": "le la les et est une des du pour dans que qui pas vous je nous ce sur avec au il elle sont mais cette très",
    "es": "el la los las y es un una de que en por con para no se del al su como más pero lo está este muy son",
    "it": "il di che e la è un una per non sono con del della i gli le si da come anche ma questo più nel molto",
    "pt": "o a os as e é um uma de que em para com não do da no na por mais se como mas muito está são foi",
    "nl": "de het een en van is niet dat op te zijn voor met er ook aan ik je maar wordt heeft bij dit was naar",
}
_SETS = {language: frozenset(words.split()) for language, words in _WORDS.items()}
_LEAST_KANA = 0.1  # share of kana among Han and kana from which Han characters are Japanese
_LEAST_HITS = 0.08  # share of function words below which Latin letters show no language: names, codes, models


@dataclass(frozen=True, slots=True)
class Language:
    """What a text is written in.

    Attributes:
        code: `zh`, `en`, `ja`, `ko`, `de`, `fr`, `es`, `it`, `pt`, `nl`; else the script (`cyrillic`); `latin` where no
            function word tells the language, `unknown` where there is no letter.
        shares: Of every language found, by words (Chinese, Japanese and Thai: by characters); they add up to 1.
    """

    code: str
    shares: dict[str, float]


def language(text: str) -> Language:
    """Judges a text.

    >>> language("这家酒店的服务很好，下次还会来。").code, language("ここはとても良いホテルです").code
    ('zh', 'ja')
    >>> language("The room was small but clean.").code, language("RTX-4090 24GB").code
    ('en', 'latin')
    """
    text = unicodedata.normalize("NFKC", text)
    found = {name: pattern.findall(text) for name, pattern in _RUNS.items()}
    counts = {name: len(runs) for name, runs in found.items() if runs}
    shares: Counter[str] = Counter()
    han, kana = counts.pop("han", 0), counts.pop("kana", 0)
    if han or kana:
        shares["ja" if kana >= _LEAST_KANA * (han + kana) else "zh"] += han + kana
    latin = counts.pop("latin", 0)
    if latin:
        shares[_of_latin(found["latin"])] += latin
    shares.update(counts)
    total = sum(shares.values())
    if not total:
        return Language("unknown", {})
    code = max(sorted(shares), key=lambda name: shares[name])
    return Language(code, {name: count / total for name, count in sorted(shares.items())})


def _of_latin(words: list[str]) -> str:
    lower = [word.lower() for word in words]
    hits = {language: sum(word in known for word in lower) for language, known in _SETS.items()}
    best = max(hits, key=lambda language: hits[language])  # of equals the first: English
    return best if hits[best] >= max(1, _LEAST_HITS * len(lower)) else "latin"
