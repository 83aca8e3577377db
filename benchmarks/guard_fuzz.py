"""Random texts with planted words, cut at random, against a slow filter that is written another way.

`python -m benchmarks.guard` runs it at length, the test-suite for a few seconds.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Literal, get_args

from seekforge.core.config.guard import WordListConfig
from seekforge.core.words.fold import FOLD, fold
from seekforge.core.words.lists import WordList, parse
from seekforge.core.words.matcher import Matcher
from seekforge.serve.gateway.guard.stream import StreamFilter

WORDS = [
    *"枪支 枪支弹药 弹药库 手枪 海洛因 出售假证 假证件 跑分 高利贷 毒 k粉 ak47 银行卡四件套 转账给我".split(" "),  # noqa: SIM905
    *"发票 国军枪械 ass gun guns gunpowder bomb cafe naïve resume heroin meth c4 110 qq号".split(" "),  # noqa: SIM905
    *("fake id", "pipe bomb", "money mule wanted", "办 证"),
]
EXCEPTIONS = ["消毒", "毒理学", "中毒", "枪支管理", "手枪腿", "禁止出售假证", "发票抬头", "resume playback", "弹药库存"]
_ZERO_WIDTH = "\u200b\u200c\u200d\u2060\ufeff\u00ad\u034f\ufe0f\u180e\u2063"
_MARKS = "\u0301\u0300\u0308\u0335\u0323\u20e3"
_FILLER = (
    "今天天气很好，我们去公园散步。请问如何办理转账？枪手弹手出海银假证转消防毒瘤国军人支跑步分数高利润"
    "class assess bombay resumes café gunman cafeteria shotguns 123 1100 c40 2c ak kk "
    "😀👨‍👩‍👧🏳️‍🌈e\u0301か\u3099가각𠮷 \n\t  !?.,-'"
)
_APART = "。，！今天气很好我们散步😀()\u3001"  # in no word, and no letter of those that need a word's edge
REPLY = "不说这个。"
Action = Literal["mask", "stop", "answer"]
ACTIONS: tuple[Action, ...] = get_args(Action)
_LETTER = "a-z\u00df-\u024f\u1e00-\u1eff"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run found; every failure raises instead.

    Attributes:
        splits: Texts times ways to cut them.
        texts: Different texts.
        with_word: Texts that held a word.
        untouched: Texts that came out byte for byte.
        held: Pushes after which text was held back, each looked at.
    """

    splits: int
    texts: int
    with_word: int
    untouched: int
    held: int


def run(splits: int, *, seed: int = 0, exceptions: Sequence[str] = ()) -> Outcome:
    """Cuts texts in ten ways each, until there are `splits`.

    Raises:
        AssertionError: A word came out, a text was changed that has none, or text was held back without need.
    """
    words = word_list(WORDS, exceptions)
    matcher, rng = Matcher([words]), Random(seed)
    entries = [entry.text for entry in words.entries]
    texts = with_word = held_back = done = 0
    for text in cases(seed):
        wanted = expected(words, text, matcher.mask)
        found = None if exceptions else leaked(WORDS, wanted)
        assert found is None, f"{found!r} is in {wanted!r}, from {text!r}"
        texts, with_word = texts + 1, with_word + (wanted != text)
        for _ in range(min(10, splits - done)):
            pieces, out = cut(text, rng), ""
            for piece, held in stream(matcher, pieces):
                out += piece
                held_back += bool(held)
                needed = exceptions or not held or is_needed(entries, held)  # an exception holds back more
                assert needed, f"{held!r} is held back, of {text!r}"
            assert out == wanted, f"{out!r} instead of {wanted!r}, from {pieces!r}"
            done += 1
        if done >= splits:
            break
    return Outcome(done, texts, with_word, texts - with_word, held_back)


def run_isolated(splits: int, *, seed: int = 0) -> Counter[Action]:
    """Words in every form that Unicode has for their letters, between characters that no word has.

    Where they stand is known from how the text was made, so neither the guard's folding nor another filter is asked: a
    fault that both had would show. Masked, their letters are gone and all else is as it was; with the other actions the
    text ends before the first.

    Returns:
        How many splits each action had.

    Raises:
        AssertionError: Something of a word came out, or other text did not.
    """
    matchers = {action: Matcher([word_list(WORDS, action=action)]) for action in ACTIONS}
    rng, done = Random(seed), Counter[Action]()
    while done.total() < splits:
        text, letters, inside = isolated(rng)
        for _ in range(min(10, splits - done.total())):
            action = rng.choice(ACTIONS)
            filtered = StreamFilter(matchers[action], lambda words, line: None, _raise)
            pieces = cut(text, rng)
            out = "".join([*(filtered.push(piece).text for piece in pieces), filtered.finish().text])
            if action == "mask":
                mask = matchers[action].mask
                assert len(out) == len(text), f"{out!r}, from {pieces!r}"
                for index, char in enumerate(out):
                    assert char == mask or index not in letters, f"{char!r} of {out!r} came out, from {pieces!r}"
                    assert char == text[index] or index in inside, f"{text[index]!r} is gone, from {pieces!r}"
            else:
                wanted = text[: min(letters, default=len(text))] + (REPLY if letters and action == "answer" else "")
                assert out == wanted, f"{out!r} instead of {wanted!r}, from {pieces!r}"
                assert filtered.finish().stopped == bool(letters)
            done[action] += 1
    return done


