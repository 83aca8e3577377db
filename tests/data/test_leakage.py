"""Leakage against test files outside of the dataset: exact, near and quoted, with the pair shown."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.data.conftest import MakeRecord, Write

from seekforge.core.config import LeakageConfig, load_recipe
from seekforge.core.errors import DataError
from seekforge.data.ops import build
from seekforge.data.ops.memory import apply

ENGLISH = (
    "Which of the three rivers that meet below the old mill carries the most water in a dry summer, and why is it so?"
)
CHINESE = "老磨坊下面汇合的三条河里，哪一条在干旱的夏天水量最大？请说明原因，并举一个历史上的例子。"


@pytest.fixture(params=["jsonl", "csv", "parquet"])
def tests(request: pytest.FixtureRequest, write: Write) -> Path:
    rows = [
        {"id": f"t{n}", "instruction": text, "output": "x"} for n, text in enumerate((ENGLISH, CHINESE, "几点了？"))
    ]
    return write(f"exam.{request.param}", rows)


def test_exact_near_and_quoted_are_told_apart(tests: Path, record: MakeRecord) -> None:
    quoted = (
        "A friend asked me this. " + ENGLISH.removesuffix(", and why is it so?") + " I said the eastern one, of course."
    )
    records = [
        record("same", ENGLISH.upper()),
        record("near", CHINESE.replace("夏天", "冬天")),
        record("quoted", quoted),
        record("answer", "出一道题", f"好的：{CHINESE}这道题不难。"),
        record("short", "现在几点了？你知道吗？"),
        record("other", "Which of the two lakes is deeper?"),
        record("held", ENGLISH, split="test"),
    ]
    result = apply(build(LeakageConfig(against=(tests,))), records)
    assert [r.id for r in result.kept] == ["short", "other", "held"]
    kinds = {d.record.id: (d.kind, d.evidence["test"], d.evidence["file"]) for d in result.drops}
    assert kinds == {
        "same": ("in a test set", "t0", tests.name),
        "near": ("like a test question", "t1", tests.name),
        "quoted": ("holds a test question", "t0", tests.name),
        "answer": ("holds a test question", "t1", tests.name),
    }
    drops = {d.record.id: d for d in result.drops}
    assert drops["same"].reason == f"the same question as t0 of {tests.name}"
    assert drops["quoted"].reason.endswith(f"of the 13-word runs of t0 of {tests.name} (limit 0.5)")
    assert drops["near"].evidence["text"] == CHINESE
    told = apply(build(LeakageConfig(against=(tests,), action="report")), records)
    assert [n.before.id for n in told.noted] == ["same", "near", "quoted", "answer"]
    assert len(told.kept) == len(records)


def test_the_form_of_the_questions_is_no_leak(write: Write, record: MakeRecord) -> None:
    form = "Read the following customer message with care and answer with one of the five decisions of a desk: "
    cases = ["my card is gone", "a firm wants a loan", "please close it", "the limit is too low", "I moved house"]
    path = write(
        "exam.jsonl", [{"instruction": f"{form}{case} {n}", "output": "x"} for n in range(4) for case in cases]
    )
    op = build(LeakageConfig(against=(path,), threshold=1.0))
    assert not apply(op, [record("a", form + "there is a stranger in my account since noon, help")]).drops


def test_paths_are_those_of_the_recipe_and_errors_name_the_file(write: Write, tmp_path: Path) -> None:
    write("sets/exam.jsonl", [{"instruction": "a", "output": "b"}])
    recipe = tmp_path / "recipe.yaml"
    data = "{sources: [{path: a.jsonl}], ops: [{op: leakage, against: [sets/exam.jsonl]}]}"
    recipe.write_text(f"name: x\nmodel: demo\ndata: {data}\n")
    (op,) = load_recipe(recipe).data.ops
    assert isinstance(op, LeakageConfig)
    assert op.against == (tmp_path / "sets" / "exam.jsonl",)
    with pytest.raises(DataError, match=r"none\.jsonl"):
        build(LeakageConfig(against=(tmp_path / "none.jsonl",))).open()
