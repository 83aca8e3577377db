"""Small studies: two models' answers to English and Chinese questions, a clock that a test moves, raters."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seekforge.core.config.rubric import StudyConfig
from seekforge.evaluate.human.answers import read_questions
from seekforge.evaluate.human.model import Submission, View
from seekforge.evaluate.human.plan import make_items
from seekforge.evaluate.human.store import Store
from seekforge.evaluate.rubric import load_rubric

HOUR = 3600.0
FULL = {"relevance": 3, "accuracy": 2, "readability": 1}  # 2.1
POOR = {"relevance": 0, "accuracy": 1, "readability": 0}  # 0.3


@dataclass
class Clock:
    """Seconds since 1970, as the test says."""

    time: float = 1_000_000.0

    def __call__(self) -> float:
        return self.time


def predictions(folder: Path, models: Mapping[str, str], count: int = 6) -> list[Path]:
    """`predictions-MODEL.jsonl` for each model, whose answers begin with the given text."""
    paths = []
    for model, begins in models.items():
        path = folder / f"predictions-{model}.jsonl"
        rows = []
        for number in range(count):
            prompt = f"第{number}个客户的转账要不要拦截？" if number % 2 else f"May transfer {number} go through?"
            answer = f"{begins} {number}"
            rows.append({"id": f"q{number}", "prompt": prompt, "reference": f"reference {number}", "text": answer})
        path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
        paths.append(path)
    return paths


@dataclass
class Made:
    """A study, and everybody's token."""

    store: Store
    path: Path
    clock: Clock
    tokens: dict[str, str] = field(default_factory=dict)

    def reopened(self) -> Store:
        return Store(self.path, self.clock)


def study(
    folder: Path, raters: Sequence[str] = ("an", "bo", "chen"), leads: Sequence[str] = (), count: int = 6, **fields: Any
) -> Made:
    """A study of the two models `base` and `tuned`."""
    files = predictions(folder, {"base": "Perhaps", "tuned": "Hold"}, count)
    given = {"kind": "pair", "rubric": load_rubric(), "overlap": 2, "lease": HOUR, **fields}
    config = StudyConfig.model_validate(given)
    items = make_items(read_questions(list(map(str, files))), config.kind, config.seed)
    path, clock = folder / "ratings.db", Clock()
    tokens = Store.create(path, config, items, raters, leads, clock)
    return Made(Store(path, clock), path, clock, tokens)


def scored(view: View, **more: Any) -> Submission:
    """Complete: whoever answers `Hold` gets 2.1 and is chosen, the other 0.3."""
    scores = {side: FULL if text.startswith("Hold") else POOR for side, text in view.answers.items()}
    choice = next((side for side, text in view.answers.items() if text.startswith("Hold")), None)
    given = {"item": view.item, "scores": scores, "choice": choice if view.kind == "pair" else None, **more}
    return Submission.model_validate(given)


def rate_all(store: Store, rater: str, most: int = 1000) -> list[str]:
    """Rates until there is nothing left, or so many; the items."""
    done: list[str] = []
    while len(done) < most and (view := store.next(rater)) is not None:
        assert store.submit(rater, scored(view)).outcome in {"stored", "revised"}
        done.append(view.item)
    return done
