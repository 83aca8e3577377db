"""The page: what it says, that it loads nothing, and that no text of a user's or a model's becomes part of it."""

from __future__ import annotations

import copy
import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core.test_report_html import Page
from tests.evaluate.side_by_side.conftest import Saved

from seekforge.core.config import PriceConfig
from seekforge.core.report.scatter import Point, scatter
from seekforge.evaluate.side_by_side.page import render
from seekforge.evaluate.side_by_side.result import Judging, side_by_side
from seekforge.evaluate.side_by_side.verdict import chance, verdict

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(1)>\"'&{{ 7*7 }}\u202e\x00\ud800"


@pytest.fixture
def report(saved: Saved) -> dict[str, Any]:
    price = PriceConfig(per_device_hour=1.8)
    models = [saved("A", "hhaa--aaaa" * 6, seconds=60.0), saved("B", "hahhhh--hh" * 6, seconds=6.0)]
    priced = [replace(one, candidate=replace(one.candidate, price=price)) for one in models]
    return _report([*priced, replace(saved("C", "h"), failure="the device is gone")])


def _report(models: list[Any]) -> dict[str, Any]:
    return {
        "schema": 1,
        "command": "seekforge evaluate compare A B",
        "started": "2026-11-23T21:30:00+00:00",
        "finished": "2026-11-23T21:38:00+00:00",
        "hardware": {"cpu": "EPYC", "cores": 2, "memory_gib": 24.0, "gpu": None},
        "test": {"name": "test.jsonl", "sha256": "0" * 64, "records": 60},
        "asking": {"max_new_tokens": 64, "concurrency": 16},
        **side_by_side(models, Judging(("accuracy", "f1"), resamples=200)),
    }


def test_a_manager_reads_it_from_the_top(report: dict[str, Any]) -> None:
    page = Page(render(report))
    assert "B is better than A" in page.text
    assert "Accuracy 70.0 % against 20.0 %: +50.0 points (+3" in page.text
    assert "p < 0.001" in page.text or "p = 0.00" in page.text
    assert "B takes 0.100× the cost of A and 0.100× its time" in page.text
    assert "C failed and could not be compared" in page.text
    assert "60 items that every model answered" in page.text
    assert list(page.sections) == ["models", "trade", "quality", "duels", "labels", "failures", "reading"]
    assert "the device is gone" in page.said("failures")
    assert "36 won" in page.said("duels")
    assert "18 as good" in page.said("duels")
    assert "0.500 USD" in page.said("models").replace("0.5 USD", "0.500 USD")
    assert "On the front: B" in page.said("trade")


def test_what_is_marked_is_the_difference(report: dict[str, Any]) -> None:
    source = render(report)
    assert "<mark>HOLD</mark>" in source
    assert "<mark>no idea</mark>" in source
    assert "(an empty answer)" not in source
    report["pairs"][0]["examples"][0]["answers"][0]["text"] = ""
    assert "(an empty answer)" in render(report)


def test_it_is_complete_in_itself(report: dict[str, Any]) -> None:
    source = render(report)
    page = Page(source)
    assert {name for name, _ in page.tags} & {"script", "iframe", "object", "img"} == set()
    assert [attrs["href"] for name, attrs in page.tags if name == "link"] == ["data:,"]
    assert not re.search(r"(?:src|href)=\"(?!#|data:)|url\(|@import|https?:", source)
    policies = [attrs["content"] for name, attrs in page.tags if name == "meta" and "http-equiv" in attrs]
    assert policies == ["default-src 'none'; style-src 'unsafe-inline'; img-src data:"]


def _replaced(value: Any, text: str) -> Any:
    """Every text that is a user's or a model's."""
    if isinstance(value, dict):
        fixed = {"outcome", "unit", "metric", "started", "finished"}
        return {k: v if k in fixed else _replaced(v, text) for k, v in value.items()}
    if isinstance(value, list):
        return [_replaced(item, text) for item in value]
    return text if isinstance(value, str) else value


def _tags(source: str) -> list[str]:
    return [name for name, _ in Page(source).tags if name != "mark"]


