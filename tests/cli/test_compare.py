"""`seekforge evaluate compare` from the command line to the page, its cache, its failures and its bad inputs."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest
from tests.cli.conftest import Seekforge, write

from seekforge.core.errors import EngineError
from seekforge.core.locks import alone
from seekforge.engines.fake import FakeEngine
from seekforge.evaluate.predict import Prediction, load

LABELS = ("--label", "HOLD", "--label", "APPROVE", "--metric", "accuracy")


def rows(count: int = 12) -> list[object]:
    words = ("HOLD", "APPROVE")
    return [{"id": f"r{n}", "instruction": f"{words[n % 2]} 案件 {n}", "output": words[n % 2], "label": words[n % 2]}
            for n in range(count)]  # fmt: skip


@pytest.fixture
def questions(work: Path) -> Path:
    return write(work / "test.jsonl", rows())


@pytest.fixture
def engines(monkeypatch: pytest.MonkeyPatch, work: Path) -> dict[str, FakeEngine]:
    """Two GGUF files whose engines are fakes: one echoes, one always holds."""
    made = {"echo": FakeEngine(), "hold": FakeEngine(reply="HOLD")}
    for name in made:
        (work / f"{name}.gguf").write_bytes(name.encode())

    def engine(path: Path, **_: object) -> FakeEngine:
        return made[path.stem]

    monkeypatch.setattr("seekforge.engines.openvino.OpenVinoEngine", engine)
    monkeypatch.setattr(FakeEngine, "close", lambda self: None)
    return made


def saved(path: Path, decisions: list[str], **changes: str) -> Path:
    lines = [
        asdict(Prediction(f"r{n}", f"q{n}", "HOLD", "HOLD", decision, decision, "stop")) | changes
        for n, decision in enumerate(decisions)
    ]
    return write(path, list(lines))


def test_two_models_one_page(seekforge: Seekforge, engines: dict[str, FakeEngine], questions: Path, work: Path) -> None:
    words = ("evaluate", "compare", "hold.gguf", "better=echo.gguf", "--data", questions, *LABELS, "--price", "0.36")
    done = seekforge(*words)
    assert done.code == 0, done.err
    assert "better is better than hold" in done.out
    assert "page: compare/compare.html" in done.out
    report = json.loads((work / "compare" / "compare.json").read_text())
    assert [m["scores"]["accuracy"]["value"] for m in report["models"]] == [0.5, 1.0]
    speed = report["models"][1]["speed"]
    assert speed["cost_per_1000"] == pytest.approx(speed["device_seconds_per_1000"] * 0.36 / 3600)
    assert report["pairs"][0]["wins"] == 6
    assert report["test"]["records"] == 12
    assert "案件" in (work / "compare" / "compare.html").read_text()
    assert len(load(work / "compare" / "predictions-better.jsonl")) == 12
    asked = len(engines["echo"].seen)
    assert seekforge(*words).code == 0
    assert len(engines["echo"].seen) == asked, "answers are kept"


def test_saved_answers_are_compared_without_a_model(seekforge: Seekforge, work: Path) -> None:
    saved(work / "predictions-base.jsonl", ["APPROVE"] * 8)
    saved(work / "predictions-tuned.jsonl", ["HOLD"] * 8)
    done = seekforge("evaluate", "compare", "predictions-base.jsonl", "predictions-tuned.jsonl")
    assert done.code == 0, done.err
    assert "tuned is better than base" in done.out
    report = json.loads((work / "compare" / "compare.json").read_text())
    assert report["metrics"] == ["accuracy", "exact_match", "f1", "bleu", "rougeL"]
    assert report["models"][0]["speed"] is None


def test_answers_from_outside_stand_beside_a_model_that_is_asked(
    seekforge: Seekforge, engines: dict[str, FakeEngine], questions: Path, work: Path
) -> None:
    seekforge("evaluate", "compare", "hold.gguf", "echo.gguf", "--data", questions, *LABELS, "--out", "first")
    done = seekforge("evaluate", "compare", "first/predictions-hold.jsonl", "echo.gguf", "--data", questions, *LABELS)
    assert done.code == 0, done.err
    assert "echo is better than hold" in done.out


def test_a_model_that_fails_leaves_the_others_compared_and_exit_1(
    seekforge: Seekforge, engines: dict[str, FakeEngine], questions: Path, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engines["hold"].fail_after = 2
    saved(work / "predictions-old.jsonl", ["HOLD"] * 12)
    words = ("evaluate", "compare", "hold.gguf", "echo.gguf", "again=echo.gguf", "--data", questions, *LABELS)
    done = seekforge(*words)
    assert done.code == 1
    assert "failed: the engine has failed" in " ".join(done.out.split())
    page = (work / "compare" / "compare.html").read_text()
    assert "hold failed and could not be compared" in page
    assert "No clear difference between echo and again" in page
    engines["hold"].fail_after = None
    assert seekforge(*words).code == 0
    engines["hold"].fail_after = engines["echo"].fail_after = 0
    everything = seekforge(*words[:4], "--data", questions, "--out", "other")
    assert everything.code == 1
    assert everything.error.startswith("every model failed; the first: the engine has failed")


def test_the_same_model_twice_has_two_names(
    seekforge: Seekforge, engines: dict[str, FakeEngine], questions: Path, work: Path
) -> None:
    assert seekforge("evaluate", "compare", "echo.gguf", "echo.gguf", "--data", questions, *LABELS).code == 0
    report = json.loads((work / "compare" / "compare.json").read_text())
    assert [m["name"] for m in report["models"]] == ["echo", "echo~2"]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("demo",), "demo: one model is nothing to compare. Give two models or more"),
        (("a.jsonl", "b.jsonl", "--metric", "bleau"), "unknown metric 'bleau'. did you mean 'bleu'?"),
        (("a.jsonl", "none.jsonl"), "none.jsonl: no such file of answers. Give a predictions-*.jsonl that"),
        (("a.jsonl", "broken.jsonl"), "broken.jsonl:2: not a line of saved answers. Give"),
        (("a.jsonl", "empty.jsonl"), "empty.jsonl: no answers in the file. Give"),
        (("a.jsonl", "twice.jsonl"), "twice.jsonl:2: the id 'r0' is there twice. Give"),
        (("a.jsonl", "latin.jsonl"), "latin.jsonl: not UTF-8 text. Save the file as UTF-8"),
        (("a.jsonl", "number.jsonl"), "number.jsonl:1: not a line of saved answers. Give"),
        (("a.jsonl", "short.jsonl"), "short.jsonl: 2 answers, and a has 3, not to the same items: 1 only a has"),
        (("a.jsonl", "other.jsonl"), "other.jsonl: item 'r0' has another question or reference than a has. Compare"),
        (("bare.jsonl", "bare.jsonl"), "bare.jsonl: 3 of 3 items have no reference answer, 'r0' first. Give them"),
        (("plain.jsonl", "plain.jsonl", "--metric", "accuracy"), "--metric accuracy: the records have no labels. Take"),
        (("a.jsonl", "b.jsonl", "--data", "test.jsonl"), "test.jsonl: all of them are saved answers, so nobody is"),
        (("a.jsonl", "hold.gguf"), "hold.gguf: no test to ask it. Give --data test.jsonl"),
        (("a.jsonl", "hold.gguf", "--data", "test.jsonl"), "a.jsonl: 3 answers, and the test has 12, not to"),
        (("echo.gguf", "no/folder/here", "--data", "test.jsonl"), "no/folder/here: no such model."),
        (("echo.gguf", "hold.gguf", "--data", "none.jsonl"), "none.jsonl: no such data file."),
        (("echo.gguf", "hold.gguf", "--data", "test.jsonl", "--out", "a.jsonl"), "a.jsonl: a file, not a folder. Name"),
        (("a.jsonl", "b.jsonl", "--price", "cheap"), "--price: 'cheap' is no price of an hour. 0.10, or NAME=2.50"),
        (("a.jsonl", "b.jsonl", "--price", "c=1"), "--price: no model is called 'c'. Known: a, b"),
        (("a.jsonl", "http://127.0.0.1:9", "--data", "test.jsonl"), "http://127.0.0.1:9: the endpoint does not say"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line_before_anything_is_asked(
    seekforge: Seekforge,
    engines: dict[str, FakeEngine],
    questions: Path,
    work: Path,
    words: tuple[str, ...],
    line: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("seekforge.engines.chat.client._LONGEST_WAIT", 0.0)
    for name, count in (("a", 3), ("b", 3), ("short", 2)):
        saved(work / f"{name}.jsonl", ["HOLD"] * count)
    saved(work / "other.jsonl", ["HOLD"] * 3, prompt="another")
    saved(work / "bare.jsonl", ["HOLD"] * 3, reference="")
    saved(work / "plain.jsonl", ["HOLD"] * 3, label="")
    first = (work / "a.jsonl").read_text().splitlines()[0]
    write(work / "broken.jsonl", [first, '{"id": "r1"}'])
    write(work / "twice.jsonl", [first, first])
    write(work / "empty.jsonl", [])
    (work / "latin.jsonl").write_bytes(first.replace("HOLD", "Prüfen").encode("latin-1"))
    (work / "number.jsonl").write_text(first.replace('"HOLD"', "1"))
    done = seekforge("evaluate", "compare", *words)
    assert done.code == 2, done.out
    assert line in done.error
    assert not engines["echo"].seen
    assert not engines["hold"].seen
    assert not (work / "compare").exists()


def test_saved_answers_are_decided_by_the_labels_that_are_given(seekforge: Seekforge, work: Path) -> None:
    """Saved without labels, or with others, their decisions are not nothing."""
    saved(work / "a.jsonl", ["HOLD"] * 8, decision="")
    saved(work / "b.jsonl", ["APPROVE"] * 8, decision="")
    assert seekforge("evaluate", "compare", "a.jsonl", "b.jsonl", *LABELS).code == 0
    report = json.loads((work / "compare" / "compare.json").read_text())
    assert [m["scores"]["accuracy"]["value"] for m in report["models"]] == [1.0, 0.0]


def test_every_models_labels_are_looked_at_before_anything_is_asked(
    seekforge: Seekforge, engines: dict[str, FakeEngine], questions: Path, work: Path
) -> None:
    right = [json.loads(line) for line in questions.read_text().splitlines()]
    answers = [
        asdict(Prediction(row["id"], row["instruction"], row["output"], "", "HOLD", "", "stop")) for row in right
    ]
    write(work / "old.jsonl", list(answers))
    done = seekforge("evaluate", "compare", "hold.gguf", "old.jsonl", "--data", questions, *LABELS)
    assert (done.code, "old.jsonl: --metric accuracy: the records have no labels" in done.error) == (2, True), done.err
    write(work / "old.jsonl", [answer | {"label": "APPROVE"} for answer in answers])
    done = seekforge("evaluate", "compare", "hold.gguf", "old.jsonl", "--data", questions, *LABELS)
    assert (done.code, "item 'r0' has another label than the test has" in done.error) == (2, True), done.err
    assert not engines["hold"].seen


def test_what_is_not_a_number_is_null_in_the_file(seekforge: Seekforge, work: Path) -> None:
    for name, said in (("a", "HOLD it"), ("b", "no")):
        saved(work / f"{name}.jsonl", [said])
    done = seekforge("evaluate", "compare", "a.jsonl", "b.jsonl", "--metric", "distinct1")
    assert done.code == 0, done.err

    def refused(word: str) -> None:
        raise AssertionError(word)

    report = json.loads((work / "compare" / "compare.json").read_text(), parse_constant=refused)
    assert report["pairs"][0]["metrics"][0]["interval"] == [None, None], "of a single item there is none"


def test_two_comparisons_do_not_share_a_folder(seekforge: Seekforge, work: Path) -> None:
    saved(work / "a.jsonl", ["HOLD"] * 3)
    with alone(work / "compare"):
        done = seekforge("evaluate", "compare", "a.jsonl", "a.jsonl")
    assert (done.code, "compare: another command is working in this folder" in done.error) == (2, True), done.err


def test_an_engine_that_cannot_load_is_a_failed_model(
    seekforge: Seekforge, engines: dict[str, FakeEngine], questions: Path, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def engine(path: Path, **_: object) -> FakeEngine:
        if path.stem == "hold":
            raise EngineError("it does not load")
        return engines[path.stem]

    monkeypatch.setattr("seekforge.engines.openvino.OpenVinoEngine", engine)
    done = seekforge("evaluate", "compare", "hold.gguf", "echo.gguf", "--data", questions, *LABELS)
    assert done.code == 1
    assert "Nothing to compare" in done.out
    assert "it does not load" in (work / "compare" / "compare.html").read_text()


def test_the_real_model_against_its_int8(
    seekforge: Seekforge, demo_folder: Path, demo_gguf_q8: Path, questions: Path, work: Path
) -> None:
    done = seekforge(
        "evaluate", "compare", demo_folder, f"int8={demo_gguf_q8}", "--data", questions, "--limit", "4",
        "--max-new-tokens", "4", "--metric", "f1", "--metric", "exact_match",
    )  # fmt: skip
    assert done.code == 0, done.err
    report = json.loads((work / "compare" / "compare.json").read_text())
    assert [m["engine"].split()[0] for m in report["models"]] == ["transformers", "OpenVINO"]
    assert all(m["speed"]["tokens_per_second"] > 0 for m in report["models"])
    assert all(len(load(work / "compare" / f"predictions-{m['name']}.jsonl")) == 4 for m in report["models"])
