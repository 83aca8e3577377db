"""Lists are read again when their files change, and a broken file changes nothing."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from seekforge.core.config.guard import WordListConfig
from seekforge.core.errors import ConfigError
from seekforge.serve.gateway.guard.lists import Lists


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "list.txt"
    path.write_text("gun\n", encoding="utf-8")
    return path


def later(lists: Lists, clock: Clock) -> list[str]:
    """The words in force a second later."""
    clock.now += 1.1
    lists.current()
    lists.settle()
    return sorted(entry.text for words in lists.current().lists for entry in words.entries)


def replace(path: Path, text: str) -> None:
    fresh = path.with_suffix(".new")
    fresh.write_text(text, encoding="utf-8")
    fresh.rename(path)


def test_a_changed_file_is_taken_within_a_second(path: Path, clock: Clock) -> None:
    lists = Lists([WordListConfig(path=path)], clock)
    before = lists.current()
    replace(path, "bomb\n")
    clock.now += 0.9
    assert lists.current() is before
    assert later(lists, clock) == ["bomb"]
    assert lists.current() is not before
    assert before.hits("gun")  # whoever has the old one keeps it
    assert (lists.reloads, lists.failed_reloads) == (1, 0)


def test_files_that_stay_are_not_read_again(path: Path, clock: Clock) -> None:
    lists = Lists([WordListConfig(path=path)], clock)
    before = lists.current()
    for _ in range(5):
        later(lists, clock)
    assert lists.current() is before
    assert lists.reloads == 0


def test_a_change_of_the_same_size_and_time_is_seen_by_the_inode(path: Path, clock: Clock) -> None:
    lists = Lists([WordListConfig(path=path)], clock)
    stat = path.stat()
    fresh = path.with_suffix(".new")
    fresh.write_text("bum\n", encoding="utf-8")
    os.utime(fresh, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    fresh.rename(path)
    assert later(lists, clock) == ["bum"]


@pytest.mark.parametrize("broken", [b"\xff\xfe", b"", b"ok\n---\n", None])
def test_a_broken_version_keeps_the_old_one_and_is_reported(
    path: Path, clock: Clock, broken: bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    lists = Lists([WordListConfig(path=path)], clock)
    if broken is None:
        path.unlink()
    else:
        path.write_bytes(broken)
    with caplog.at_level(logging.ERROR):
        assert later(lists, clock) == ["gun"]
    assert lists.failed_reloads == 1
    assert lists.problem is not None
    assert str(path) in lists.problem
    assert str(path) in caplog.text
    later(lists, clock)
    assert lists.failed_reloads == 1  # the same file is not tried again
    replace(path, "bomb\n")
    assert later(lists, clock) == ["bomb"]
    assert lists.problem is None


def test_one_broken_list_of_two_keeps_both(path: Path, clock: Clock, tmp_path: Path) -> None:
    other = tmp_path / "other.txt"
    other.write_text("bomb\n", encoding="utf-8")
    lists = Lists([WordListConfig(path=path), WordListConfig(path=other)], clock)
    replace(path, "\n")
    replace(other, "knife\n")
    assert later(lists, clock) == ["bomb", "gun"]


def test_at_the_start_there_is_no_older_version_to_keep(tmp_path: Path, clock: Clock) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        Lists([WordListConfig(path=tmp_path / "none.txt")], clock)
