"""The harness as a program, a script in its place: what it is told, counted, read, and what a failure says."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from seekforge.core.config import RemoteConfig
from seekforge.core.errors import EngineError
from seekforge.core.progress import Silent, Task
from seekforge.engines.install import Installed
from seekforge.evaluate.harness.run import LocalModel, run, settings

RECORDED = Path(__file__).parent / "recorded"
ENDPOINT = RemoteConfig(url="http://127.0.0.1:9/v1", model="m", concurrency=7)


class Counting(Silent):
    """Keeps the steps of its task."""

    def __init__(self) -> None:
        super().__init__()
        self.steps: list[int] = []

    @contextmanager
    def task(self, title: str, total: int, done: int = 0) -> Iterator[Task]:
        """A task that keeps its steps."""
        yield self

    def advance(self, steps: int = 1, note: str = "") -> None:
        self.steps.append(steps)


@pytest.fixture
def task(tmp_path: Path) -> Path:
    path = tmp_path / "questions.yaml"
    path.write_text("task: questions\n", encoding="utf-8")
    return path


def program(tmp_path: Path, *lines: str) -> Installed:
    """An environment whose Python is a script of these lines."""
    python = tmp_path / "venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text("\n".join(["#!/bin/sh", *lines]) + "\n", encoding="utf-8")
    python.chmod(0o755)
    return Installed("lm-eval", "cpu", "0.4.13", {}, tmp_path / "venv", whole=True)


def bar(what: str, done: int, of: int) -> str:
    return rf"printf '{what}:  {100 * done // of}%%|██▌     | {done}/{of} [00:01<00:02,  3.5it/s]\r'"


def test_it_counts_by_the_bar_reads_the_samples_and_leaves_no_cache(
    tmp_path: Path, task: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "the user's own")
    monkeypatch.setenv("TQDM_DISABLE", "1")
    folder = tmp_path / "out"
    lines = [bar("Checking cached requests", 5, 5), bar("Requesting API", 0, 3), bar("Requesting API", 3, 3)]
    leave = [
        f"mkdir -p {folder}/output/m {folder}/cache",
        f"cp {RECORDED}/* {folder}/output/m",
        f"env > {tmp_path}/env",
    ]
    counting = Counting()
    (folder / "output").mkdir(parents=True)
    shutil.copy(next(RECORDED.glob("samples*")), folder / "output" / "samples_questions_9.jsonl")  # of an older run
    outcome = run(task, ENDPOINT, program(tmp_path, *lines, *leave), folder, counting, 5)
    assert counting.steps == [2, 3]  # two of the five were answered before
    assert len(outcome.samples) == 5
    assert not (folder / "cache").exists()
    assert not (folder / "output" / "samples_questions_9.jsonl").exists()
    variables = dict(line.split("=", 1) for line in (tmp_path / "env").read_text().splitlines() if "=" in line)
    assert (variables["OPENAI_API_KEY"], variables["HF_HUB_OFFLINE"]) == ("none", "1")
    assert "TQDM_DISABLE" not in variables and "PYTHONPATH" not in variables


def test_the_key_file_is_what_it_is_given(tmp_path: Path, task: Path) -> None:
    key = tmp_path / "key"
    key.write_text("sk-1\n", encoding="utf-8")
    made = program(tmp_path, f'echo "$OPENAI_API_KEY" > {tmp_path}/seen', "exit 1")
    with pytest.raises(EngineError):
        run(task, ENDPOINT.model_copy(update={"api_key_file": key}), made, tmp_path / "out", Silent(), 5)
    assert (tmp_path / "seen").read_text() == "sk-1\n"
    assert "sk-1" not in (tmp_path / "out" / "lm_eval.yaml").read_text()


def test_a_failure_names_its_error_and_not_the_end_of_its_tracebacks(tmp_path: Path, task: Path) -> None:
    lines = [
        "echo 'Traceback (most recent call last):'",
        "echo 'aiohttp.client_exceptions.ClientConnectorError: Cannot connect to host'",
        "echo 'Task exception was never retrieved'",
        "echo '    return i, await f'",
        "echo '              ^^^^^^^'",
        "exit 1",
    ]
    named = r"failed: aiohttp\..*ClientConnectorError: Cannot connect to host\. Run"
    with pytest.raises(EngineError, match=named) as caught:
        run(task, ENDPOINT, program(tmp_path, *lines), tmp_path / "out", Silent(), 5)
    assert caught.value.where.endswith("harness.log")
    assert "await f" in (tmp_path / "out" / "harness.log").read_text()


def test_one_that_leaves_nothing_is_told(tmp_path: Path, task: Path) -> None:
    with pytest.raises(EngineError, match="left no samples_questions"):
        run(task, ENDPOINT, program(tmp_path, "exit 0"), tmp_path / "out", Silent(), 5)


def test_what_it_is_told(tmp_path: Path, task: Path) -> None:
    told = settings(task, ENDPOINT, tmp_path, resume=True)
    assert told["model"] == "local-chat-completions"
    assert told["model_args"]["base_url"] == "http://127.0.0.1:9/v1/chat/completions"
    assert told["model_args"]["num_concurrent"] == 7
    assert told["apply_chat_template"] and told["log_samples"]
    other = settings(task, ENDPOINT.model_copy(update={"model": "n"}), tmp_path, resume=True)
    assert other["use_cache"] != told["use_cache"]  # an answer of another model is none
    local = settings(task, LocalModel(tmp_path, "float32", 4), tmp_path, resume=False)
    assert (local["model"], local["batch_size"], local["use_cache"]) == ("hf", 4, None)
    assert local["model_args"] == {"pretrained": str(tmp_path), "dtype": "float32", "add_bos_token": False}
    assert yaml.safe_load(yaml.safe_dump(told)) == told
