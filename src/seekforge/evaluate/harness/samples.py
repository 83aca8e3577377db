"""What lm-evaluation-harness wrote of its run: every question as it was asked, the answer, the decision, the score.

Source: `EvaluationTracker` in https://github.com/EleutherAI/lm-evaluation-harness/blob/main/lm_eval/loggers/
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seekforge.core.errors import EngineError
from seekforge.core.files import read_json
from seekforge.evaluate.harness.task import METRIC


@dataclass(frozen=True, slots=True)
class Sample:
    """One question and what the harness made of it.

    Attributes:
        id: The record's.
        prompt: What was sent: a rendered text, or for a chat the JSON of its messages.
        label: What it compared the decision with.
        text: The answer.
        decision: What its filters found in the answer; `""` for none.
        score: 1 where it counts as right, else 0.
    """

    id: str
    prompt: str
    label: str
    text: str
    decision: str
    score: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """One run of the harness.

    Attributes:
        samples: In the task's order.
        score: The figure that it printed, 0 to 1.
        seconds: What it took by its own clock, loading included.
        version: Of the harness.
    """

    samples: list[Sample]
    score: float
    seconds: float
    version: str


def read(folder: Path, task: str) -> Outcome:
    """Reads the newest run of a task below the folder that was `--output_path`.

    Raises:
        EngineError: There is none, or it is not what this reader knows.
    """
    samples, results = _newest(folder, f"samples_{task}_*.jsonl"), _newest(folder, "results_*.json")
    try:
        with samples.open(encoding="utf-8") as file:  # lines end at \n only; `splitlines` would cut at U+2028 too
            found = [(row["doc_id"], _sample(row)) for row in map(json.loads, file)]
        facts = read_json(results)
        score, seconds = facts["results"][task][f"{METRIC},decision"], facts["total_evaluation_time_seconds"]
        version = str(facts["lm_eval_version"])
        ordered = [sample for _, sample in sorted(found, key=lambda pair: int(pair[0]))]
        return Outcome(ordered, float(score), float(seconds), version)
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise EngineError(
            f"the harness wrote what cannot be read here ({type(error).__name__}: {error})",
            where=str(samples.parent),
            mend="Install the pinned version: seekforge engine install lm-eval",
        ) from error


def _newest(folder: Path, pattern: str) -> Path:
    found = sorted(folder.rglob(pattern), key=lambda path: path.stat().st_mtime)
    if not found:
        raise EngineError(f"the harness left no {pattern}", where=str(folder), mend="Look at harness.log there")
    return found[-1]


def _sample(row: Mapping[str, Any]) -> Sample:
    prompt = row["arguments"]["gen_args_0"]["arg_0"]
    text = prompt[0] if isinstance(prompt, list) else prompt  # messages come as a tuple of one
    decision = row["filtered_resps"][0]
    return Sample(
        str(row["doc"]["id"]), str(text), str(row["target"]), str(row["resps"][0][0]), str(decision), float(row[METRIC])
    )
