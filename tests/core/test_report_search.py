"""The report's section on a search: history, curves, importance, and a row for every trial."""

from __future__ import annotations

import re
from typing import Any

from seekforge.core.report import render
from seekforge.core.report.search import search


def trial(number: int, state: str, loss: float | None, **more: Any) -> dict[str, Any]:
    losses = {} if loss is None else {"1": loss + 1, "2": loss}
    return {"number": number, "state": state, "loss": loss, "losses": losses, "began": 0.0, "ended": 61.0, **more}


def details(**more: Any) -> dict[str, Any]:
    trials = [
        trial(0, "complete", 2.0, recipe=True),
        trial(1, "failed", None, note="its worker was killed", ended=None),
        trial(2, "complete", 3.0, retry_of=1, values={"learning_rate": 0.00123456}),
        trial(3, "pruned", 2.5, note="not among the best at step 2 of 8"),
        trial(4, "complete", 1.0),
    ]
    return {"trials": trials, "best": 4, "importance": {"learning_rate": 0.75, "lora.rank": 0.25}, **more}


def points(chart: str) -> list[list[tuple[float, float]]]:
    lines = re.findall(r'<polyline class="line [a-z]+" points="([^"]*)"', chart)
    return [[(float(x), float(y)) for x, y in (pair.split(",") for pair in line.split())] for line in lines]


def test_the_lowest_loss_only_falls_and_only_ended_trials_are_dots() -> None:
    view = search(details())
    assert view is not None
    (falling,) = points(view["history"][0])
    heights = [y for _, y in falling]
    assert heights == sorted(heights), "down the page is a lower loss"
    assert str(view["history"][0]).count('<circle class="dot train"') == 3
    assert "best 1" in view["history"][0]
    assert len(points(view["curves"][0])) == 4, "every trial that was validated, given up or not"
    assert str(view["curves"][0]).count("line valid") == 1


def test_every_trial_says_how_it_ended_and_why() -> None:
    view = search(details())
    assert view is not None
    rows = view["rows"]
    assert [row["state"] for row in rows] == ["complete", "failed", "complete", "pruned", "complete"]
    assert rows[0]["values"] == "the recipe's own settings"
    assert (rows[1]["seconds"], rows[1]["note"], rows[1]["loss"]) == ("", "its worker was killed", "")
    assert (rows[2]["values"], rows[2]["note"]) == ("learning_rate 0.00123", "(trial 1 again)")
    assert rows[0]["seconds"] == "1 min 1 s"
    assert [row["best"] for row in rows] == [False] * 4 + [True]
    assert [row["text"] for row in view["importance"]] == ["75.0 %", "25.0 %"]


def test_the_page_holds_the_section_and_no_markup_of_a_users() -> None:
    poison = "<script>alert(1)</script>"
    found = details(settings={poison: poison}, space={poison: poison}, importance={poison: 1.0})
    found["trials"][3]["note"] = poison
    page = render({"recipe": "x", "stages": [{"name": "search", "status": "ran", "seconds": 1, "details": found}]})
    assert '<section class="panel" id="search"' in page
    assert "<script" not in page
    assert page.count("&lt;script&gt;") >= 4


def test_nothing_to_show_is_no_section() -> None:
    assert search({}) is None
    assert search({"trials": [{"number": "x", "state": 3}]}) is not None
    assert '<section class="panel" id="search"' not in render({"recipe": "x", "stages": [{"name": "search"}]})
