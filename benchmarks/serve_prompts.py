"""Prompts for `serve_llama.py`: of one length, and no two alike."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from seekforge.core.errors import InputError

PROMPT_TOKENS, ANSWER_TOKENS = 128, 64
_CASES = Path(__file__).parents[1] / "examples" / "risk_desk" / "raw.jsonl"
_PER_CLIENT = {1: 8, 16: 4}  # requests a client in a batch; 4 where nothing is said


@dataclass(frozen=True, slots=True)
class Prompt:
    """A user's message and what it is to the model, template included."""

    text: str
    token_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Batch:
    """What one side is asked at a time: prompts, how many at once, and how many tokens each answer has."""

    prompts: Sequence[Prompt]
    at_once: int
    tokens: int


def make_prompts(model: Path, seed: int = 0) -> Iterator[Prompt]:
    """User messages without end, each exactly `PROMPT_TOKENS` long once rendered, each with another beginning."""
    from seekforge.engines.chat_template import from_metadata
    from seekforge.engines.gguf_header import read_metadata
    from seekforge.engines.openvino_text import own_tokenizer

    metadata = read_metadata(model)
    template, tokenizer = from_metadata(metadata, str(model)), own_tokenizer(metadata, str(model))
    if template is None or tokenizer is None:
        raise InputError("the comparison needs a chat model with byte-level BPE", where=str(model))
    words = " ".join(json.loads(line)["instruction"] for line in _CASES.open(encoding="utf-8")).split(" ")
    draw = random.Random(seed)
    for number in draw.sample(range(10_000, 100_000), 90_000):
        start = draw.randrange(len(words) - PROMPT_TOKENS)
        text = f"{number} {' '.join(words[start : start + PROMPT_TOKENS])}"
        ids = tokenizer.encode(template.render([{"role": "user", "content": text}]))
        message = tokenizer.encode(text)
        text = tokenizer.decode(message[: len(message) - (len(ids) - PROMPT_TOKENS)]).rstrip("\ufffd")
        ids = tokenizer.encode(template.render([{"role": "user", "content": text}]))
        # The demo's records hold planted control characters, which the guard refuses.
        if len(ids) == PROMPT_TOKENS and text.isprintable():
            yield Prompt(text, tuple(ids))


def next_batch(prompts: Iterator[Prompt], at_once: int, per_client: int | None = None) -> Batch:
    """Prompts that nobody has seen."""
    count = at_once * (per_client or _PER_CLIENT.get(at_once, 4))
    return Batch(list(itertools.islice(prompts, count)), at_once, ANSWER_TOKENS)
