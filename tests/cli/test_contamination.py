"""`seekforge evaluate contamination`: a gate over a test and what a model was trained on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.cli.conftest import Seekforge, write


@pytest.fixture
def clean(seekforge: Seekforge, good: Path) -> Path:
    assert seekforge("data", good, "--out", "clean").code == 0
    return Path("clean")


def test_a_clean_test_passes_and_a_known_one_fails_the_gate(seekforge: Seekforge, clean: Path, work: Path) -> None:
    fresh = write(work / "fresh.jsonl", [{"id": "n", "instruction": "什么是备用信用证？", "output": "一种担保。"}])
    done = seekforge("evaluate", "contamination", clean, fresh)
    assert done.code == 0, done.err
    assert "0 of 1 records of" in done.out
    held = seekforge("evaluate", "contamination", clean, clean / "test.jsonl")
    assert (held.code, held.err) == (0, "")
    known = (clean / "train.jsonl").read_text().splitlines()[:2]
    turns = [{"role": "user", "content": "什么是备用信用证？"}, {"role": "assistant", "content": "一种担保。"}]
    mixed = write(work / "mixed.jsonl", [*known, {"id": "n", "messages": turns}])
    done = seekforge("evaluate", "contamination", clean, mixed, "--out", "found.json", "--json")
    assert done.code == 3
    assert "2 of 3 test records (66.7 %) were given away by training; allowed is ≤ 0.0 %" in done.error
    told = json.loads(done.out)
    assert (told["contaminated"], told["kinds"]["exact"]) == (2, 2)
    assert {m["name"]: m["value"] for m in told["measurements"]}["evaluate.contaminated"] == 2
    assert len(json.loads((work / "found.json").read_text())["examples"]) == 2
    assert seekforge("evaluate", "contamination", clean, mixed, "--max-share", "nan").code in {2, 3}, "no gate at all"
    allowed = seekforge("evaluate", "contamination", clean, mixed, "--max-share", "0.7")
    assert allowed.code == 0, allowed.err
    assert "the same question" in allowed.out


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("nowhere", "good.jsonl"), "nowhere: no such run or artifact. Give a folder in runs/"),
        (("clean", "none.jsonl"), "none.jsonl: no such data file."),
        (("clean", "good.jsonl", "--threshold", "2"), "seekforge evaluate contamination"),
        (("clean", "good.jsonl", "--out", "good.jsonl"), "good.jsonl: is read and would be written over."),
        (("nobody@champion", "good.jsonl"), "nobody@champion: no registered model has the alias 'champion'."),
    ],
)
def test_bad_input_is_one_line(seekforge: Seekforge, clean: Path, words: tuple[str, ...], line: str) -> None:
    done = seekforge("evaluate", "contamination", *words)
    assert done.code == 2
    assert line in done.error


def test_training_data_that_was_changed_is_refused(seekforge: Seekforge, clean: Path, good: Path) -> None:
    with (clean / "train.jsonl").open("a") as file:
        file.write("\n")
    done = seekforge("evaluate", "contamination", clean, good)
    assert done.code == 2
    assert "the training data is not what its manifest says: files were changed" in done.error