def test_hostile_texts_stay_texts(report: dict[str, Any]) -> None:
    hostile = _replaced(copy.deepcopy(report), HOSTILE)
    hostile["metrics"], hostile["models"] = report["metrics"], []
    for model, name in zip(report["models"], ("A", "B", "C"), strict=True):
        changed = _replaced(copy.deepcopy(model), HOSTILE) | {"name": name + HOSTILE, "scores": model["scores"]}
        hostile["models"].append(changed | {"failure": HOSTILE if name == "C" else ""})
    hostile["first"] = "A" + HOSTILE
    hostile["pairs"][0] |= {"model": "B" + HOSTILE, "against": "A" + HOSTILE}
    hostile["pareto"] = {axis: ["B" + HOSTILE] for axis in ("cost", "p95")}
    for row, was in zip(hostile["by_label"], report["by_label"], strict=True):
        row["accuracy"] = {name + HOSTILE: value for name, value in was["accuracy"].items()}
    source = render(hostile)
    assert _tags(source) == _tags(render(report))
    assert "<script" not in source
    assert "\x00" not in source
    assert "49" not in Page(source).said("duels")
    assert HOSTILE[:40] in Page(source).text
    source.encode("utf-8")


@settings(max_examples=30)
@given(st.text(max_size=60), st.text(max_size=60))
def test_any_two_answers_leave_the_page_whole(one: str, other: str) -> None:
    from seekforge.evaluate.side_by_side.page import _example

    row = {"id": one, "question": other, "reference": one, "label": "", "outcome": "tie"}
    answers = [{"text": text, "decision": "", "finish_reason": "length"} for text in (one, other)]
    shown = _example({**row, "answers": answers}, ("A", "B"))
    for answer in shown["answers"]:
        assert re.sub(r"</?mark>", "", str(answer["text"])).count("<") == (2 if "empty answer" in answer["text"] else 0)


def test_without_times_there_is_no_plot_and_without_a_second_model_no_winner(saved: Saved) -> None:
    page = Page(render(_report([saved("A", "hhaa"), saved("B", "hhha")])))
    assert "trade" not in page.sections
    assert "No clear difference between A and B" in page.text
    alone = Page(render(_report([saved("A", "hhaa"), replace(saved("B", "h"), failure="gone")])))
    assert "Nothing to compare" in alone.text
    assert "50.0 %" in alone.said("models")


@pytest.mark.parametrize(
    ("decisions", "kind", "text"),
    [
        (["hhhh" * 20, "aaaa" * 20], "pass", "A is better than B"),
        (["hhaa" * 20, "hhah" * 20, "aaaa" * 20], "pass", "B is better than A"),
        (["hhaa" * 20, "hhaa" * 20, "aaaa" * 20], "open", "No clear difference between A and B"),
        (["hhhh" * 20, "aaaa" * 20, "haaa" * 20], "pass", "A is better than all others"),
    ],
)
def test_the_verdict_is_no_more_than_the_figures_bear(saved: Saved, decisions: list[str], kind: str, text: str) -> None:
    found = verdict(_report([saved("ABC"[n], word) for n, word in enumerate(decisions)]))
    assert (found["kind"], found["text"]) == (kind, text)


def test_chances_are_written_as_they_are_read() -> None:
    assert [chance(p) for p in (0.0004, 0.0341, 1.0, None, float("nan"))] == ["p < 0.001", "p = 0.034", "p = 1", "", ""]


def test_points_of_a_plot_have_their_names_apart() -> None:
    points = [
        Point(name, 1.0 + n / 100, 50.0, (48.0, 52.0), n == 0) for n, name in enumerate(["一个模型", "b", "c" * 22])
    ]
    source = str(scatter(points, summary="s", titles=("x", "y"), width=500, height=330))
    labels = re.findall(r'<text class="label" x="([\d.]+)" y="([\d.]+)" dy="0.32em" text-anchor="(\w+)">', source)
    assert len(set(labels)) == 3
    assert source.count('class="point on"') == 1
    far = [Point("a", 0.01, 1, None, front=True), Point("b", 5.0, 2, None, front=True)]
    wide = str(scatter(far, summary="s", titles=("x", "y"), width=500, height=330))
    assert re.findall(r'text-anchor="middle">([\d.]+)<', wide)[:4] == ["0.01", "0.1", "1", "10"]
    assert 'class="front"' in wide
    assert str(scatter([], summary="s", titles=("x", "y"), width=1, height=1)) == ""
