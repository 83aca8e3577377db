"""The report page: what it says, what it leaves out, and that no text of a user's can become part of it."""

import copy
import math
import re
from collections.abc import Callable
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import pytest

from seekforge.core.report import render
from seekforge.core.report.svg import Series, bar, line_chart, ticks
from seekforge.core.report.units import against_rule, clip, duration, format_value, period, plain, token

VOID = {"meta", "link", "br", "line", "rect", "circle", "polyline"}
SECTIONS = [
    "flow",
    "gates",
    "before-after",
    "contamination",
    "data",
    "training",
    "compression",
    "parity",
    "serving",
    "measurements",
    "lineage",
    "next",
]
HASHES = {name: f"{index:x}" * 64 for index, name in enumerate(("data", "train", "evaluate", "compress"), start=10)}

KeyPath = tuple[str | int, ...]


class Page(HTMLParser):
    """Parses a page strictly: every tag must be closed in its turn."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.sections: dict[str, str] = {}
        self.section: str | None = None
        self.texts: list[str] = []
        self.rows: list[str] = []
        self.feed(source)
        self.close()
        assert not self.open, f"left open: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "section":
            self.section = dict(attrs)["id"] or ""
            self.sections[self.section] = ""
        if tag == "tr":
            self.rows.append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes nothing"
        if tag == "section":
            self.section = None

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "style":
            return
        self.texts.append(data)
        if self.section is not None:
            self.sections[self.section] += data
        if "tr" in self.open:
            self.rows[-1] += data

    @property
    def text(self) -> str:
        """Everything a reader sees."""
        return " ".join("".join(self.texts).split())

    def said(self, section: str) -> str:
        """What one section says, with its blanks made single."""
        return " ".join(self.sections[section].split())

    def named(self, tag: str, **wanted: str) -> list[dict[str, str | None]]:
        """The attributes of each tag of a name that has the wanted classes."""
        found = [attrs for name, attrs in self.tags if name == tag]
        return [a for a in found if set(wanted.get("style", "").split()) <= set((a.get("class") or "").split())]


def _measured(name: str, value: object, unit: str) -> dict[str, Any]:
    return {"name": name, "value": value, "unit": unit, "how": f"seekforge measure {name}", "where": "2-core EPYC"}


def _artifact(name: str, *parents: str) -> dict[str, Any]:
    above = [HASHES[parent] for parent in parents]
    return {"path": name, "kind": "thing", "content_hash": HASHES[name], "parents": above}


def _stages() -> list[dict[str, Any]]:
    data = {
        "funnel": [{"step": "read", "kept": 1500, "dropped": 0}, {"step": "exact", "kept": 1200, "dropped": 300}],
        "splits": {"train": 900, "test": 300},
        "drops": [
            {"op": "minhash", "reason": "0.91 alike", "text": "请尽快处理！！", "kept_text": "请尽快处理。"},
            {"op": "length", "reason": "too short", "text": "ok bye", "kept_text": None},
        ],
    }
    train = {
        "curve": [
            {"step": 10, "train_loss": 2.0},
            {"step": 20, "train_loss": 1.0, "eval_loss": 1.5},
            {"step": 30, "train_loss": float("nan"), "eval_loss": 1.25},
        ],
        "best_step": 30,
        "stop_reason": "Ran every epoch it was given.",
        "settings": {"method": "lora", "rank": 16, "learning_rate": 0.0002, "modules": ["q", "v"], "packed": False},
    }
    evaluate = {
        "comparison": [
            {
                "metric": "macro_f1",
                "unit": "fraction",
                "base": 0.41,
                "tuned": 0.93,
                "base_interval": [0.35, 0.47],
                "tuned_interval": [0.9, 0.96],
            }
        ],
        "examples": [
            {
                "prompt": f"message {index}",
                "reference": "HOLD",
                "base": "no idea",
                "tuned": "HOLD",
                "base_correct": False,
                "tuned_correct": True,
            }
            for index in range(12)
        ],
        "by_label": [{"label": "VERIFY", "count": 40, "base": 0.2, "tuned": 0.95}],
        "contamination": {
            "tests": 300,
            "trained": 900,
            "contaminated": 12,
            "share": 0.04,
            "examples": [
                {
                    "test": "t-7",
                    "train": "r-9",
                    "how": "near",
                    "share": 0.8214,
                    "question": "卡片丢失了，请冻结",
                    "trained": "卡片丢了，请冻结",
                    "answer_too": True,
                }
            ],
        },
    }
    compress = {"files": [{"name": "m.gguf", "format": "Q8_0", "bytes": 144810656, "to_fp32": 0.266, "to_bf16": 0.531}]}
    parity = {
        "positions": 1234,
        "agreeing": 1228,
        "prompts": 210,
        "prompts_equal": 210,
        "differences": [{"item": "rd-00012", "position": 4, "expected": " HOLD", "got": " WAIT", "margin": 0.031}],
        "scores": [{"model": "INT8", "accuracy": 0.925}],
    }
    serve = {
        "throughput": [
            {"engine": "OpenVINO", "concurrency": 16, "tokens_per_second": 331.0, "requests_per_second": 5.2}
        ],
        "cost": [{"engine": "OpenVINO", "device_seconds_per_1000": 190.0, "cost_per_1000": 0.05, "currency": "USD"}],
    }
    ran = {"status": "ran", "seconds": 88.0}
    return [
        {
            "name": "data",
            "status": "reused",
            "seconds": 1.2,
            "summary": "1,500 read",
            "artifact": _artifact("data"),
            "measurements": [_measured("data.kept", 1200, "count"), _measured("data.lost", None, "count")],
            "details": data,
        },
        {"name": "train", **ran, "artifact": _artifact("train", "data"), "details": train},
        {"name": "evaluate", **ran, "artifact": _artifact("evaluate", "train", "data"), "details": evaluate},
        {"name": "compress", **ran, "artifact": _artifact("compress", "train"), "details": compress},
        {"name": "parity", **ran, "details": parity},
        {"name": "serve", "status": "resumed", "seconds": 3.0, "details": serve},
        {"name": "champion", "status": "not reached"},
    ]


def _gate(name: str, value: object, unit: str, rule: str, passed: object) -> dict[str, Any]:
    return {
        "name": name,
        "title": f"Promise of {name}",
        "stage": name.split(".")[0],
        "value": value,
        "unit": unit,
        "rule": rule,
        "passed": passed,
        "how": f"seekforge measure {name}",
        "advice": f"Advice for {name}.",
    }


@pytest.fixture
def report() -> dict[str, Any]:
    """A run that went all the way, with something in every section."""
    return {
        "schema": 1,
        "id": "risk_desk-20261123-213000",
        "recipe": "risk_desk",
        "description": "支付消息分类。",
        "command": "seekforge run recipes/risk_desk.yaml",
        "started": "2026-11-23T21:30:00+00:00",
        "finished": "2026-11-23T21:38:32+00:00",
        "seconds": 512.3,
        "verdict": "passed",
        "hardware": {"cpu": "EPYC", "cores": 2, "memory_gib": 23.4, "gpu": None, "system": "Linux", "python": "3.11.7"},
        "versions": {"seekforge": "0.1.0", "torch": "2.13.0"},
        "stages": _stages(),
        "gates": [
            _gate("evaluate.accuracy", 0.93, "fraction", ">= 0.9", True),
            _gate("parity.loss", -0.5, "points", ">= -1", True),
            _gate("serve.rate", 331.0, "tokens/s", ">= 200", True),
        ],
        "next": ["seekforge serve champion"],
    }


def _each_text(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, dict):
        return {
            change(key) if key in ("rank", "torch") else key: _each_text(item, change) for key, item in value.items()
        }
    if isinstance(value, list):
        return [_each_text(item, change) for item in value]
    return change(value) if isinstance(value, str) else value


def _paths(value: Any, path: KeyPath = ()) -> list[KeyPath]:
    items: list[tuple[str | int, Any]] = []
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list):
        items = list(enumerate(value))
    return [found for key, item in items for found in [(*path, key), *_paths(item, (*path, key))]]


def _replaced(value: Any, path: KeyPath, new: object) -> Any:
    changed = copy.deepcopy(value)
    at = changed
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = new
    return changed


def test_full_report_has_every_section_in_order(report: dict[str, Any]) -> None:
    page = Page(render(report))
    assert list(page.sections) == SECTIONS
    assert [a["id"] for a in page.named("section")] == SECTIONS
    assert [a["href"] for a in page.named("a")] == [f"#{name}" for name in SECTIONS]


def test_header_says_what_ran_when_and_how_it_ended(report: dict[str, Any]) -> None:
    text = Page(render(report)).text
    assert "All 3 gates passed" in text
    assert "23 November 2026, 21:30 to 21:38 UTC" in text
    assert "8 min 32 s" in text
    assert "EPYC, 2 cores, 23.4 GiB memory, no GPU, Linux, Python 3.11.7" in text
    assert "seekforge run recipes/risk_desk.yaml" in text
    assert "seekforge 0.1.0, torch 2.13.0" in text


@pytest.mark.parametrize(
    ("verdict", "results", "words", "kind"),
    [
        ("passed", [True, True], "All 2 gates passed", "pass"),
        ("passed", [True], "The one gate passed", "pass"),
        ("failed", [True, False, False], "2 of 3 gates failed", "fail"),
        ("passed", [True, False], "1 of 2 gates failed", "fail"),
        ("passed", [True, None], "1 of 2 gates failed", "fail"),
        ("passed", [True, "yes"], "1 of 2 gates failed", "fail"),
        ("failed", [True], "Failed", "fail"),
        ("passed", [], "Finished", "open"),
        ("unfinished", [True], "Unfinished", "open"),
        ("unfinished", [True, False], "Unfinished", "fail"),
        (None, [], "Unfinished", "open"),
    ],
)
def test_verdict_is_green_only_when_every_gate_passed(
    verdict: object, results: list[object], words: str, kind: str
) -> None:
    gates = [_gate(f"g.{index}", 1, "count", ">= 1", passed) for index, passed in enumerate(results)]
    page = Page(render({"verdict": verdict, "gates": gates}))
    assert words in page.text
    assert [a["class"] for a in page.named("header")] == [f"panel top {kind}"]


def test_failed_gates_come_first_with_advice(report: dict[str, Any]) -> None:
    report["verdict"] = "failed"
    report["gates"][2].update(value=150.0, passed=False)
    page = Page(render(report))
    rows = [row for row in page.rows if "Promise of" in row]
    assert ["FAIL" in row for row in rows] == [True, False, False]
    assert ["PASS" in row for row in rows] == [False, True, True]
    assert "✗" in rows[0]
    assert "✓" in rows[1]
    assert "Advice for serve.rate." in rows[0]
    assert "150.0 tokens/s" in rows[0]
    assert "≥ 200.0 tokens/s" in rows[0]
    assert "seekforge measure serve.rate" in rows[0]
    assert "Advice for evaluate.accuracy." not in page.text
    assert "✗ 1 of 1 failed" in page.said("flow")


def test_flow_names_each_stage_and_what_became_of_it(report: dict[str, Any]) -> None:
    page = Page(render(report))
    text = page.said("flow")
    for words in ("data reused, 1.20 s 1,500 read", "train ran, 1 min 28 s", "serve resumed", "champion not reached"):
        assert words in text
    assert "a" * 12 in text
    assert "a" * 13 not in text


def test_before_and_after_shows_bars_whiskers_and_eight_examples(report: dict[str, Any]) -> None:
    source = render(report)
    page = Page(source)
    text = page.said("before-after")
    assert "Macro-F1 +52.0 points" in text
    assert "41.0 % (35.0 % to 47.0 %)" in text
    assert "message 7" in text
    assert "message 8" not in text
    assert text.count("✗ wrong") == text.count("✓ right") == 8
    assert any(a["width"] == "41.00%" for a in page.named("rect", style="fill"))
    assert any((a["x1"], a["x2"]) == ("35.00%", "47.00%") for a in page.named("line", style="whisker"))


def test_contamination_shows_how_much_and_the_pairs(report: dict[str, Any]) -> None:
    said = Page(render(report)).said("contamination")
    assert "12 of 300 test records were given away by training. 900 training records were looked through." in said
    assert "✗ nearly the same question 82.1 %, and the same answer" in said
    assert "Test t-7卡片丢失了，请冻结" in said
    assert "Training r-9卡片丢了，请冻结" in said
    assert "11 more not shown." in said


def test_data_shows_the_funnel_and_what_was_dropped(report: dict[str, Any]) -> None:
    page = Page(render(report))
    text = page.said("data")
    assert "Exact1,200 300 dropped" in text
    assert "Train900" in text
    assert "Dropped请尽快处理！！" in text
    assert "Kept instead请尽快处理。" in text
    assert text.count("Kept instead") == 1
    assert [a["width"] for a in page.named("rect", style="ghost")][:2] == ["100.00%", "100.00%"]


def test_training_shows_curve_best_stop_reason_and_settings(report: dict[str, Any]) -> None:
    page = Page(render(report))
    text = page.said("training")
    assert "Ran every epoch it was given." in text
    assert "Best: 1.25 at step 30" in text
    assert "1 loss value not finite" in text
    assert "Learning rate0.0002" in text
    assert "Modulesq, v" in text
    assert "Packedno" in text
    charts = page.named("svg", style="chart")
    assert len(charts) == 2
    assert all("Best validation loss 1.25 at step 30" in (chart["aria-label"] or "") for chart in charts)
    assert len(page.named("circle", style="best")) == 2


def test_later_sections_show_their_numbers(report: dict[str, Any]) -> None:
    page = Page(render(report))
    assert "m.gguf (Q8_0)144.8 MB 0.266× of FP32, 0.531× of BF16" in page.said("compression")
    parity = page.said("parity")
    for words in ("1,228 of 1,234", "99.5 %", "210 of 210", "rd-00012", "␣HOLD", "␣WAIT", "0.031", "INT892.5 %"):
        assert words in parity
    serving = page.said("serving")
    for words in ("331.0 tokens/s", "5.2 requests/s", "3 min 10 s", "0.05 USD"):
        assert words in serving
    measurements = page.said("measurements")
    assert "data.kept 1,200 count" in measurements.replace("kept1", "kept 1").replace("00count", "00 count")
    assert "not measured" in measurements
    assert "seekforge measure data.kept" in measurements


def test_lineage_is_indented_by_depth_and_names_parents(report: dict[str, Any]) -> None:
    report["stages"][3]["artifact"]["parents"].append("f" * 64)
    page = Page(render(report))
    text = page.said("lineage")
    assert f"from train ({'b' * 12}), data ({'a' * 12})" in text
    assert f"outside this run ({'f' * 12})" in text
    depths = [a["style"] for a in page.named("li") if "--depth" in (a.get("style") or "")]
    assert depths == ["--depth: 0", "--depth: 1", "--depth: 2", "--depth: 2"]


def test_lineage_that_loops_still_renders(report: dict[str, Any]) -> None:
    report["stages"][0]["artifact"]["parents"] = [HASHES["compress"], HASHES["data"]]
    assert "lineage" in Page(render(report)).sections


@pytest.mark.parametrize(
    ("stage", "section"),
    [
        ("data", "data"),
        ("train", "training"),
        ("evaluate", "before-after"),
        ("compress", "compression"),
        ("parity", "parity"),
        ("serve", "serving"),
    ],
)
@pytest.mark.parametrize("gone", ["details", "stage"])
def test_section_without_data_vanishes(report: dict[str, Any], stage: str, section: str, gone: str) -> None:
    stages = report["stages"]
    for one in stages:
        if one["name"] == stage:
            one["details"] = {}
    if gone == "stage":
        report["stages"] = [one for one in stages if one["name"] != stage]
    also = {"contamination"} if stage == "evaluate" else set()
    expected = [name for name in SECTIONS if name not in {section, *also}]
    if gone == "stage" and stage == "data":
        expected.remove("measurements")
    assert list(Page(render(report)).sections) == expected


@pytest.mark.parametrize("empty", [{}, {"stages": [], "gates": [], "next": []}, {"stages": None, "hardware": None}])
def test_empty_report_is_a_page_without_sections(empty: dict[str, Any]) -> None:
    page = Page(render(empty))
    assert page.sections == {}
    assert "Unfinished" in page.text


def test_unknown_keys_are_ignored(report: dict[str, Any]) -> None:
    before = render(report)
    report["surprise"] = {"x": 1}
    for stage in report["stages"]:
        stage["surprise"] = ["x"]
        stage.setdefault("details", {})["surprise"] = "x"
    assert render(report) == before


@pytest.mark.parametrize(
    "poison", ["<script>alert(1)</script>", "\"'><img src=x onerror=alert(1)>", "</style></title>"]
)
def test_no_text_becomes_markup(report: dict[str, Any], poison: str) -> None:
    plain_tags = [tag for tag, _ in Page(render(report)).tags]
    # Names that link stages and hashes stay, or whole sections would vanish and nothing be tested.
    linked = {"data", "train", "evaluate", "compress", "parity", "serve", "passed", "fraction", *HASHES.values()}
    source = render(_each_text(report, lambda text: text if text in linked else text + poison))
    page = Page(source)
    assert list(page.sections) == SECTIONS
    assert "<script" not in source
    assert "<img" not in source
    assert [tag for tag, _ in page.tags] == plain_tags
    assert poison in page.said("before-after")
    assert all(not name.startswith("on") for _, attrs in page.tags for name in attrs)


def test_even_linking_names_and_statuses_are_escaped(report: dict[str, Any]) -> None:
    source = render(_each_text(report, lambda text: text + '<script>alert(1)</script>"'))
    assert "<script" not in source
    classes = {name for _, attrs in Page(source).tags for name in (attrs.get("class") or "").split()}
    assert all(re.fullmatch(r"[a-z-]+", name) for name in classes)


def test_page_loads_nothing(report: dict[str, Any]) -> None:
    source = render(report)
    page = Page(source)
    assert not re.search(r"https?://|//[a-z]|@import|url\(", source)
    assert not {tag for tag, _ in page.tags} & {"script", "img", "iframe", "object", "embed", "base", "form"}
    for _, attrs in page.tags:
        assert "src" not in attrs
        assert (attrs.get("href") or "#").startswith(("#", "data:,"))
    assert "default-src 'none'" in source


def test_address_in_a_text_stays_a_text(report: dict[str, Any]) -> None:
    report["description"] = "See https://example.com/x"
    page = Page(render(report))
    assert "https://example.com/x" in page.text
    assert all("example" not in str(value) for _, attrs in page.tags for value in attrs.values())


def test_chinese_and_half_characters_survive(report: dict[str, Any]) -> None:
    report["next"] = ["半个字符 \ud83d 之后"]
    source = render(report)
    assert "支付消息分类。" in source
    assert "半个字符 ? 之后" in source.encode("utf-8").decode("utf-8")


def test_headings_are_nested_and_sections_labelled(report: dict[str, Any]) -> None:
    page = Page(render(report))
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h\d", tag)]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert all(a["aria-labelledby"] in ids for a in page.named("section"))


@pytest.mark.parametrize("new", [None, "text", math.inf, [None], {"a": None}])
def test_any_one_wrong_value_still_gives_a_page(report: dict[str, Any], new: object) -> None:
    report["stages"][2]["details"]["examples"] = report["stages"][2]["details"]["examples"][:1]
    for path in _paths(report):
        assert Page(render(_replaced(report, path, new))).sections, path


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.531, "ratio", "0.531×"),
        (0.924, "fraction", "92.4 %"),
        (0.99996, "fraction", "99.996 %"),
        (1.0, "fraction", "100.0 %"),
        (0.0, "fraction", "0.0 %"),
        (0.0064, "fraction", "0.64 %"),
        (24.3, "points", "+24.3 points"),
        (-3.1, "points", "−3.1 points"),
        (144810656, "bytes", "144.8 MB"),
        (512.34, "seconds", "512.3 s"),
        (0.4123, "seconds", "0.412 s"),
        (331.04, "tokens/s", "331.0 tokens/s"),
        (1234567, "count", "1,234,567"),
        (3.14159, "nats", "3.142 nats"),
        (41, "", "41"),
        (2e-9, None, "2.000e-09"),
        (None, "count", "not measured"),
        (math.nan, "fraction", "not measured"),
        (math.inf, "perplexity", "∞ perplexity"),
    ],
)
def test_values_are_written_by_unit(value: object, unit: str | None, text: str) -> None:
    assert format_value(value, unit) == text


@pytest.mark.parametrize(
    ("value", "unit", "rule", "texts"),
    [
        (0.93, "fraction", ">= 0.9", ("93.0 %", "≥ 90.0 %")),
        (0.8996, "fraction", ">= 0.9", ("89.96 %", "≥ 90.00 %")),
        (0.9, "fraction", ">= 0.9", ("90.0 %", "≥ 90.0 %")),
        (0, "count", "== 0", ("0", "= 0")),
        (25.0, "points", ">= 20", ("+25.0 points", "≥ 20.0 points")),
        (None, "fraction", "<= 0.1", ("not measured", "≤ 10.0 %")),
        (0.5, "fraction", "within 0.1 of base", ("50.0 %", "within 0.1 of base")),
        (0.5, "fraction", None, ("50.0 %", "")),
    ],
)
def test_a_value_never_looks_equal_to_a_rule_it_breaks(
    value: object, unit: str, rule: object, texts: tuple[str, str]
) -> None:
    assert against_rule(value, unit, rule) == texts


def test_times_tokens_and_long_texts_are_written_for_people() -> None:
    assert duration(4.2) == "4.20 s"
    assert duration(59.99) == "60.0 s"
    assert duration(512.3) == "8 min 32 s"
    assert duration(7500) == "2 h 5 min"
    assert duration(None) == "not measured"
    assert period("2026-11-23T23:50:00Z", "2026-11-24T00:10:00Z") == (
        "23 November 2026, 23:50 to 24 November 2026, 00:10 UTC"
    )
    assert period("2026-11-23T21:30:00+00:00", None) == "23 November 2026, 21:30 UTC"
    assert period("yesterday", None) == "yesterday"
    assert token(" a\n") == "␣a⏎"
    assert clip("x" * 1700) == "x" * 600 + " … (1,100 more characters)"
    assert clip("x" * 610) == "x" * 610
    assert plain({"甲": 1}) == '{"甲": 1}'


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.0, 1.0, [0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (0.3, 2.4, [0, 0.5, 1, 1.5, 2, 2.5]),
        (3.0, 3.0, [2.4, 2.6, 2.8, 3.0, 3.2, 3.4, 3.6]),
    ],
)
def test_ticks_are_round_and_cover_the_range(low: float, high: float, expected: list[float]) -> None:
    found = ticks(low, high)
    assert found[0] <= low
    assert found[-1] >= high
    if low < high:
        assert found == expected
    assert len(found) <= 8


def test_line_chart_puts_points_where_the_axes_say() -> None:
    svg = line_chart(
        [Series("train", [(0.0, 0.0), (50.0, 2.0), (100.0, 1.0)])],
        summary='a "curve"',
        titles=("step", "loss"),
        best=(50.0, 2.0),
        width=464,
        height=264,
    )
    page = Page(svg)
    # The drawing runs from x = 50 to 450 and from y = 222 (zero) up to 22 (two).
    assert page.named("polyline")[0]["points"] == "50.0,222.0 250.0,22.0 450.0,122.0"
    best = page.named("circle", style="best")[0]
    assert (best["cx"], best["cy"]) == ("250.0", "22.0")
    assert page.named("svg")[0]["aria-label"] == 'a "curve"'
    assert "best 2" in page.text
    labels = "".join(page.texts)
    assert all(tick in labels for tick in ("0.0", "0.5", "1.0", "1.5", "2.0"))


def test_line_chart_of_one_point_shows_a_dot_and_of_none_is_nothing() -> None:
    page = Page(line_chart([Series("train", [(5.0, 1.0)])], summary="", titles=("step", "loss")))
    assert len(page.named("circle", style="dot")) == 1
    assert line_chart([], summary="", titles=("step", "loss")) == ""


def test_bar_stays_inside_its_track() -> None:
    page = Page(bar(1.7, "base", ghost=-0.2, whisker=(-0.1, 0.5)))
    assert page.named("rect", style="fill")[0]["width"] == "100.00%"
    assert page.named("rect", style="ghost")[0]["width"] == "0.00%"
    assert [(a["x1"], a["x2"]) for a in page.named("line")] == [
        ("0.00%", "50.00%"),
        ("0.00%", "0.00%"),
        ("50.00%", "50.00%"),
    ]
    assert Page(bar(None)).named("rect", style="fill") == []
