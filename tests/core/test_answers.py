"""Kept answers where the disk or the file says no: one line, and what was there stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from seekforge.core.answers import FILE, Answers
from seekforge.core.errors import DataError, InputError, ResourceError


def test_a_full_disk_is_one_line_and_loses_nothing(tmp_path: Path) -> None:
    answers = Answers(tmp_path)
    answers.put("a", "kept")
    answers._base.execute("PRAGMA max_page_count = 8")  # SQLite says of its limit what it says of the disk's
    with pytest.raises(ResourceError, match=f"{FILE}: no space left on the disk"):
        answers.put("b", "x" * 100_000)
    answers.close()
    again = Answers(tmp_path)
    assert (again.get("a"), again.get("b")) == ("kept", None)


def test_a_place_that_cannot_be_is_one_line(tmp_path: Path) -> None:
    (tmp_path / FILE).mkdir()
    with pytest.raises(ResourceError, match=f"{FILE}: cannot write here"):
        Answers(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot be written: file exists"):
        Answers(tmp_path / "file")


def test_another_file_of_this_name_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("mine, and nothing of SQLite's\n" * 50)
    with pytest.raises(DataError, match=f"{FILE}: the answers that were kept cannot be used: file is not a database"):
        Answers(tmp_path)
    assert (tmp_path / FILE).read_text().startswith("mine")
