"""Figures against hand-worked ones; intervals by whole questions; exports that can be read back."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from tests.evaluate.human.studies import FULL, POOR, rate_all, scored, study

from seekforge.evaluate.human.export import as_csv, as_jsonl
from seekforge.evaluate.human.model import Rating
from seekforge.evaluate.human.results import results
from seekforge.evaluate.rubric import load_rubric

BEST = {"relevance": 3, "accuracy": 3, "readability": 3}  # 3.0
NONE = {"relevance": 0, "accuracy": 0, "readability": 0}  # 0.0


def single(item: str, rater: str, scores: dict[str, int], record: str = "", model: str = "m") -> Rating:
    return Rating(item, record or item, rater, (model,), {model: scores}, None, None, "", 1, 0.0)


def pair(item: str, rater: str, choice: str, record: str = "", left: str = "a") -> Rating:
    return Rating(item, record or item, rater, ("a", "b"), {}, choice, left, "", 1, 0.0)


def test_scores_worked_by_hand() -> None:
    """Item 1: 2.1 and 3, so 2.55; item 2: 0 by one rater. Each item counts the same: 1.275."""
    ratings = [single("1", "an", FULL), single("1", "bo", BEST), single("2", "an", NONE)]
    (score,) = results(load_rubric(), ratings).models
    assert (score.model, score.answers, score.ratings) == ("m", 2, 3)
    assert score.figures["weighted"].value == pytest.approx(1.275, abs=1e-12)
    assert score.figures["relevance"].value == pytest.approx(1.5)
    assert score.figures["accuracy"].value == pytest.approx(1.25)
    low, high = score.figures["weighted"].interval
    assert low == 0.0
    assert high == pytest.approx(2.55), "a quarter of the resamples has one question alone"


def test_items_of_one_question_are_resampled_together() -> None:
    alone = results(load_rubric(), [single("1", "an", BEST, "q"), single("2", "an", NONE, "q")])
    (score,) = alone.models
    assert score.figures["weighted"].interval == (1.5, 1.5)
    apart = results(load_rubric(), [single("1", "an", BEST), single("2", "an", NONE)])
    assert apart.models[0].figures["weighted"].interval == (0.0, 3.0)


def test_wins_worked_by_hand() -> None:
    """Item 1: win and tie, 0.75; item 2: loss, 0; item 3: win, 1. Mean 7 / 12."""
    ratings = [pair("1", "an", "a"), pair("1", "bo", "tie", left="b"), pair("2", "an", "b"), pair("3", "bo", "a")]
    found = results(load_rubric(), ratings)
    (match,) = found.matches
    assert (match.first, match.second, match.items) == ("a", "b", 3)
    assert (match.wins, match.losses, match.ties) == (2, 1, 1)
    assert match.win_rate.value == pytest.approx(7 / 12)
    assert found.left == pytest.approx(2 / 3)
    (agreement,) = found.agreement
    assert (agreement.of, agreement.level, agreement.units) == ("choice", "nominal", 1)
    assert agreement.alpha == pytest.approx(0.0), "one unit, two values, both times apart: as chance would have it"


def test_agreement_is_over_answers_and_by_criterion() -> None:
    ratings = [single(item, rater, FULL if item in "13" else POOR) for item in "123" for rater in ("an", "bo")]
    found = {row.of: row for row in results(load_rubric(), ratings).agreement}
    assert list(found) == ["relevance", "accuracy", "readability", "weighted"]
    assert {row.level for row in found.values()} == {"ordinal", "interval"}
    assert {(row.alpha, row.units) for row in found.values()} == {(1.0, 3)}
    apart = results(load_rubric(), [*ratings, single("4", "an", BEST), single("4", "bo", NONE)]).agreement
    assert all(row.alpha is not None and row.alpha < 0.7 for row in apart)


def test_no_ratings_are_no_figures() -> None:
    empty = results(load_rubric(), [])
    assert (empty.models, empty.matches, empty.agreement, empty.left) == ((), (), (), None)


def test_exports_hold_all_that_the_figures_need(tmp_path: Path) -> None:
    made = study(tmp_path, raters=("an", "bo"), count=3)
    rate_all(made.store, "an")
    view = made.store.next("bo")
    assert view is not None
    made.store.submit("bo", scored(view, comment='=1+1, "so"\n第二行'))
    ratings, items, rubric = made.store.ratings(), made.store.items(), made.store.study.rubric
    rows = [json.loads(line) for line in as_jsonl(items, ratings, rubric).splitlines()]
    names = set(Rating.__slots__)
    fields: list[dict[str, Any]] = [{**{k: row[k] for k in names}, "models": tuple(row["models"])} for row in rows]
    back = [Rating(**row) for row in fields]
    assert back == ratings
    assert results(rubric, back) == results(rubric, ratings)
    assert {row["weighted"]["tuned"] for row in rows} == {2.1}
    assert all(row["answers"]["tuned"].startswith("Hold") for row in rows)
    text = as_csv(ratings, rubric)
    assert text.startswith("\ufeffitem,record,rater,model,relevance,accuracy,readability,weighted,choice,")
    cells = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))
    assert len(cells) == 8
    assert {(row["model"], row["weighted"]) for row in cells} == {("tuned", "2.1"), ("base", "0.3")}
    assert {row["comment"] for row in cells} == {"", '\'=1+1, "so"\n第二行'}
