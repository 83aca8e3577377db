"""Artifacts: the manifest, the content hash, the lock, and that nobody ever sees half of one."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seekforge import __version__
from seekforge.core import artifacts
from seekforge.core.artifacts import Artifact, Origin
from seekforge.core.errors import InputError, SeekforgeError
from seekforge.core.files import write_json
from seekforge.core.gates import Measurement

FIGURE = Measurement("data.kept", 3.0, "count", "seekforge run x --from data", "2 cores", "Kept", "None")
ORIGIN = Origin("dataset", "k" * 64, ("p" * 64,), {"seed": 7, "ops": ["准则"]})


def make(final: Path, text: str = "hello", origin: Origin = ORIGIN) -> Artifact:
    with artifacts.exclusive(final) as partial:
        (partial / "sub").mkdir(exist_ok=True)
        (partial / "sub" / "a.txt").write_text(text)
        (partial / artifacts.SCRATCH / "checkpoint").write_text("to go")
        return artifacts.seal(
            final, origin, summary="three records", measurements=(FIGURE,), details={"x": [1]}, seconds=1.23456
        )


def test_sealed_is_loaded_again(tmp_path: Path) -> None:
    made = make(tmp_path / "data-1")
    found = artifacts.load(tmp_path / "data-1")
    assert found == made
    assert found.details == {"x": [1]}
    assert (found.kind, found.key, found.parents, found.config) == (
        "dataset",
        ORIGIN.key,
        ORIGIN.parents,
        ORIGIN.config,
    )
    assert found.measurements == (FIGURE,)
    assert (found.summary, found.seconds) == ("three records", 1.235)
    assert artifacts.verify(found)
    assert not artifacts.partial_folder(made.folder).exists()
    assert not (made.folder / artifacts.SCRATCH).exists()
    manifest = json.loads((made.folder / artifacts.MANIFEST).read_text(encoding="utf-8"))
    assert manifest["files"] == {"details.json": (made.folder / "details.json").stat().st_size, "sub/a.txt": 5}
    assert manifest["seekforge"] == __version__


def test_a_file_of_an_artifact(tmp_path: Path) -> None:
    made = make(tmp_path / "data-1")
    assert made.file("sub/a.txt").read_text() == "hello"
    with pytest.raises(InputError, match=r"the dataset artifact has no test\.jsonl"):
        made.file("test.jsonl")
    with pytest.raises(InputError, match=r"not an artifact: it has no manifest\.json"):
        artifacts.load(tmp_path)


def test_the_manifest_and_what_is_beside_the_content_leave_the_hash_alone(tmp_path: Path) -> None:
    first, second = make(tmp_path / "a"), make(tmp_path / "b", origin=Origin("other", "q", (), {}))
    assert first.content_hash == second.content_hash
    (first.folder / artifacts.DETAILS).write_text("{}")
    (first.folder / artifacts.MANIFEST).write_text("{}")
    (first.folder / artifacts.SCRATCH).mkdir()
    (first.folder / artifacts.SCRATCH / "optimizer.pt").write_text("x")
    assert artifacts.verify(first)


@pytest.mark.parametrize(
    "tamper",
    [
        lambda folder: (folder / "sub" / "a.txt").write_text("hellp"),
        lambda folder: (folder / "sub" / "a.txt").write_text(""),
        lambda folder: (folder / "sub" / "a.txt").rename(folder / "sub" / "b.txt"),
        lambda folder: (folder / "sub" / "a.txt").rename(folder / "a.txt"),
        lambda folder: (folder / "sub" / "a.txt").unlink(),
        lambda folder: (folder / "more.txt").write_text("hello"),
    ],
    ids=["byte", "emptied", "renamed", "moved", "deleted", "added"],
)
def test_any_change_of_a_file_changes_the_hash(tmp_path: Path, tamper: Callable[[Path], Any]) -> None:
    made = make(tmp_path / "data-1")
    tamper(made.folder)
    assert not artifacts.verify(made)


names = st.text(alphabet="abAB-_é好", min_size=1, max_size=4)


@settings(max_examples=40, deadline=None)
@given(
    st.dictionaries(names, st.binary(max_size=20), max_size=4),
    st.dictionaries(names, st.binary(max_size=20), max_size=4),
)
def test_hashes_are_equal_exactly_when_the_files_are(
    tmp_path_factory: pytest.TempPathFactory, one: dict[str, bytes], other: dict[str, bytes]
) -> None:
    hashes = []
    for files in (one, other, dict(reversed(one.items()))):
        folder = tmp_path_factory.mktemp("hash")
        for name, content in files.items():
            (folder / name).write_bytes(content)
        hashes.append(artifacts.content_hash(folder))
    assert (hashes[0] == hashes[1]) == (one == other)
    assert hashes[0] == hashes[2]


class Killed(BaseException):
    """Stands for kill -9: nothing of ours may catch it."""


@pytest.mark.parametrize("moment", range(5))
def test_killed_at_any_moment_of_sealing_leaves_the_old_the_new_or_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: int
) -> None:
    final = tmp_path / "data-1"
    make(final, "old", Origin("dataset", "old", (), {}))
    left = [moment]

    def counted(work: Callable[..., Any]) -> Callable[..., Any]:
        def step(*args: Any, **kwargs: Any) -> Any:
            if left[0] == 0:
                raise Killed
            left[0] -= 1
            return work(*args, **kwargs)

        return step

    with monkeypatch.context() as patch:
        # The steps in which sealing touches the disk, in order: scratch away, details, manifest, old away, rename.
        patch.setattr("seekforge.core.artifacts.write_json", counted(write_json))
        patch.setattr(shutil, "rmtree", counted(shutil.rmtree))
        patch.setattr(Path, "rename", counted(Path.rename))
        with pytest.raises(Killed):
            make(final, "new")
    if final.exists():
        found = artifacts.load(final)
        assert artifacts.verify(found)
        assert found.key == "old"
    assert (artifacts.partial_folder(final) / "sub" / "a.txt").read_text() == "new"
    again = make(final, "new")
    assert artifacts.load(final) == again
    assert artifacts.verify(again)


def test_half_written_is_never_visible(tmp_path: Path) -> None:
    final = tmp_path / "data-1"
    with artifacts.exclusive(final) as partial:
        (partial / "a.txt").write_text("half")
        assert not final.exists()
    assert not final.exists()
    with artifacts.exclusive(final) as partial:
        assert (partial / "a.txt").read_text() == "half", "the next attempt takes up what is there"


HOLD = """
import sys, pathlib
from seekforge.core import artifacts
with artifacts.exclusive(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_process_is_refused_until_the_first_has_gone(tmp_path: Path) -> None:
    final = tmp_path / "store" / "data-1"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(final)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "held\n"
            with (
                pytest.raises(SeekforgeError, match="another seekforge process is making this artifact") as caught,
                artifacts.exclusive(final),
            ):
                pytest.fail("two processes hold one artifact")
            assert caught.value.where == str(final)
            with artifacts.exclusive(tmp_path / "store" / "data-2"):
                pass  # another artifact is free
        finally:
            holder.kill()
    with artifacts.exclusive(final) as partial:  # the lock of a killed process does not linger
        assert partial.is_dir()


def test_discard_empty_takes_back_only_what_is_empty(tmp_path: Path) -> None:
    empty, full = tmp_path / "store" / "a", tmp_path / "store" / "b"
    with artifacts.exclusive(empty):
        artifacts.discard_empty(empty)
    with artifacts.exclusive(full) as partial:
        (partial / artifacts.SCRATCH / "checkpoint").write_text("hours of work")
        artifacts.discard_empty(full)
    assert sorted(path.name for path in (tmp_path / "store").iterdir()) == [".b.lock", "b.partial"]
    assert (artifacts.partial_folder(full) / artifacts.SCRATCH / "checkpoint").read_text() == "hours of work"
