"""Ratings as files for others: JSON lines or CSV, models named."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Literal

from seekforge.core.config.rubric import RubricConfig
from seekforge.evaluate.human.model import Item, Rating
from seekforge.evaluate.rubric import names, weighted

Format = Literal["jsonl", "csv"]
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def as_jsonl(items: Sequence[Item], ratings: Sequence[Rating], rubric: RubricConfig) -> str:
    """One rating a line, with what was rated: all that is needed to compute the figures anew."""
    by_id = {item.id: item for item in items}
    lines = []
    for rating in ratings:
        item = by_id[rating.item]
        row = {
            **asdict(rating),
            "prompt": item.prompt,
            "answers": dict(zip(item.models, item.texts, strict=True)),
            "weighted": {model: round(weighted(rubric, scores), 6) for model, scores in rating.scores.items()},
        }
        lines.append(json.dumps(row, ensure_ascii=False) + "\n")
    return "".join(lines)


def as_csv(ratings: Sequence[Rating], rubric: RubricConfig) -> str:
    """One row for each answer that a rating is about.

    Begins with a byte-order mark, by which spreadsheets know that it is UTF-8; a comment that one would compute is put
    behind an apostrophe.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    scored = names(rubric)
    writer.writerow(["item", "record", "rater", "model", *scored, "weighted", "choice", "left", "comment", "time"])
    for rating in ratings:
        for model in rating.models:
            scores = rating.scores.get(model, {})
            total = f"{weighted(rubric, scores):.6g}" if scores else ""
            said = [rating.choice or "", rating.left or "", _plain(rating.comment), f"{rating.time:.3f}"]
            given = [scores.get(name, "") for name in scored]
            writer.writerow([rating.item, rating.record, rating.rater, model, *given, total, *said])
    return "\ufeff" + out.getvalue()


def _plain(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text
