"""A real judge: the demo model behind our own endpoint, too small for the task, so that failures are what it shows."""

import json
from pathlib import Path

import pytest
from tests.evaluate.human.studies import predictions
from tests.serve.endpoint.harness import serving

from seekforge.core.config import RemoteConfig
from seekforge.core.progress import Silent
from seekforge.engines.chat.remote import RemoteChat
from seekforge.evaluate.human.answers import read_questions
from seekforge.evaluate.judge import judge, make_tasks
from seekforge.evaluate.judge_journal import Journal
from seekforge.evaluate.judge_results import judged
from seekforge.evaluate.rubric import load_rubric


@pytest.mark.slow
def test_a_model_too_small_to_judge_is_counted_not_believed(tmp_path: Path) -> None:
    files = predictions(tmp_path, {"base": "Perhaps", "tuned": "Hold"}, 4)
    questions, rubric = read_questions(list(map(str, files))), load_rubric()
    with serving(tmp_path, "demo") as served, Journal(tmp_path / "judged.jsonl") as journal:
        url = f"http://127.0.0.1:{served.client.port}"
        chat = RemoteChat(RemoteConfig(url=url, model="demo", max_tokens=96, concurrency=4, seconds=600))
        chat.check()
        tasks = make_tasks(chat, rubric, questions, ("single", "pair"))
        judge(chat, rubric, tasks, journal, Silent())
        found, verdicts = judged(chat.name, rubric, tasks, journal.known)
    rows = [json.loads(line) for line in (tmp_path / "judged.jsonl").read_text().splitlines()]
    assert len(rows) == found.asked == 16
    assert sum(found.failures.values()) == found.asked - found.usable > 0
    for row in rows:
        assert (row["verdict"] is None) == bool(row["failure"])
        if row["failure"]:
            assert row["said"] and all(row["said"]), "what it said is kept"
    singles = [verdict for verdict in verdicts if verdict.choice is None]
    assert sum(model.answers for model in found.results.models) == len(singles)
    assert found.swaps.pairs + found.swaps.failed == 4
