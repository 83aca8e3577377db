"""Hashes, atomic writes, and the two ways in which a disk says no."""

import errno
import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seekforge.core import files, locks
from seekforge.core.errors import InputError, ResourceError, SeekforgeError

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def test_sha256_of_a_file_longer_than_one_read(tmp_path: Path) -> None:
    content = os.urandom((1 << 20) + 7)
    (tmp_path / "x").write_bytes(content)
    assert files.sha256_file(tmp_path / "x") == hashlib.sha256(content).hexdigest()


@settings(max_examples=30, deadline=None)
@given(st.dictionaries(st.text(), json_values, min_size=2, max_size=5))
def test_sha256_of_json_knows_no_order_of_keys(value: dict[str, Any]) -> None:
    assert files.sha256_json(value) == files.sha256_json(dict(reversed(value.items())))
    assert files.sha256_json(value) != files.sha256_json({**value, "one more": 1})
    assert files.sha256_json(value) == files.sha256_json(json.loads(json.dumps(value)))


def test_json_is_written_and_read(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    value = {"名": ["é", 1.5, None], "b": {}}
    files.write_json(path, value)
    assert files.read_json(path) == value
    assert "名" in path.read_text(encoding="utf-8")
    files.write_json(path, [])
    assert files.read_json(path) == []
    assert [p.name for p in tmp_path.iterdir()] == ["x.json"]


def test_a_write_that_fails_leaves_the_old_file_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.json"
    files.write_json(path, "old")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ResourceError, match="no space left on the disk"):
        files.write_json(path, "new")
    assert files.read_json(path) == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["x.json"]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENOSPC, "x"), "no space left on the disk. Free some space and run the same command again"),
        (OSError(errno.EDQUOT, "x"), "no space left on the disk"),
        (RuntimeError("I/O error: No space left on device (os error 28)"), "no space left on the disk"),
        (OSError(errno.EACCES, "x"), "cannot write here. Choose a folder that you may write"),
        (OSError(errno.EROFS, "x"), "cannot write here"),
    ],
)
def test_what_the_disk_says_becomes_one_line(error: Exception, words: str) -> None:
    with pytest.raises(ResourceError) as caught, files.disk_errors(Path("runs/x")):
        raise error
    assert str(caught.value).startswith(f"runs/x: {words}")
    assert caught.value.exit_code == 2
    assert caught.value.__cause__ is error


@pytest.mark.parametrize("code", [errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENAMETOOLONG, errno.ELOOP])
def test_a_path_that_cannot_be_is_one_line_with_the_name_in_the_way(code: int) -> None:
    with (
        pytest.raises(InputError, match=r"^runs/x: cannot be written: .*: runs\. Choose another path$"),
        files.disk_errors(Path("runs/x")),
    ):
        raise OSError(code, "x", "runs")


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("folder", "folder: a folder, not a file"),
        ("/dev/null", "/dev/null: a device, not a file"),
        ("in.txt", "in.txt: is read and would be written over"),
        ("folder/../in.txt", "in.txt: is read and would be written over"),
        ("in.txt/out", "in.txt/out: cannot be written: not a directory"),
    ],
)
def test_an_output_is_looked_at_before_long_work(tmp_path: Path, path: str, words: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "in.txt").write_text("x")
    with pytest.raises(InputError) as caught:
        files.check_output(tmp_path / path, [tmp_path / "in.txt", tmp_path / "none"])
    assert words in str(caught.value)


def test_json_has_null_for_what_is_not_a_number() -> None:
    value = {"a": (float("nan"), 1.5, [float("-inf")]), "b": "nan", "c": True, "d": None}
    assert files.json_safe(value) == {"a": [None, 1.5, [None]], "b": "nan", "c": True, "d": None}


def test_lines_of_json_have_their_place(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes('\ufeff{"a": "\u2028"}\n\n  \r\n[1]\n'.encode())
    assert list(files.json_lines(path, "no line", "Mend it")) == [(f"{path}:1", {"a": "\u2028"}), (f"{path}:4", [1])]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b'{"a": 1}\n\n{"a": \n', "x.jsonl:3: no line. Mend it"),
        (b"[" * 100_000, "x.jsonl:1: no line. Mend it"),
        (b"{}\n\xff\xfe", "x.jsonl: not UTF-8 text. Save the file as UTF-8"),
    ],
)
def test_a_line_that_is_no_json_is_named(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "x.jsonl").write_bytes(content)
    with pytest.raises(InputError) as caught:
        list(files.json_lines(tmp_path / "x.jsonl", "no line", "Mend it"))
    assert str(caught.value).endswith(words)


def test_a_folder_is_for_one_command_at_a_time(tmp_path: Path) -> None:
    taken = pytest.raises(ResourceError, match="out: another command is working in this folder")
    with locks.alone(tmp_path / "out"), taken, locks.alone(tmp_path / "out"):
        pass
    with locks.alone(tmp_path / "out"):
        pass
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="file exists"), locks.alone(tmp_path / "file"):
        pass


def test_looking_at_an_output_makes_nothing(tmp_path: Path) -> None:
    files.check_output(tmp_path / "a" / "b.txt")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("error", [FileNotFoundError(errno.ENOENT, "x"), ValueError("x"), KeyboardInterrupt()])
def test_other_errors_pass_through(error: BaseException) -> None:
    with pytest.raises(type(error)) as caught, files.disk_errors(Path("x")):
        raise error
    assert caught.value is error


def test_a_full_disk_is_not_taken_for_a_permission(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="x") as caught, files.full_disk(tmp_path):
        raise OSError(errno.EACCES, "x")
    assert not isinstance(caught.value, ResourceError)


@pytest.mark.parametrize(
    ("where", "mend", "text"),
    [
        ("", "", "what"),
        ("a.yaml:3", "", "a.yaml:3: what"),
        ("", "Mend it", "what. Mend it"),
        ("a", "Mend\n it", "a: what. Mend it"),
    ],
)
def test_an_error_is_one_line(where: str, mend: str, text: str) -> None:
    error = SeekforgeError("what", where=where, mend=mend)
    assert str(error) == text
    assert (error.what, error.where, error.mend, error.exit_code) == ("what", where, mend, 1)


@pytest.mark.parametrize("end", [".", "?", "!"])
def test_a_sentence_of_a_library_keeps_its_own_end(end: str) -> None:
    assert str(SeekforgeError(f"Is it text{end}", mend="Mend it")) == f"Is it text{end} Mend it"


def test_a_read_only_disk_is_named_although_nothing_is_there_to_take_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Path, "open", refuse)
    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(ResourceError, match="cannot write here"):
        files.write_text(tmp_path / "x", "y")
