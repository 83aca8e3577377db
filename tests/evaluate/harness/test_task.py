"""The task that is written for lm-evaluation-harness: valid, the same questions, decisions read the same way."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from seekforge.core.errors import ConfigError, DataError
from seekforge.core.records import Message, Record
from seekforge.engines.reasoning import CLOSE, OPEN, apart
from seekforge.evaluate.decisions import decide, expression
from seekforge.evaluate.harness.task import Task, config, document, write

LABELS = ("APPROVE", "HOLD", "ESCALATE", "HOLD IT")
CHINESE = ("正面", "负面")


def record(number: int, user: str, label: str | None = "HOLD", system: str = "Decide.") -> Record:
    turns = [Message("system", system)] if system else []
    return Record(f"r{number}", (*turns, Message("user", user), Message("assistant", "Rule 1: HOLD.")), label)


def written(task: Task, folder: Path) -> tuple[dict[str, Any], list[dict[str, str]]]:
    path = write(task, folder)
    tree = yaml.safe_load(path.read_text(encoding="utf-8"))
    data = Path(tree["dataset_kwargs"]["data_files"]["test"])
    assert data.is_absolute()
    return tree, [json.loads(line) for line in data.read_text(encoding="utf-8").split("\n") if line]


def test_questions_labels_and_bounds_are_the_records_own(tmp_path: Path) -> None:
    texts = ["Hold the card?", "卡被偷了，怎么办？", "{{ user }} {% raw %}", "a\u2028b\nc\r\n\td  ", '"quoted" \\n 😀']
    records = [record(n, text, system="" if n == 1 else "判断 {{ x }}") for n, text in enumerate(texts)]
    tree, rows = written(Task("desk", records, LABELS, 24), tmp_path / "new")
    # The harness takes a field whose name stands there, as it is; only other texts would be read as templates.
    assert [row[tree["doc_to_text"]] for row in rows] == texts
    assert [row[tree["description"]] for row in rows] == ["判断 {{ x }}", "", *["判断 {{ x }}"] * 3]
    assert [row[tree["doc_to_target"]] for row in rows] == ["HOLD"] * 5
    assert [row["id"] for row in rows] == [r.id for r in records]
    assert tree["generation_kwargs"] == {"until": [], "max_gen_toks": 24, "do_sample": False, "temperature": 0.0}
    assert (tree["task"], tree["num_fewshot"], tree["test_split"]) == ("desk", 0, "test")


def test_the_messages_that_the_harness_makes_are_the_prompt() -> None:
    """It puts `description` into a system line, unless it is empty, and `doc_to_text` into the user's turn."""
    for asked in (record(1, "a"), record(2, "b", system="")):
        row = document(asked)
        turns = [{"role": "system", "content": row["system"]}] if row["system"] else []
        assert [*turns, {"role": "user", "content": row["user"]}] == asked.prompt


def filtered(answer: str, labels: tuple[str, ...]) -> str:
    """What the written filters find, as `lm_eval.filters` runs them."""
    tree = config(Task("desk", [record(1, "a", labels[0])], labels, 8), Path("desk.jsonl"))
    *regexes, lowercase, mapping, first = yaml.safe_load(yaml.safe_dump(tree))["filter_list"][0]["filter"]
    assert [f["function"] for f in (lowercase, mapping, first)] == ["lowercase", "map", "take_first"]
    text = answer
    for regex in regexes:
        assert regex["function"] == "regex"
        found = re.compile(regex["regex_pattern"]).findall(text)
        text = found[regex["group_select"]].strip() if found else regex["fallback"]
    return str(mapping["mapping_dict"].get(text.lower(), mapping["default_value"]))


@given(
    st.lists(
        st.sampled_from(["hold", "HOLD IT", "approve", "Escalate", "eſcalate", "HOLDıNG", "X", " ", "。", "ı", "K"])
        | st.sampled_from([OPEN, CLOSE, "\n", "ｈＯＬＤ", "Ｘ"])
    ).map("".join)
)
@example("DECLıNE")
def test_decisions_are_read_as_ours(answer: str) -> None:
    assert filtered(answer, LABELS) == decide(apart(answer).content, LABELS)


@pytest.mark.parametrize(
    ("answer", "decision"),
    [("是负面，不是正面", "负面"), ("正面。", "正面"), ("不知道", ""), ("", ""), ("这是正 面", "")],
)
def test_chinese_decisions_are_read_as_ours(answer: str, decision: str) -> None:
    assert filtered(answer, CHINESE) == decide(answer, CHINESE) == decision


def test_a_dotless_i_is_no_i_of_a_label() -> None:
    """Unicode's case rule takes the one for the other, and then knows no label of that name."""
    assert decide("DECLıNE", ["DECLINE"]) == ""
    assert decide("eſcalate, hold", ["ESCALATE", "HOLD"]) == "HOLD"
    assert re.fullmatch(expression(["Prüfen"]), "PRÜFEN")


@pytest.mark.parametrize(
    ("answer", "labels", "decision"),
    [
        ("HAYIR", ("Evet", "Hayır"), "Hayır"),
        ("hayır", ("Evet", "Hayır"), "Hayır"),
        ("İptal", ("İPTAL", "X"), "İPTAL"),
        ("iptal", ("İPTAL", "X"), "İPTAL"),
        ("Rule 12: 2", ("1", "2"), "2"),
    ],
)
def test_letters_of_two_cases_and_numbers_are_read_as_ours(answer: str, labels: tuple[str, ...], decision: str) -> None:
    assert filtered(answer, labels) == decide(answer, labels) == decision


@pytest.mark.parametrize("name", ["", "a b", "a/b", "../x", "任务", "-x"])
def test_a_name_that_is_none(name: str) -> None:
    with pytest.raises(ConfigError, match="--task"):
        Task(name, [record(1, "a")], LABELS, 8)


def test_what_the_harness_cannot_ask_or_score_is_said_before() -> None:
    with pytest.raises(ConfigError, match="no labels"):
        Task("desk", [record(1, "a")], (), 8)
    with pytest.raises(DataError, match="no record"):
        Task("desk", [], LABELS, 8)
    with pytest.raises(DataError, match=r"'r2' has no label\. Permitted: APPROVE, HOLD"):
        Task("desk", [record(1, "a"), record(2, "b", None)], LABELS, 8)
    turns = (Message("user", "a"), Message("assistant", "b"), Message("user", "c"), Message("assistant", "HOLD"))
    with pytest.raises(DataError, match="'long' has the turns user, assistant, user"):
        Task("desk", [Record("long", turns, "HOLD")], LABELS, 8)
