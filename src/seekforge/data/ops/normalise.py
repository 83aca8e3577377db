"""Unicode normal form, invisible characters out, white space folded; applying it twice changes nothing more.

Punctuation. NFKC turns full-width letters, digits and punctuation into ASCII. For Chinese text that is wanted of
letters and digits only, so a run of the full-width marks of `_MARKS` stays as it is where it touches a CJK character
(ideograph, kana, hangul or CJK punctuation) on either side, and becomes ASCII elsewhere: `金额１００，请审核` gives
`金额100，请审核`, `ＯＫ，ｇｏ` gives `OK,go`. The marks 。、《》「」 and their like have no ASCII form and always stay.

Invisible characters. Control characters (Cc, a line feed aside) and format characters (Cf: zero-width spaces, byte
order marks, bidirectional controls, soft hyphens, tags) go. A zero-width joiner stays inside an emoji sequence; joiner
and non-joiner stay between letters of the scripts that shape with them (Arabic, Syriac, the Indic family), and after
a virama, where they choose the letter's form (Unicode Standard, section 23.2).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar, Literal

from seekforge.core.config import NormaliseConfig
from seekforge.core.records import Message, Record
from seekforge.data.ops.protocol import Keep, OpContext, Remove, RowOp

Form = Literal["NFKC", "NFC"]

_MARKS = re.compile("([，！？：；（）…～]+)")
_CJK = re.compile(
    "[\u2e80-\u2fdf\u3001-\u30ff\u3105-\u318f\u31a0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\U00020000-\U0003ffff]"
)
_LINE_END = re.compile("\r\n|[\r\v\f\x85\u2028\u2029]")
_INVISIBLE = re.compile("[^\x20-\x7e\n\u00a1-\u00ac\u00ae-\u05ff\u4e00-\u9fff]")  # only these are worth a look-up
_JOINERS = re.compile("[\u200c\u200d]+")
_EMOJI = re.compile("[\u2190-\u21ff\u2600-\u27bf\u2b00-\u2bff\ufe0f\U0001f300-\U0001faff]")
# Without the isolated marks of the presentation forms: NFKC makes them a space and a mark, which join nothing.
_SHAPING = re.compile(
    "(?![\ufc5e-\ufc63\ufe70\ufe72\ufe74\ufe76\ufe78\ufe7a\ufe7c\ufe7e])"
    "[\u0620-\u077f\u0860-\u109f\u1780-\u18af\ua840-\ua8ff\ufb50-\ufdff\ufe70-\ufefc]"
)
# Format characters that a reader sees: number signs of Arabic and Syriac, and hieroglyph layout.
_VISIBLE_FORMAT = re.compile("[\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd\U00013430-\U0001345f]")
_SPACES = re.compile(r"[^\S\n]+")
_LINE_EDGES = re.compile(r" ?\n ?")
_BLANK_LINES = re.compile(r"\n{3,}")
_VIRAMA = 9  # canonical combining class


def normalise(text: str, form: Form = "NFKC") -> str:
    """The text in normal form, without invisible characters, its white space folded.

    >>> normalise("金额１００，请审核\u200b  ＯＫ")
    '金额100，请审核 OK'
    """
    text = _LINE_END.sub("\n", text)
    text = _INVISIBLE.sub(_visible, text)
    text = _JOINERS.sub(_joiner, text)
    text = _compose(text, form)
    text = _LINE_EDGES.sub("\n", _SPACES.sub(" ", text))
    return _BLANK_LINES.sub("\n\n", text).strip(" \n")


def _visible(match: re.Match[str]) -> str:
    char = match[0]
    if char == "\t":
        return " "
    if unicodedata.category(char) not in {"Cc", "Cf"} or _JOINERS.match(char) or _VISIBLE_FORMAT.match(char):
        return char
    return ""


def _joiner(match: re.Match[str]) -> str:
    """One joiner where it shapes the letters beside it, else nothing."""
    before = match.string[match.start() - 1 : match.start()]
    after = match.string[match.end() : match.end() + 1]
    emoji = "\u200d" in match[0] and _EMOJI.match(before) and _EMOJI.match(after)
    shaping = _SHAPING.match(before) and (_SHAPING.match(after) or unicodedata.combining(before) == _VIRAMA)
    if emoji:
        return "\u200d"
    return match[0][0] if shaping else ""


def _compose(text: str, form: Form) -> str:
    if form == "NFC":
        return unicodedata.normalize("NFC", text)
    pieces = _MARKS.split(text)  # marks stand at the odd places; what lies between is normalised first
    pieces[::2] = [unicodedata.normalize("NFKC", piece) for piece in pieces[::2]]
    for place in range(1, len(pieces), 2):
        if not (_CJK.match(pieces[place - 1][-1:]) or _CJK.match(pieces[place + 1][:1])):
            pieces[place] = unicodedata.normalize("NFKC", pieces[place])
    return "".join(pieces)


class Normalise(RowOp[tuple[Message, ...]]):
    """Applies `normalise` to every message; a record of which nothing readable is left is dropped.

    Args:
        config: The Unicode form.
        context: Not used.
    """

    name: ClassVar[str] = "normalise"

    def __init__(self, config: NormaliseConfig, context: OpContext) -> None:
        self.config = config

    def measure(self, records: Sequence[Record]) -> list[tuple[Message, ...]]:
        """The messages in normal form."""
        return [tuple(self._message(message) for message in record.messages) for record in records]

    def decide(self, record: Record, statistic: tuple[Message, ...]) -> Keep | Remove:
        """Takes the messages, unless the question or the answer had nothing but invisible characters."""
        clean = replace(record, messages=statistic)
        if not clean.answer or not clean.text.strip():
            part = "question" if clean.answer else "answer"
            return Remove(f"the {part} has no visible character", "nothing visible")
        return Keep(clean)

    def _message(self, message: Message) -> Message:
        return Message(message.role, normalise(message.content, self.config.form))
