"""Which checkpoint a run goes on from: the newest that was written to its end."""

from __future__ import annotations

from pathlib import Path

from seekforge.train.checkpoints import COMPLETE, latest, step_of


def checkpoint(folder: Path, step: int, *, complete: bool = True) -> Path:
    path = folder / f"checkpoint-{step}"
    path.mkdir()
    (path / "trainer_state.json").write_text("{}")
    if complete:
        (path / COMPLETE).touch()
    return path


def test_the_newest_by_step_and_not_by_name(tmp_path: Path) -> None:
    for step in (9, 100, 20):
        checkpoint(tmp_path, step)
    newest = latest(tmp_path)
    assert newest == tmp_path / "checkpoint-100"
    assert step_of(newest) == 100


def test_one_that_a_kill_cut_off_is_removed(tmp_path: Path) -> None:
    whole, half = checkpoint(tmp_path, 4), checkpoint(tmp_path, 8, complete=False)
    assert latest(tmp_path) == whole
    assert not half.exists()
    assert (whole / "trainer_state.json").exists()


def test_nothing_to_go_on_from(tmp_path: Path) -> None:
    assert latest(tmp_path) is None
    half = checkpoint(tmp_path, 1, complete=False)
    assert latest(tmp_path) is None
    assert not half.exists()


def test_other_folders_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    assert latest(tmp_path) is None
    assert (tmp_path / "runs").exists()
