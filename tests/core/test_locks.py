"""Locks: one at a time, nothing left behind, nobody holds a file that is no longer there."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from seekforge.core.errors import ResourceError
from seekforge.core.locks import alone, take

HOLD = """
import pathlib, sys
from seekforge.core.locks import take
held = take(pathlib.Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def test_a_second_command_is_refused_and_the_folder_left_as_it_was(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    with alone(folder):
        with pytest.raises(ResourceError, match="another command is working in this folder"), alone(folder):
            pass
        (folder / "result").touch()
    assert [path.name for path in folder.iterdir()] == ["result"]
    with alone(folder):
        shutil.rmtree(folder)


def test_a_lock_goes_with_its_process(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert other.stdout is not None
    assert other.stdout.readline() == "held\n"
    assert take(lock) is None
    other.kill()
    other.communicate()
    held = take(lock)
    assert held is not None
    held.close()


def test_a_file_that_was_removed_before_it_was_locked_is_no_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who had it removes it as it ends; who opened it before that would hold what nobody else ever sees."""
    path, real, turns = tmp_path / "lock", fcntl.flock, []

    def flock(file: Any, how: int) -> None:
        turns.append(how)
        if len(turns) == 1:
            path.unlink()
        real(file, how)

    monkeypatch.setattr(fcntl, "flock", flock)
    held = take(path)
    assert held is not None
    assert len(turns) == 2
    assert path.stat().st_ino == Path(f"/proc/self/fd/{held.fileno()}").stat().st_ino
    held.close()
