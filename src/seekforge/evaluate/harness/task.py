"""A task of lm-evaluation-harness, written from records: same questions, same labels, decisions read the same way.

It is declared in full (YAML and JSON lines, no code of ours), so it also runs without seekforge:
`lm-eval run --include_path FOLDER --tasks NAME --apply_chat_template ...`.

Source: https://github.com/EleutherAI/lm-evaluation-harness/blob/main/docs/task_guide.md
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seekforge.core.errors import ConfigError, DataError
from seekforge.core.files import disk_errors, write_text
from seekforge.core.records import Record
from seekforge.evaluate.decisions import expression, wide

METRIC = "exact_match"  # of the decision with the label: what we call accuracy
# `engines/reasoning.apart` in one expression: what follows the thoughts, and nothing where they never end.
_ANSWER = r"(?s)\A(?:.*?</think>|\s*<think>.*)?(.*)"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_ROLES = (("user",), ("system", "user"))


@dataclass(frozen=True, slots=True)
class Task:
    """Questions whose answers are decided and compared with their labels.

    Attributes:
        name: The task's name for the harness.
        records: The questions, in order; each is one user turn, with or without a system line.
        labels: The permitted decisions.
        max_new_tokens: Longest answer.

    Raises:
        ConfigError: The name is none that the harness can take, or there are no labels.
        DataError: There is no record, or one that the harness cannot ask.
    """

    name: str
    records: Sequence[Record]
    labels: Sequence[str]
    max_new_tokens: int

    def __post_init__(self) -> None:
        if _NAME.fullmatch(self.name) is None:
            mend = "Letters, digits, - and _, as in risk_desk"
            raise ConfigError(f"'{self.name}' cannot name a task", where="--task", mend=mend)
        if not self.labels:
            what = "the task scores decisions, and there are no labels"
            raise ConfigError(what, mend="Give --label once for each, or set data.labels in the run's recipe")
        if not self.records:
            raise DataError("no record to ask", mend="Give a file with records, or raise data.split.test")
        for record in self.records:
            _check(record, self.labels)


def write(task: Task, folder: Path) -> Path:
    """Writes `NAME.yaml` and `NAME.jsonl`; returns the YAML file.

    Raises:
        ResourceError: The folder cannot be written.
    """
    import yaml

    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    data = folder / f"{task.name}.jsonl"
    write_text(data, "".join(json.dumps(document(r), ensure_ascii=False) + "\n" for r in task.records))
    path = folder / f"{task.name}.yaml"
    # The default width would fold a long pattern, which is right and hard to read.
    write_text(path, yaml.safe_dump(config(task, data), allow_unicode=True, sort_keys=False, width=1000))
    return path


def document(record: Record) -> dict[str, str]:
    """A record as the harness reads it; `system` is empty where there is none."""
    turns = {turn["role"]: turn["content"] for turn in record.prompt}
    return {"id": record.id, "system": turns.get("system", ""), "user": turns["user"], "target": record.label or ""}


def config(task: Task, data: Path) -> dict[str, Any]:
    """The task's YAML as a tree."""
    return {
        "task": task.name,
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"test": str(data.absolute())}},
        "test_split": "test",
        "output_type": "generate_until",
        "num_fewshot": 0,
        "description": "system",  # the name of a field stands for its content; the harness makes it the system line
        "doc_to_text": "user",
        "doc_to_target": "target",
        "generation_kwargs": {
            "until": [],  # by default a blank line would end an answer
            "max_gen_toks": task.max_new_tokens,
            "do_sample": False,
            "temperature": 0.0,
        },
        "filter_list": [{"name": "decision", "filter": _filters(task.labels)}],
        "metric_list": [{"metric": METRIC, "aggregation": "mean", "higher_is_better": True}],
        "metadata": {"version": 1.0},
    }


def _filters(labels: Sequence[str]) -> list[dict[str, Any]]:
    """`decisions.decide` in the harness's own parts: the first label found, and `""` where there is none."""
    return [
        {"function": "regex", "regex_pattern": _ANSWER, "group_select": 0, "fallback": ""},
        {"function": "regex", "regex_pattern": expression(labels), "group_select": 0, "fallback": ""},
        {"function": "lowercase"},
        {"function": "map", "mapping_dict": _lowered(labels), "default_value": ""},
        {"function": "take_first"},
    ]


def _lowered(labels: Sequence[str]) -> dict[str, str]:
    """Each label by what `str.lower` makes of the forms that the expression finds: of HAYIR too, where it is Hayır."""
    forms = {
        form: label
        for label in labels
        for form in (label.upper().lower(), label.lower().replace("\u0307", ""), wide(label).lower())
    }
    return {**forms, **{label.lower(): label for label in labels}}


def _check(record: Record, labels: Sequence[str]) -> None:
    roles = tuple(turn["role"] for turn in record.prompt)
    if roles not in _ROLES:
        raise DataError(
            f"the record {record.id!r} has the turns {', '.join(roles)}",
            mend="The harness asks one user turn, with a system line or without: leave such records out",
        )
    if record.label not in labels:
        what = f"the record {record.id!r} has " + (f"the label {record.label!r}" if record.label else "no label")
        raise DataError(what, mend=f"Permitted: {', '.join(labels)}")