def isolated(rng: Random) -> tuple[str, set[int], set[int]]:
    """A text; where the letters of its words are; where anything of them is, what has no width included."""
    text, letters, inside = "", set[int](), set[int]()
    for _ in range(rng.randint(0, 4)):
        text += "".join(rng.choices(_APART, k=rng.randint(1, 6)))
        begin = len(text)
        for form in disguised(rng.choice(WORDS), rng):
            letters.add(len(text))
            text += form
        inside |= set(range(begin, len(text)))
    return text + rng.choice(_APART), letters, inside


def disguised(word: str, rng: Random) -> Iterator[str]:
    """The word letter by letter (or a sign that stands for several), each with what may follow it unseen."""
    at, hidden = 0, rng.choice((0.0, 0.3))
    while at < len(word):
        size = rng.choice([size for size in (1, 1, 2, 3) if word[at : at + size] in _forms()] or [1])
        form = rng.choice(_forms().get(word[at : at + size], [word[at : at + size]]))
        if rng.random() < hidden:
            form += rng.choice(_ZERO_WIDTH + (_MARKS if word[at] != " " else " \t"))
        yield form
        at += size


@cache
def _forms() -> dict[str, list[str]]:
    """Every part of a word with the characters that are it under NFKC and without case, and traditional ones."""
    parts = {word[at : at + size] for word in WORDS for size in (1, 2, 3) for at in range(len(word) + 1 - size)}
    forms = {part: [part] for part in parts if len(part) == 1}
    for code in (*range(0x20, 0xD800), *range(0xE000, 0x30000)):
        shown = unicodedata.normalize("NFKC", chr(code)).casefold()
        if shown in parts and shown != chr(code):
            forms.setdefault(shown, []).append(chr(code))
    for simple, traditional in _traditional().items():
        if simple in forms:
            forms[simple].append(traditional)
    for part, decomposed in ((part, unicodedata.normalize("NFD", part)) for part in list(forms)):
        forms[part] += [decomposed] * (decomposed != part)
    forms[" "] += ["\t", "\n", "  ", "\r\n"]
    return forms


def word_list(words: Sequence[str], exceptions: Sequence[str] = (), action: Action = "mask") -> WordList:
    """A list that needs no file."""
    lines = "\n".join([*words, *(f"!{exception}" for exception in exceptions)])
    config = WordListConfig(path=Path("fuzz.txt"), action=action, text=REPLY if action == "answer" else None)
    return WordList(config, parse(lines, "fuzz.txt"), "0", ())


def plant(word: str, rng: Random) -> str:
    """The word, written so that a plain search would miss it."""
    out = []
    style = rng.random()
    for char in word:
        form = char
        if style > 0.2 and rng.random() < 0.5:
            form = rng.choice((char.upper(), char.title(), _wide(char), _traditional().get(char, char)))
        if style > 0.5 and rng.random() < 0.4:
            form += rng.choice(_ZERO_WIDTH)
        if style > 0.8 and char.isascii() and char.isalpha() and rng.random() < 0.3:
            form += rng.choice(_MARKS)
        out.append(form)
    return "".join(out)


def cases(seed: int) -> Iterator[str]:
    """Endless texts; every fifth has no planted word."""
    rng = Random(seed)
    for number in range(1 << 60):
        pieces = []
        for _ in range(rng.randint(1, 6)):
            pieces.append("".join(rng.choices(_FILLER, k=rng.randint(0, 12))))
            if number % 5:
                pieces.append(plant(rng.choice(WORDS if rng.random() < 0.8 else EXCEPTIONS), rng))
        yield "".join(pieces)


def cut(text: str, rng: Random) -> list[str]:
    """The text in pieces of one to many characters, some of them empty."""
    longest = rng.choice((1, 2, 4, 9, 40))
    pieces, at = [], 0
    while at < len(text):
        size = rng.randint(0 if longest > 1 else 1, longest)
        pieces.append(text[at : at + size])
        at += size
    return pieces


