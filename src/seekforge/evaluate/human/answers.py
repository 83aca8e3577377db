"""The answers that are to be judged: several models' prediction files over the same questions."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from seekforge.core.errors import DataError
from seekforge.core.files import json_lines
from seekforge.evaluate.human.model import TIE

_NAMED = re.compile(r"([^=/\\]+)=(.+)")
_MODEL = re.compile(r"[^\s/\\|]{1,64}")


@dataclass(frozen=True, slots=True)
class Question:
    """One question and what each model answered.

    Attributes:
        id: The record's.
        prompt: What was asked.
        reference: The record's own answer; empty where it has none.
        answers: Model to answer, in the order of the files.
    """

    id: str
    prompt: str
    reference: str
    answers: dict[str, str]


def read_questions(files: Sequence[str]) -> list[Question]:
    """What several models answered to the same questions, in the first file's order.

    Args:
        files: Prediction files; `NAME=FILE` names the model, otherwise `predictions-NAME.jsonl` does.

    Raises:
        DataError: A file is missing, empty or no prediction file, two have the same name, or they answer other
            questions.
    """
    named = [_named(text) for text in files]
    models = [name for name, _ in named]
    if twice := sorted({name for name in models if models.count(name) > 1}):
        raise DataError(f"two files of the model '{twice[0]}'", mend="Name them: base=FILE tuned=FILE")
    read = [(name, path, _read(path)) for name, path in named]
    first_path, first = read[0][1], read[0][2]
    for _, path, other in read[1:]:
        _check_same(first_path, first, path, other)
    return [
        Question(key, row["prompt"], row["reference"], {name: rows[key]["text"] for name, _, rows in read})
        for key, row in first.items()
    ]


def draw(questions: Sequence[Question], count: int | None, seed: int) -> list[Question]:
    """So many of them, drawn by the seed, in their own order; all where there are no more."""
    if count is None or count >= len(questions):
        return list(questions)
    chosen = sorted(random.Random(seed).sample(range(len(questions)), count))
    return [questions[index] for index in chosen]


def _named(text: str) -> tuple[str, Path]:
    match = _NAMED.fullmatch(text)
    if match is not None and not Path(text).exists():
        name, path = match[1], Path(match[2])
    else:
        path = Path(text)
        name = path.stem.removeprefix("predictions-")
    if not _MODEL.fullmatch(name) or name == TIE:
        raise DataError(f"'{name}' cannot name a model", where=text, mend="Name it: base=FILE")
    return name, path


def _read(path: Path) -> dict[str, dict[str, str]]:
    """Id to prompt, reference and text."""
    if not path.is_file():
        mend = "Name a predictions-*.jsonl of an evaluate stage, or NAME=FILE"
        raise DataError("no such prediction file", where=str(path), mend=mend)
    rows: dict[str, dict[str, str]] = {}
    mend = "Each line has id, prompt and text; `seekforge evaluate` writes such files"
    for where, row in json_lines(path, "not a prediction", mend):
        try:
            fields = {name: row[name] for name in ("id", "prompt", "text")} | {"reference": row.get("reference") or ""}
        except (KeyError, TypeError, AttributeError) as error:
            raise DataError("not a prediction", where=where, mend=mend) from error
        if not all(isinstance(value, str) and is_whole(value) for value in fields.values()) or not fields["id"]:
            raise DataError(
                "id, prompt, text and reference are texts of whole characters", where=where, mend="Mend the line"
            )
        if fields["id"] in rows:
            raise DataError(f"the id '{fields['id']}' stands twice", where=where, mend="Give each record its own id")
        rows[fields.pop("id")] = fields
    if not rows:
        raise DataError("the file has no predictions", where=str(path), mend="Ask the model first")
    return rows


def is_whole(text: str) -> bool:
    """Whether it can be written as UTF-8: no half of a surrogate pair, which JSON can hold."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _check_same(path: Path, rows: dict[str, dict[str, str]], other: Path, others: dict[str, dict[str, str]]) -> None:
    if rows.keys() != others.keys():
        only = next(iter(sorted(rows.keys() ^ others.keys())))
        counts = f"{len(rows)} questions in {path.name}, {len(others)} in {other.name}"
        what = f"not the same questions: {counts}; '{only}' is in one of them only"
        raise DataError(what, where=str(other), mend="Take files of the same test set")
    changed = [key for key, row in rows.items() if row["prompt"] != others[key]["prompt"]]
    if changed:
        what = f"'{changed[0]}' asks something else than in {path.name}"
        raise DataError(what, where=str(other), mend="Take files of the same test set")
