"""The installed lm-evaluation-harness: against an endpoint, on a real model, where the two differ, after a kill."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.engines.chat_server import Server, completion, serving
from tests.patience import LONG, wait_for

from seekforge.core.config import environment
from seekforge.core.errors import ResourceError
from seekforge.engines.install import find
from seekforge.evaluate.harness.run import ENGINE

pytestmark = pytest.mark.slow
LABELS = ("正面", "负面", "HOLD")
ANSWERS = ("负面，不是正面", "I would hold this.", "正面", "DECLıNE, 不知道", "  withhold\n\nhold")


@pytest.fixture(autouse=True)
def installed() -> None:
    try:
        find(ENGINE, environment(), "cpu")
    except ResourceError as error:
        pytest.skip(str(error))


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as state:
        state.answer = lambda text, turn: (200, completion(ANSWERS[number(text) % 5]))
        yield state


def number(text: str) -> int:
    """Of a question; our runner also says hello."""
    last = text.split()[-1]
    return int(last) if last.isdigit() else 0


def questions(folder: Path, count: int) -> Path:
    rows = [
        {"id": f"q{n}", "instruction": f"这条评论如何？ Say {{{{ it }}}} {n}", "output": "x", "label": LABELS[n % 3]}
        for n in range(count)
    ]
    path = folder / "questions.jsonl"
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def command(*arguments: object) -> list[str]:
    labels = [part for label in LABELS for part in ("--label", label)]
    return [sys.executable, "-m", "seekforge", "evaluate", "harness", *map(str, arguments), *labels, "--json"]


def done(*arguments: object) -> tuple[int, dict[str, Any]]:
    ended = subprocess.run(command(*arguments), capture_output=True, text=True, check=False, timeout=600)
    assert ended.returncode in (0, 3), ended.stderr
    return ended.returncode, json.loads(ended.stdout)


def test_both_score_the_same_and_ask_the_same(tmp_path: Path, server: Server) -> None:
    out = tmp_path / "out"
    asked = (questions(tmp_path, 30), "--endpoint", server.url, "--model-name", "m", "--out", out, "--system", "判断。")
    code, found = done("m", *asked)
    assert (code, found["agree"], found["differences"]) == (0, True, [])
    assert found["items"] == found["equal_prompts"] == found["equal_answers"] == 30
    assert found["theirs"] == pytest.approx(found["ours"]) and 0 < found["ours"] < 1
    assert len(server.seen) == 61  # ours begin with a question whether anybody is there
    assert {turn["content"] for body in server.seen[1:] for turn in body["messages"] if turn["role"] == "system"} == {
        "判断。"
    }
    assert {body["max_tokens"] for body in server.seen[1:]} == {64}
    assert {body["temperature"] for body in server.seen} == {0}
    assert {path.name for path in out.iterdir()} == {
        "questions.yaml", "questions.jsonl", "lm_eval.yaml", "harness.log", "output", "comparison.json",
    }  # fmt: skip


def test_an_item_that_differs_is_named_and_the_exit_code_is_3(tmp_path: Path, server: Server) -> None:
    usual = server.answer
    server.answer = lambda text, turn: (
        (200, completion("HOLD")) if (number(text), turn) == (3, 2) else usual(text, turn)
    )
    asked = (questions(tmp_path, 12), "--endpoint", server.url, "--model-name", "m", "--out", tmp_path / "out")
    code, found = done("m", *asked)
    assert code == 3
    differing = [(d["id"], d["ours"], d["theirs"]) for d in found["differences"]]
    assert differing == [("q3", ["", ANSWERS[3]], ["HOLD", "HOLD"])]
    assert found["equal_answers"] == 11


def test_the_hf_backend_on_a_real_model(tmp_path: Path, demo_folder: Path) -> None:
    asked = (questions(tmp_path, 8), "--out", tmp_path / "out", "--max-new-tokens", 8, "--system", "判断。")
    code, found = done(demo_folder, *asked)
    assert (code, found["items"], found["equal_prompts"], found["equal_answers"]) == (0, 8, 8, 8)


def test_a_killed_run_goes_on(tmp_path: Path, server: Server) -> None:
    count, before = 40, 1 + 40 + 20
    usual = server.answer

    def stalling(text: str, turn: int) -> Any:
        if len(server.seen) > before:
            time.sleep(LONG)
        return usual(text, turn)

    server.answer = stalling
    asked = (questions(tmp_path, count), "--endpoint", server.url, "--model-name", "m", "--out", tmp_path / "out")
    running = subprocess.Popen(command("m", *asked), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for(lambda: len(server.seen) > before, 300)
    os.kill(running.pid, signal.SIGKILL)
    running.wait()
    server.answer = usual
    server.seen.clear()
    code, found = done("m", *asked)
    assert (code, found["agree"], found["items"]) == (0, True, count)
    assert len(server.seen) <= count - 10  # none of ours, and of the harness's only what had no answer