def stream(matcher: Matcher, pieces: Sequence[str]) -> Iterator[tuple[str, str]]:
    """What comes out at each piece and what is held back after it; the end is a piece too."""
    filtered = StreamFilter(matcher, lambda words, line: None, _raise)
    for piece in pieces:
        yield filtered.push(piece).text, filtered.held
    yield filtered.finish().text, filtered.held


def is_needed(entries: Sequence[str], held: str) -> bool:
    """Could the held text become an entry, or is it one that waits for its edge?"""
    text = fold(held)
    return any(entry.startswith(text) and (entry != text or re.search(rf"[{_LETTER}0-9]\Z", text)) for entry in entries)


def expected(words: WordList, text: str, mask: str) -> str:
    """What the filter must give for a whole text: the definition, as plainly as it can be put."""
    forms, before = [], ""
    for char in text:
        form = FOLD[ord(char)]
        form = "" if form == " " == before else form
        before = form[-1:] or before
        forms.append(form)
    folded = "".join(forms)
    owner = [index for index, form in enumerate(forms) for _ in form]
    out, done, at = "", 0, 0
    while (span := _first(words, folded, at)) is not None:
        start, end = owner[span[0]], owner[span[1] - 1] + 1
        out += text[done:start] + mask * (end - start)
        done, at = end, sum(map(len, forms[:end]))
    return out + text[done:]


def _first(words: WordList, folded: str, at: int) -> tuple[int, int] | None:
    """The leftmost, longest word at or after `at` that nothing excuses."""
    listed = [e.text for e in words.entries if not e.is_exception]
    spans = {span for word in listed for span in _occurrences(word, folded, at)}
    excuses = {span for e in words.entries if e.is_exception for span in _occurrences(e.text, folded, at)}
    while True:
        hits = {(s, t) for s, t in spans if not any(a <= s and t <= b for a, b in excuses)}
        broken = {(a, b) for a, b in excuses if any(s < b and a < t for s, t in hits)}
        if not broken:
            return min(hits, key=lambda span: (span[0], -span[1]), default=None)
        excuses -= broken


def _occurrences(word: str, folded: str, at: int) -> Iterator[tuple[int, int]]:
    for match in _pattern(word).finditer(folded, at):
        yield match.start(), match.start() + len(word)


@cache
def _pattern(word: str) -> re.Pattern[str]:
    """A look-ahead, so that occurrences may overlap."""
    before, after = (
        f"[{_LETTER}]" if re.match(f"[{_LETTER}]", char) else "[0-9]" if char in "0123456789" else "(?!)"
        for char in (word[0], word[-1])
    )
    return re.compile(
        f"(?<!{before})(?={re.escape(word)}(?!{after}))" if before != "(?!)" else f"(?={re.escape(word)}(?!{after}))"
    )


def leaked(words: Sequence[str], text: str) -> str | None:
    """A listed word in text as NFKC shows it: another way to fold than the guard's own."""
    shown = "".join(c for c in text if unicodedata.category(c) not in {"Cf", "Me"} and c not in _ZERO_WIDTH)
    shown = unicodedata.normalize("NFKC", shown).casefold().translate(_simplified())
    shown = re.sub("[\u0300-\u036f]", "", shown)  # what composes with no letter only decorates it
    match = _any_of(tuple(words)).search(re.sub(r"\s+", " ", shown))
    return match[0] if match else None


@cache
def _any_of(words: tuple[str, ...]) -> re.Pattern[str]:
    edges = []
    for word in words:
        before = f"(?<![{_LETTER}])" if re.match("[a-z]", word) else r"(?<!\d)" if word[0].isdigit() else ""
        after = f"(?![{_LETTER}])" if re.search("[a-z]$", word) else r"(?!\d)" if word[-1].isdigit() else ""
        edges.append(before + re.escape(word) + after)
    return re.compile("|".join(edges))


@cache
def _simplified() -> dict[int, str]:
    return {ord(traditional): simple for simple, traditional in _traditional().items()}


@cache
def _traditional() -> dict[str, str]:
    import opencc

    chars = sorted({char for text in (*WORDS, *EXCEPTIONS, _FILLER) for char in text if "\u4e00" <= char <= "\u9fff"})
    made = opencc.OpenCC("s2t").convert("\n".join(chars)).split("\n")
    return {a: b for a, b in zip(chars, made, strict=True) if a != b}


def _wide(char: str) -> str:
    return chr(ord(char) + 0xFEE0) if "!" <= char <= "~" else "\u3000" if char == " " else char


def _raise(error: Exception) -> None:
    raise error
