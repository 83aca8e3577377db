"""Samples as lm-evaluation-harness 0.4.13 wrote them: five questions in Chinese, asked of an endpoint of a test.

`recorded/` has its samples as they were, and of its results what we read.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from seekforge.core.errors import EngineError
from seekforge.evaluate.decisions import decide
from seekforge.evaluate.harness.samples import read

RECORDED = Path(__file__).parent / "recorded"
LABELS = ("正面", "负面", "HOLD")


def test_a_real_run() -> None:
    found = read(RECORDED, "questions")
    assert [s.id for s in found.samples] == [f"q{n}" for n in range(5)]
    assert [s.decision for s in found.samples] == ["负面", "HOLD", "正面", "", "HOLD"]
    assert [s.label for s in found.samples] == ["负面", "HOLD", "负面", "HOLD", "HOLD"]
    assert [s.score for s in found.samples] == [1, 1, 0, 0, 1]
    assert (found.score, found.version) == (0.6, "0.4.13")
    assert found.seconds > 0
    assert [decide(s.text, LABELS) for s in found.samples] == [s.decision for s in found.samples]
    assert found.samples[4].text.endswith("\u2028")  # no end of a line
    assert json.loads(found.samples[0].prompt) == [
        {"role": "system", "content": "判断。"},
        {"role": "user", "content": "这条评论如何？ Say {{ it }} 0"},
    ]


def test_the_task_s_order_and_not_the_file_s(tmp_path: Path) -> None:
    for path in RECORDED.iterdir():
        shutil.copy(path, tmp_path)
    samples = next(tmp_path.glob("samples*"))
    lines = samples.read_text(encoding="utf-8").rstrip("\n").split("\n")
    samples.write_text("\n".join(reversed(lines)) + "\n", encoding="utf-8")
    assert read(tmp_path, "questions") == read(RECORDED, "questions")


@pytest.mark.parametrize("broken", ["{}\n", "not JSON\n", '{"doc_id": 0, "doc": {}}\n'])
def test_what_another_version_may_write_is_one_line(tmp_path: Path, broken: str) -> None:
    for path in RECORDED.iterdir():
        shutil.copy(path, tmp_path)
    next(tmp_path.glob("samples*")).write_text(broken, encoding="utf-8")
    with pytest.raises(EngineError, match="seekforge engine install lm-eval"):
        read(tmp_path, "questions")


def test_no_run_at_all(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"left no samples_questions_\*\.jsonl"):
        read(tmp_path, "questions")
