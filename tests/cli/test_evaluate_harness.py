"""`seekforge evaluate harness`: what is wrong is said in one line, before anything is loaded or asked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.cli.conftest import Seekforge, write

from seekforge.engines import install
from seekforge.engines.install import Installed

LABELLED: list[object] = [
    {"id": f"q{n}", "instruction": f"Case {n}?", "output": "x", "label": "HOLD"} for n in range(3)
]


@pytest.fixture
def there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As if the harness were installed; nothing here comes as far as to run it."""
    made = Installed("lm-eval", "cpu", "0", {}, tmp_path / "none", whole=True)
    monkeypatch.setattr(install, "find", lambda *_: made)


def test_without_the_harness_the_command_that_installs_it(
    seekforge: Seekforge, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEEKFORGE_CACHE", str(work / "cache"))
    done = seekforge("evaluate", "harness", "demo", write(work / "a.jsonl", LABELLED), "--label", "HOLD")
    assert done.code == 2
    assert done.error.endswith("Run `seekforge engine install lm-eval`")


@pytest.mark.usefixtures("there")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["demo"], "demo: no run, and no file to ask"),
        (["demo", "a.jsonl"], "there are no labels. Give --label"),
        (["demo", "a.jsonl", "--label", "APPROVE"], "HOLD"),
        (["demo", "a.jsonl", "--label", "HOLD", "--task", "a b"], "--task: 'a b' cannot name a task"),
        (["demo", "missing.jsonl", "--label", "HOLD"], "no such data file"),
        (["demo", "a.jsonl", "--label", "HOLD", "--endpoint", "http://127.0.0.1:9/v1"], "--model-name"),
        (["nowhere", "a.jsonl", "--label", "HOLD"], "nowhere"),
    ],
)
def test_bad_input_is_one_line(seekforge: Seekforge, work: Path, arguments: list[str], said: str) -> None:
    write(work / "a.jsonl", LABELLED)
    done = seekforge("evaluate", "harness", *arguments)
    assert done.code == 2
    assert said in done.error


@pytest.mark.usefixtures("there")
def test_a_run_has_its_own_labels_and_no_model_before_compress(seekforge: Seekforge, work: Path, runs: Path) -> None:
    run = runs / "desk-20260101-000000"
    data = run / "data"
    data.mkdir(parents=True)
    (run / "run.json").write_text("{}", encoding="utf-8")
    manifest = {"kind": "dataset", "key": "k", "content_hash": "h", "parents": [], "measurements": [], "summary": ""}
    config = {"labels": ["HOLD"], "system": None}
    (data / "manifest.json").write_text(json.dumps({**manifest, "config": config, "seconds": 1}), encoding="utf-8")
    turns = [{"role": "user", "content": "Case?"}, {"role": "assistant", "content": "HOLD"}]
    write(data / "test.jsonl", [{"id": "q1", "messages": turns, "label": "HOLD"}])
    done = seekforge("evaluate", "harness", run.name, "--label", "HOLD")
    assert (done.code, "its own test split" in done.error) == (2, True)
    done = seekforge("evaluate", "harness", run.name)
    assert (done.code, "not an artifact" in done.error) == (2, True)
    assert "compress" in done.error
