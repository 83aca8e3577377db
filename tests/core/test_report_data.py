"""The report's part on data: cost, every reason with examples, rejected rows, distributions."""

from __future__ import annotations

from typing import Any

from seekforge.core.report import render
from seekforge.core.report.data import data


def details() -> dict[str, Any]:
    drop = {"op": "minhash", "kind": "near duplicate", "id": "2", "reason": "0.98 similar to 1", "text": "<b>hi</b>!"}
    note = {
        "op": "pii",
        "kind": "phone masked",
        "id": "3",
        "reason": "1 phone masked",
        "text": "call 555",
        "after": "call *",
    }
    return {
        "funnel": [
            {"step": "read", "kept": 4, "dropped": 0, "changed": 0, "seconds": 0.5},
            {"step": "minhash", "kept": 3, "dropped": 1, "changed": 2, "seconds": 75.0},
        ],
        "splits": {"train": 2, "test": 1},
        "drops": [{**drop, "kept_text": "hi"}],
        "reasons": {"minhash": {"near duplicate": 1}},
        "notes": {"pii": {"phone masked": 1}},
        "examples": [{**drop, "kept_text": "hi", "evidence": {"span": [1, 2]}}, note],
        "rejected": {
            "rows": 7,
            "file": "rejected.jsonl",
            "examples": [{"where": "a:3", "reason": "not JSON", "raw": "{"}],
        },
        "distributions": {
            "lengths": {"from": [0, 10, 20], "before": [0, 3, 1], "after": [0, 2, 1]},
            "labels": [{"name": "HOLD", "before": 4, "after": 3}],
            "scripts": [],
        },
    }


def test_view_has_cost_reasons_rejected_rows_and_distributions() -> None:
    view = data(details())
    assert view is not None
    assert view["steps"][1]["note"] == "1 dropped, 2 changed, 1 min 15 s"
    assert [(row["kind"], row["count"], row["stays"]) for row in view["reasons"]] == [
        ("near duplicate", "1", False),
        ("phone masked", "1", True),
    ]
    assert view["reasons"][0]["examples"][0]["kept"] == "hi"
    assert view["reasons"][0]["examples"][0]["evidence"] == [{"name": "Span", "text": "[1, 2]"}]
    assert view["reasons"][1]["examples"][0]["after"] == "call *"
    assert view["rejected"]["count"] == "7"
    assert [table["title"] for table in view["distributions"]] == [
        "Length of question and answer, characters",
        "Labels",
    ]
    assert [row["name"] for row in view["distributions"][0]["rows"]] == ["10 to 19", "20 and more"]


def test_page_shows_it_and_escapes_what_users_wrote() -> None:
    page = render({"recipe": "r", "stages": [{"name": "data", "details": details()}]})
    for words in ("near duplicate", "Kept instead", "Rows that are no records: 7", "20 and more", "&lt;b&gt;hi"):
        assert words in page
    assert "<b>hi" not in page


def test_an_older_report_still_shows_its_drops() -> None:
    view = data({"funnel": [{"step": "read", "kept": 1}], "drops": [{"op": "exact", "reason": "same", "text": "x"}]})
    assert view is not None
    assert view["drops"][0]["reason"] == "same"
    assert data({}) is None
