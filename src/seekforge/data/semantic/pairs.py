"""Pairs of texts of which it is known whether they say the same: read from a file, or made from the user's own texts.

Made pairs: a paraphrase by synonyms, by the order of clauses, or by both; a hard negative that differs from a text or
from its paraphrase in one number or one negation. They are made without the guard's lists, so that they test it.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from seekforge.core.cutter import cutter
from seekforge.core.errors import DataError
from seekforge.data.cilin import synonyms_of

Synonyms = Mapping[str, Sequence[str]]
_SHARE = 0.5  # of the words with a synonym that a paraphrase replaces
_LEAST = 2  # characters of a word that is replaced: shorter ones have too many meanings
_GUARDED = re.compile("[不没无非未别莫勿〇零一二三四五六七八九十百千万亿两半]")
_CLAUSE = re.compile(r"(?<=[，。！？；!?;\n])|(?<=[,])(?!\d)|(?<=\.)(?=\s)")
_DIGITS = re.compile(r"\d+")
_NUMERAL = re.compile("(?<![一二两三四五六七八九十百千万第])[二两三四五六七八九](?=[个间天晚次元楼年月点分本张块])")
_NUMERALS = "二三四五六七八九"
_DENIALS = (  # what is found, and what it becomes
    (
        re.compile(
            "(?<![是能会要好可够想给用行])不(?=好|大|干净|方便|便宜|满意|推荐|喜欢|值得|够|太|是|会|能|可以|要|建议|清楚|习惯|舒服)"
        ),
        "",
    ),
    (re.compile("(?<!有)没有(?!没)"), "有"),
    (re.compile("(?<!不)(?:很|非常|比较|挺|特别|十分)(?=[一-鿿])"), "不"),
    (re.compile("(?<![不还但可总只就若要凡])是(?![否不])"), "不是"),
    (re.compile("(?<![没所还只])有(?![没点些])"), "没有"),
    (re.compile("(?<!不)(?=可以|能够|应该|值得|建议|推荐)"), "不"),
    (
        re.compile(r"\b(is|was|are|were|can|could|will|would|should|must|do|does|did)\b(?! not|n't)", re.IGNORECASE),
        r"\1 not",
    ),
    (re.compile(r"\b(?:not|never)\s|n't\b", re.IGNORECASE), ""),
)


@dataclass(frozen=True, slots=True)
class Pair:
    """Two texts.

    Attributes:
        one: A text.
        other: Another.
        same: Whether they say the same.
        kind: How it came about: `synonyms`, `order`, `both`, `number`, `negation`, `neighbour` or `given`.
    """

    one: str
    other: str
    same: bool
    kind: str = "given"


def read_pairs(path: Path) -> list[Pair]:
    """Reads JSON lines of `text_a`, `text_b` and `same` (true or false).

    Raises:
        DataError: The file is missing, or a line is none of these.
    """
    if not path.is_file():
        raise DataError("no such file", where=str(path), mend="Name a JSONL file of text_a, text_b and same")
    found = []
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        try:
            row = json.loads(line.decode("utf-8-sig"))
            one, other, same = row["text_a"], row["text_b"], row["same"]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            what = f"no {error}" if isinstance(error, KeyError) else "not a JSON object in UTF-8"
            raise DataError(
                what, where=f"{path}:{number}", mend='Write {"text_a": "…", "text_b": "…", "same": true}'
            ) from error
        if not (isinstance(one, str) and isinstance(other, str) and one.strip() and other.strip()):
            raise DataError("text_a and text_b must be texts", where=f"{path}:{number}", mend="Mend or remove the line")
        if not isinstance(same, bool):
            raise DataError("same must be true or false", where=f"{path}:{number}", mend="Mend or remove the line")
        found.append(Pair(one, other, same))
    if not any(pair.same for pair in found) or all(pair.same for pair in found):
        raise DataError("needs pairs that are the same and pairs that are not", where=str(path), mend="Add the others")
    return found


def read_synonyms(path: Path) -> dict[str, list[str]]:
    """Reads groups of words of one meaning, a line each, or Cilin's own form (`Bp13A14= 六弦琴 吉他`).

    Words that stand in several groups have several meanings and are left out; so are Chinese words with a negation or a
    numeral in them, of which a synonym says more or less than the word (Cilin's 不是 is a fault, its 二百五 a fool).

    Raises:
        DataError: The file is missing, is not UTF-8 or holds no group.
    """
    if not path.is_file():
        raise DataError("no such file", where=str(path), mend="Name a file with a group of synonyms a line")
    groups: dict[str, list[list[str]]] = {}
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise DataError("not UTF-8 text", where=str(path), mend="Save the file as UTF-8") from error
    for line in lines:
        _, words = synonyms_of(line)
        group = [word for word in words if len(word) >= _LEAST and not _GUARDED.search(word)]
        for word in group if len(group) > 1 else ():
            groups.setdefault(word, []).append([other for other in group if other != word])
    found = {word: several[0] for word, several in groups.items() if len(several) == 1}
    if not found:
        raise DataError("no group of synonyms", where=str(path), mend="Write a group of words a line, spaces between")
    return found


def make_pairs(texts: Sequence[str], synonyms: Synonyms, seed: int = 7) -> list[Pair]:
    """At most one paraphrase and one hard negative for each text; the same for the same texts, synonyms and seed."""
    found: list[Pair] = []
    for text in texts:
        rng = random.Random(f"{seed} {text}")
        same = paraphrase(text, synonyms, rng)
        found += [same] if same is not None else []
        start = same.other if same is not None and rng.random() < _SHARE else text
        found += list(_hard_negative(text, start, rng))
    return found


def paraphrase(text: str, synonyms: Synonyms, rng: random.Random) -> Pair | None:
    """One way to say the same, where there is one."""
    kinds = ["synonyms", "order", "both"]
    rng.shuffle(kinds)
    for kind in kinds:
        other: str | None = text
        if kind != "order":
            other = _with_synonyms(text, synonyms, rng)
        if kind != "synonyms" and other is not None:
            other = _reordered(other, rng)
        if other is not None and other != text:
            return Pair(text, other, True, kind)
    return None


def _with_synonyms(text: str, synonyms: Synonyms, rng: random.Random) -> str | None:
    words: list[str] = cutter().lcut(text)
    places = [place for place, word in enumerate(words) if word in synonyms]
    if not places:
        return None
    for place in rng.sample(places, max(1, round(len(places) * _SHARE))):
        words[place] = rng.choice(synonyms[words[place]])
    return "".join(words)


def _reordered(text: str, rng: random.Random) -> str | None:
    """The clauses after some place put before the others."""
    clauses = [clause for clause in _CLAUSE.split(text) if clause.strip()]
    if len(clauses) < 2:
        return None
    place = rng.randrange(1, len(clauses))
    glue = " " if text.isascii() else ""
    return glue.join(clause.strip() for clause in clauses[place:] + clauses[:place])


def _hard_negative(text: str, start: str, rng: random.Random) -> Iterator[Pair]:
    kinds = ["number", "negation"]
    rng.shuffle(kinds)
    for kind in kinds:
        other = other_number(start, rng) if kind == "number" else other_polarity(start, rng)
        if other is not None:
            yield Pair(text, other, False, kind)
            return


def other_number(text: str, rng: random.Random) -> str | None:
    """The text with one number changed; None where there is none."""
    found = [*_DIGITS.finditer(text), *_NUMERAL.finditer(text)]
    if not found:
        return None
    match = rng.choice(found)
    if match[0].isdecimal():
        digits = str(int(match[0])) if len(match[0]) < 18 else match[0]
        changed = str((int(digits[-1]) + rng.randint(1, 8)) % 9 + 1)
        other = digits[:-1] + (changed if changed != digits[-1] else "0")
    else:
        other = rng.choice([numeral for numeral in _NUMERALS if numeral != match[0].replace("两", "二")])
    return text[: match.start()] + other + text[match.end() :]


def other_polarity(text: str, rng: random.Random) -> str | None:
    """The text with one negation put in or taken out; None where no place is known."""
    found = [(match, becomes) for pattern, becomes in _DENIALS for match in pattern.finditer(text)]
    if not found:
        return None
    match, becomes = rng.choice(found)
    return text[: match.start()] + match.expand(becomes) + text[match.end() :]
