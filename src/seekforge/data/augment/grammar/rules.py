"""Correction by rules that hardly ever err: punctuation that fits the script, doubled words, stray spaces.

What translators and word replacement leave behind. It repairs no sentence; it is idempotent.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from seekforge.data.augment.words import CJK, Language
from seekforge.engines.chat.protocol import Heard, Reply, unheard

_HAN = f"[{CJK}]"
_FULL = dict(zip(",!?;:", "，！？；：", strict=True))
_SIGNS = "，。！？；：、"
# Half-width signs beside Chinese. A full stop only at an end, so that 3.5 and v1.2 stay; a colon not before a figure.
_HALF_AFTER = re.compile(f"(?<=[{CJK}》”）])\\s*([,!?;]|:(?!\\d|//))\\s*")
_STOP_AFTER = re.compile(f"(?<=[{CJK}》”）])\\s*\\.(?=\\s*$|\\s*[{CJK}])\\s*")
_SPACED = re.compile(f"(?<={_HAN}) +(?={_HAN})|(?<=[{_SIGNS}]) +(?=[{CJK}{_SIGNS}])|(?<={_HAN}) +(?=[{_SIGNS}])")
_RUN = re.compile("([，；：、])[，；：、]+|([。])。(?!。)")
_MIXED_RUN = re.compile("[，、；：]+([。！？])")
_LEADING = re.compile(f"^[{_SIGNS}\\s]+")
# Words that are never doubled for effect, as 研究研究, 好好, 人人 and 哈哈 are.
_ONCE = [
    "我们",
    "你们",
    "他们",
    "她们",
    "它们",
    "这个",
    "那个",
    "这些",
    "那些",
    "因为",
    "所以",
    "但是",
    "如果",
    "虽然",
    "而且",
    "或者",
    "并且",
    "就是",
    "还是",
    "没有",
    "一个",
]
_ONCE_ONE = "了的我你他她它这那把被对从但而及与或"
_DOUBLED_ZH = re.compile(f"({'|'.join(_ONCE)})(?:\\1)+|(?<!不)([{_ONCE_ONE}])\\2+(?![确是])")
_DOUBLED_EN = re.compile(
    r"\b(a|an|the|and|or|but|of|to|in|on|at|for|with|by|from|is|are|was|were|be|it|this|they|we|you|i|he|she)"
    r"(?:\s+\1)+\b(?!-)",
    re.IGNORECASE,
)
_BEFORE_SIGN = re.compile(r"(?<=[A-Za-z\d)])\s+([,.!?;:])(?=\s|$)")
_AFTER_SIGN = re.compile(r"(?<=[A-Za-z]{2})([,!?;])(?=[A-Za-z])")
_SPACES = re.compile(r"[ \t]{2,}")
_LONE_I = re.compile(r"(?<![\w.'’-])i(?=(?:['’](?:m|ve|ll|d))?(?:\s|[,!?;:]|$))(?!\.)")
_OPENS = re.compile(r"(?:^|(?<=[a-z]{2}[.!?] ))([a-z])(?=[a-z]*(?:\s|[,.!?;:]|$))")
_ARTICLE = re.compile(r"\b([Aa])(n?) (?=([A-Za-z]+))")
_SOUNDS_LIKE_VOWEL = re.compile(r"hour|honest|honou?r|heir", re.IGNORECASE)
_SOUNDS_LIKE_CONSONANT = re.compile(r"uni(?!n|m|d)|use|usu|eu|one\b|once|ubiq|ute", re.IGNORECASE)


class RuleCorrector:
    """Needs nothing and asks nobody."""

    @property
    def name(self) -> str:
        """Kind and version of the rules."""
        return "rules 1"

    def check(self) -> None:
        """Always there."""

    def correct(self, texts: Sequence[str], language: Language, heard: Heard = unheard) -> list[Reply]:
        """Each text by `corrected`."""
        replies = [Reply(corrected(text, language)) for text in texts]
        for index, reply in enumerate(replies):
            heard(index, reply)
        return replies


def corrected(text: str, language: Language) -> str:
    """The text in the punctuation of its language, without doubled words.

    >>> corrected("房间 很大,但是但是的的早餐 不好 。。", "zh")
    '房间很大，但是的早餐不好。'
    >>> corrected("the the room was an big one , i think", "en")
    'The room was a big one, I think'
    """
    once = chinese if language == "zh" else english
    for _ in range(4):  # one mend can make way for another
        before, text = text, once(text)
        if text == before:
            break
    return text


def chinese(text: str) -> str:
    """One pass of the Chinese rules."""
    text = _HALF_AFTER.sub(lambda match: _FULL[match[1]], text)
    text = _STOP_AFTER.sub("。", text)
    text = _SPACED.sub("", text)
    text = _MIXED_RUN.sub(r"\1", text)
    text = _RUN.sub(lambda match: match[1] or match[2], text)
    text = _DOUBLED_ZH.sub(lambda match: match[1] or match[2], text)
    return _LEADING.sub("", text).strip()


def english(text: str) -> str:
    """One pass of the English rules."""
    text = _DOUBLED_EN.sub(r"\1", text)
    text = _BEFORE_SIGN.sub(r"\1", text)
    text = _AFTER_SIGN.sub(r"\1 ", text)
    text = _SPACES.sub(" ", text)
    text = _LONE_I.sub("I", text)
    text = _ARTICLE.sub(_article, text)
    return _OPENS.sub(lambda match: match[1].upper(), text.strip())


def _article(match: re.Match[str]) -> str:
    word = match[3]
    if len(word) == 1 or word.isupper():  # spelt out: an S, a U, an FBI
        return match[0]
    vowel = word[0].lower() in "aeiou" and not _SOUNDS_LIKE_CONSONANT.match(word)
    article = match[1] + ("n" if vowel or _SOUNDS_LIKE_VOWEL.match(word) else "")
    return f"{article} "
