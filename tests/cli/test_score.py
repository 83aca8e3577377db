"""`seekforge evaluate score`: models, endpoints and files of answers, by slice; what cannot be scored is one line."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.engines.chat_server import Server, completion, serving

Seekforge = Callable[..., Any]
ROWS = [
    {"id": "a", "instruction": "May the card be unblocked now?", "output": "Rule 1: HOLD.", "label": "HOLD"},
    {"id": "b", "instruction": "这张卡可以解锁吗？", "output": "规则二：APPROVE。", "label": "APPROVE"},
    {
        "id": "c",
        "instruction": "The customer asks for the limit of the card " * 3,
        "output": "Rule 3: HOLD.",
        "label": "HOLD",
    },
]
LABELS = ("--label", "HOLD", "--label", "APPROVE")


def lines(rows: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


@pytest.fixture
def data(work: Path) -> Path:
    path = work / "test.jsonl"
    path.write_text(lines(ROWS), "utf-8")
    return path


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as state:
        state.answer = lambda text, turn: (200, completion("Rule 1: HOLD."))
        yield state


def served(server: Server) -> tuple[str, ...]:
    return ("--endpoint", f"{server.url}/v1", "--model-name", "m")


def test_a_file_of_answers_by_slices(seekforge: Seekforge, work: Path, data: Path) -> None:
    said = [{"id": row["id"], "text": text} for row, text in zip(ROWS, ["HOLD", "HOLD", "Rule 3: HOLD."], strict=True)]
    (work / "answers.jsonl").write_text(lines(said[::-1]))
    options = ("--metric", "accuracy", "--metric", "chrf", *LABELS, "--slice", "label", "--slice", "language")
    result = seekforge("evaluate", "answers.jsonl", data, *options, "--slice", "length:10", "--json")
    found = json.loads(result.out)
    assert (result.code, found["records"], found["model"]) == (0, 3, "answers.jsonl")
    assert found["metrics"]["accuracy"]["value"] == pytest.approx(2 / 3)
    cut = {
        (row["by"], row["name"]): (row["count"], row["value"]) for row in found["slices"] if row["metric"] == "accuracy"
    }
    assert cut == {
        ("label", "APPROVE"): (1, 0.0),
        ("label", "HOLD"): (2, 1.0),
        ("language", "en"): (2, 1.0),
        ("language", "zh"): (1, 0.0),
        ("length", "up to 10"): (1, 0.0),
        ("length", "11 and more"): (2, 1.0),
    }
    shown = seekforge("evaluate", "answers.jsonl", data, *options).out
    assert "by label" in shown and "by language" in shown
    assert "chrf" in shown and "66.7 %" in shown


def test_answers_without_ids_are_in_the_records_order(seekforge: Seekforge, work: Path, data: Path) -> None:
    (work / "answers.jsonl").write_text(lines([{"answer": row["output"]} for row in ROWS]), "utf-8")
    result = seekforge("evaluate", "answers.jsonl", data, "--metric", "exact_match", "--json")
    assert json.loads(result.out)["metrics"]["exact_match"] == {"value": 1.0, "interval": [1.0, 1.0]}


def test_an_endpoint_is_asked_and_what_it_said_is_kept(
    seekforge: Seekforge, work: Path, data: Path, server: Server
) -> None:
    options = (*served(server), *LABELS, "--metric", "accuracy", "--out", "kept", "--json")
    result = seekforge("evaluate", data, *options)
    found = json.loads(result.out)
    assert (result.code, found["metrics"]["accuracy"]["value"]) == (0, pytest.approx(2 / 3))
    assert json.loads((work / "kept" / "scores.json").read_text("utf-8")) == found
    saved = [json.loads(line) for line in (work / "kept" / "predictions.jsonl").open(encoding="utf-8")]
    assert [(row["id"], row["decision"]) for row in saved] == [("a", "HOLD"), ("b", "HOLD"), ("c", "HOLD")]
    asked = len(server.seen)
    again = seekforge("evaluate", data, *options)
    assert (json.loads(again.out), len(server.seen)) == (found, asked)
    # What was written is a file of answers too.
    file = seekforge("evaluate", "kept/predictions.jsonl", data, *LABELS, "--metric", "accuracy", "--json")
    assert json.loads(file.out)["metrics"] == found["metrics"]


def test_a_question_that_fails_is_told_and_in_no_figure(seekforge: Seekforge, data: Path, server: Server) -> None:
    server.answer = lambda text, turn: (413, {}) if "解锁" in text else (200, completion("Rule 1: HOLD."))
    result = seekforge("evaluate", data, *served(server), *LABELS, "--metric", "accuracy", "--json")
    found = json.loads(result.out)
    assert result.code == 1
    assert "1 of 3 questions got no answer and are in no figure: b: HTTP 413" in result.error
    assert (found["records"], found["asked"], list(found["failures"])) == (2, 3, ["b"])
    assert found["metrics"]["accuracy"]["value"] == 1.0
    server.answer = lambda text, turn: (200, completion("x")) if text == "Hi" else (413, {})
    result = seekforge("evaluate", data, *served(server), "--json")
    assert (result.code, result.out) == (1, "")
    assert "3 of 3 questions got no answer" in result.error


def test_a_killed_evaluation_goes_on_from_its_answers(work: Path, data: Path, server: Server) -> None:
    rows = [{"id": f"r{n}", "instruction": f"question {n}", "output": "ok"} for n in range(30)]
    data.write_text(lines(rows))

    def answer(text: str, turn: int) -> tuple[int, Any]:
        if text == "question 17" and turn == 1:
            process.kill()
            process.wait(20)
        return 200, completion("ok")

    server.answer = answer
    command = [sys.executable, "-m", "seekforge", "evaluate", str(data), *served(server)]
    command += ["--at-once", "1", "--metric", "exact_match", "--out", str(work / "kept"), "--json"]
    process = subprocess.Popen(command, cwd=work, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    assert "question 18" not in server.tries
    process = subprocess.Popen(command, cwd=work, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, _ = process.communicate(timeout=60)
    found = json.loads(out)
    assert (found["records"], found["metrics"]["exact_match"]["value"]) == (30, 1.0)
    again = {text for text, times in server.tries.items() if times > 1}
    assert again == {"question 17", "Hi"}, "what was answered was asked once"


BAD = [
    ((), "no test file. Name the model and then the file"),
    (("test.jsonl", "--metric", "macro_f1"), "the metric macro_f1 needs labels. Set data.labels, give --label"),
    (("test.jsonl", "--metric", "chrf2"), "unknown metric 'chrf2'. did you mean 'chrf'?"),
    (("test.jsonl", "--slice", "lenght"), "--slice: unknown slice 'lenght'. did you mean 'length'?"),
    (("test.jsonl", "--slice", "length:a"), "--slice: 'length:a' has no lengths. Write --slice length:50,200"),
    (("test.jsonl", "--slice", "language:5"), "--slice: 'language:5' has no lengths"),
    (("test.jsonl", "--slice", "label"), "--slice: label needs labels"),
    (("test.jsonl",), "answers.jsonl: 2 answers for 3 references. Give one answer a record"),
    (
        ("test.jsonl", "--metric", "perplexity"),
        "--metric: perplexity needs the model's logits, which a file of answers",
    ),
    (("test.jsonl", "--endpoint", "http://127.0.0.1:9"), "there is nothing to do for 'answers.jsonl'"),
    (("--endpoint", "http://127.0.0.1:9"), "--endpoint: the model's name there is missing. Give --model-name"),
    (("--endpoint", "127.0.0.1:9", "--model-name", "m"), "--endpoint: url: '127.0.0.1:9' is no http:// or"),
    (("--endpoint", "http://127.0.0.1:9", "--model-name", "m", "--key-file", "no"), "no: the key cannot be read"),
    (("--endpoint", "http://127.0.0.1:9", "--model-name", "m", "--metric", "perplexity"), "which an endpoint does not"),
]


@pytest.mark.parametrize(("options", "words"), BAD, ids=[words for _, words in BAD])
def test_what_cannot_be_scored_is_one_line(
    seekforge: Seekforge, work: Path, data: Path, options: tuple[str, ...], words: str
) -> None:
    (work / "answers.jsonl").write_text(lines([{"text": "a"}, {"text": "b"}]))
    first = "test.jsonl" if "--model-name" in options or options[:1] == ("--endpoint",) else "answers.jsonl"
    result = seekforge("evaluate", first, *options)
    assert (result.code, words in result.error) == (2, True), result.err
    assert {path.name for path in work.iterdir()} == {"test.jsonl", "answers.jsonl"}


def test_answers_that_are_none_are_one_line(seekforge: Seekforge, work: Path, data: Path) -> None:
    for text, words in (
        (lines([{"text": "a"}]) + "prose\n", "answers.jsonl:2: no answer. Write {"),
        (lines([{"said": "a"}]), "answers.jsonl:1: no answer"),
        (lines([{"id": n, "text": "a"} for n in "abd"]), "answers.jsonl: no answer to 'c'"),
        (lines([{"text": "a"}, {"id": "b", "text": "b"}, {"text": "c"}]), "2 of 3 answers have no id, and the others"),
        (lines([{"text": "ä"}, {"text": "b"}, {"text": "c"}]), "answers.jsonl: not UTF-8 text"),
    ):
        (work / "answers.jsonl").write_text(text, "latin-1")
        result = seekforge("evaluate", "answers.jsonl", data)
        assert (result.code, words in result.error) == (2, True), result.err


def test_empty_answers_and_those_cut_off_are_counted(seekforge: Seekforge, data: Path, server: Server) -> None:
    server.answer = lambda text, turn: (200, completion("", "stop") if "解锁" in text else completion("Rule", "length"))
    options = (*served(server), "--metric", "f1")
    found = json.loads(seekforge("evaluate", data, *options, "--json").out)
    assert (found["records"], found["empty"], found["cut_off"]) == (3, 1, 2)
    shown = seekforge("evaluate", data, *options).out
    assert shown.startswith(f"m at {server.url} on 3 records\n"), "a title is not folded to the table's width"
    assert "1 of 3 answers are empty, and are scored as such\n2 of 3 answers were cut off at --max-new-tokens" in shown


def test_macro_f1_is_not_cut_by_label(seekforge: Seekforge, work: Path, data: Path) -> None:
    (work / "answers.jsonl").write_text(lines([{"text": "HOLD"}] * 3))
    options = ("--metric", "macro_f1", "--metric", "accuracy", *LABELS, "--slice", "label", "--slice", "language")
    found = json.loads(seekforge("evaluate", "answers.jsonl", data, *options, "--json").out)
    cut = {(row["metric"], row["by"]) for row in found["slices"]}
    assert cut == {("accuracy", "label"), ("accuracy", "language"), ("macro_f1", "language")}


def test_blank_lines_and_a_byte_order_mark_are_no_answers(seekforge: Seekforge, work: Path, data: Path) -> None:
    (work / "answers.jsonl").write_text("\n" + lines([{"answer": row["output"]} for row in ROWS]) + "\n", "utf-8-sig")
    result = seekforge("evaluate", "answers.jsonl", data, "--metric", "exact_match", "--json")
    assert json.loads(result.out)["metrics"]["exact_match"]["value"] == 1.0


def test_what_is_read_is_not_written_over(seekforge: Seekforge, work: Path, data: Path) -> None:
    (work / "kept").mkdir()
    text = lines([{"id": row["id"], "text": "HOLD", "mine": 1} for row in ROWS])
    (work / "kept" / "predictions.jsonl").write_text(text)
    result = seekforge("evaluate", "kept/predictions.jsonl", data, "--out", "kept")
    assert result.code == 2
    assert "kept/predictions.jsonl: is read and would be written over" in result.error
    assert (work / "kept" / "predictions.jsonl").read_text() == text


def test_a_damaged_file_of_kept_answers_is_one_line(
    seekforge: Seekforge, work: Path, data: Path, server: Server
) -> None:
    (work / "kept").mkdir()
    (work / "kept" / "answers.sqlite").write_text("not SQLite's" * 99)
    result = seekforge("evaluate", data, *served(server), "--out", "kept")
    assert result.code == 2
    assert "answers.sqlite: the answers that were kept cannot be used: file is not a database" in result.error


def test_an_endpoint_that_is_not_there_is_one_line(
    seekforge: Seekforge, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seekforge.engines.chat.client._LONGEST_WAIT", 0.0)
    options = ("--endpoint", "http://127.0.0.1:9/v1", "--model-name", "m")
    result = seekforge("evaluate", data, *options)
    assert (result.code, "the endpoint does not answer for model 'm'" in result.error) == (2, True), result.err


def test_the_demo_model_gives_logits_and_its_file_does_not(
    seekforge: Seekforge, work: Path, data: Path, demo_gguf_q8: Path
) -> None:
    options = ("--metric", "perplexity", "--metric", "distinct1", "--max-new-tokens", "4", "--out", "kept", "--json")
    result = seekforge("evaluate", "demo", data, *options)
    found = json.loads(result.out)["metrics"]
    assert 2 < found["perplexity"]["value"] < 1000
    assert 0 < found["distinct1"]["value"] <= 1
    again = seekforge("evaluate", "demo", data, *options)
    assert json.loads(again.out)["metrics"] == found
    result = seekforge("evaluate", demo_gguf_q8, data, *options)
    assert result.code == 2
    assert (
        "perplexity needs the model's logits, which OpenVINO GenAI does not give. Score the model's f" in result.error
    )
