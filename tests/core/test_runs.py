"""The run folder: its id, resume, the journal, `latest`."""

import json
import os
from pathlib import Path

import pytest

from seekforge.core.runs import events, open_run


def test_a_new_run_has_a_folder_a_state_and_latest(runs: Path) -> None:
    run = open_run(runs, "tiny", "hash")
    assert run.folder.parent == runs
    assert run.id.startswith("tiny-2")
    assert (run.finished_stages, run.resumed) == ([], False)
    assert (runs / "latest").resolve() == run.folder.resolve()
    assert not (runs / "latest").readlink().is_absolute(), "the runs folder may be moved"
    assert json.loads((run.folder / "run.json").read_text()) == {
        "recipe": "hash",
        "started": run.started,
        "finished": [],
        "done": False,
    }


def test_an_unfinished_run_of_the_same_recipe_is_taken_up(runs: Path) -> None:
    first = open_run(runs, "tiny", "hash")
    first.finished_stages.append("data")
    first.save("hash", done=False)
    second = open_run(runs, "tiny", "hash")
    assert (second.id, second.started, second.finished_stages, second.resumed) == (
        first.id,
        first.started,
        ["data"],
        True,
    )


def test_another_recipe_and_a_finished_run_get_folders_of_their_own(runs: Path) -> None:
    first = open_run(runs, "tiny", "hash")
    other = open_run(runs, "tiny", "other")
    assert other.id != first.id
    assert not other.resumed
    assert (runs / "latest").readlink() == Path(other.id)
    first.save("hash", done=True)
    third = open_run(runs, "tiny", "hash")
    assert third.id not in (first.id, other.id)
    assert not third.resumed
    assert len({first.id, other.id, third.id}) == 3, "three runs within a second"


def test_the_journal_keeps_the_order_and_passes_over_half_a_line(runs: Path) -> None:
    run = open_run(runs, "tiny", "hash")
    assert list(events(run.folder)) == []
    run.journal("stage started", stage="data", resumed=False)
    run.journal("stage finished", stage="数据")
    with (run.folder / "events.jsonl").open("a") as file:
        file.write('{"event": "stage sta')
    found = list(events(run.folder))
    assert [event["event"] for event in found] == ["stage started", "stage finished"]
    assert found[0]["stage"] == "data"
    assert found[1]["stage"] == "数据"
    assert {event["pid"] for event in found} == {os.getpid()}


def test_after_a_half_line_the_journal_goes_on_on_a_new_one(runs: Path) -> None:
    run = open_run(runs, "tiny", "hash")
    with (run.folder / "events.jsonl").open("a") as file:
        file.write('{"event": "stage sta')
    run.journal("stage started", stage="data")
    assert [event["stage"] for event in events(run.folder)] == ["data"]


def test_no_free_name_is_an_error_not_a_loop(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def taken(self: Path, *args: object, **kwargs: object) -> None:
        if self.name.startswith("tiny-"):
            raise FileExistsError(str(self))

    runs.mkdir()
    monkeypatch.setattr(Path, "mkdir", taken)
    with pytest.raises(FileExistsError):
        open_run(runs, "tiny", "hash")
