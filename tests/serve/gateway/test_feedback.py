import asyncio
import errno
import fcntl
import json
import os
import signal
import stat
import subprocess
import sys
import threading
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.patience import LONG

from seekforge.core.config import FeedbackConfig
from seekforge.core.errors import InputError, ResourceError
from seekforge.serve.gateway.feedback import Feedback, FeedbackStore, check

GOOD = Feedback("chatcmpl-1", 5, "很好，谢谢 \u2028 \n ok", "team-a", "desk")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "feedback.jsonl"


def opened(path: Path, lines: list[str] | None = None, **fields: Any) -> FeedbackStore:
    report = (lambda line: None) if lines is None else lines.append
    return FeedbackStore(FeedbackConfig(path=path, **fields), report, lambda: 1700000000.1234)


def stored(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]]


def test_a_line_says_all(path: Path) -> None:
    with opened(path) as store:
        assert asyncio.run(store.add(GOOD)) == "stored"
    assert stored(path) == [
        {
            "answer": "chatcmpl-1",
            "rating": 5,
            "comment": GOOD.comment,
            "caller": "team-a",
            "model": "desk",
            "user": "",
            "time": 1700000000.123,
        }
    ]
    assert "很好" in path.read_text(encoding="utf-8"), "a person can read it"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_same_twice_is_once_also_after_a_restart(path: Path) -> None:
    with opened(path) as store:
        assert [store.add_now(GOOD), store.add_now(GOOD)] == ["stored", "unchanged"]
        assert store.add_now(replace(GOOD, caller="team-b")) == "stored"
        assert store.add_now(replace(GOOD, user="u-1")) == "stored"
        assert store.add_now(replace(GOOD, answer="chatcmpl-2")) == "stored"
    with opened(path) as store:
        assert len(store) == 4
        assert store.add_now(GOOD) == "unchanged"
        assert store.add_now(replace(GOOD, rating=1)) == "replaced"
        assert store.add_now(replace(GOOD, rating=1)) == "unchanged"
    assert len(stored(path)) == 5
    assert stored(path)[-1]["rating"] == 1


def test_two_stores_on_one_file_know_of_each_other(path: Path) -> None:
    with opened(path) as one, opened(path) as two:
        assert one.add_now(GOOD) == "stored"
        assert two.add_now(GOOD) == "unchanged"
        assert two.add_now(replace(GOOD, answer="x")) == "stored"
        assert one.add_now(replace(GOOD, answer="x")) == "unchanged"
    assert len(stored(path)) == 2


def test_a_store_waits_for_the_one_that_is_writing(path: Path) -> None:
    with opened(path) as store, path.open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        said: list[str] = []
        thread = threading.Thread(target=lambda: said.append(store.add_now(GOOD)))
        thread.start()
        other.write(json.dumps(asdict(GOOD)).encode())
        other.flush()
        thread.join(0.3)
        assert thread.is_alive()
        other.write(b"\n")
        other.flush()
        fcntl.flock(other, fcntl.LOCK_UN)
        thread.join(LONG)
        assert said == ["unchanged"]
    assert len(stored(path)) == 1


def test_threads_and_processes_at_once(path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from seekforge.core.config import FeedbackConfig\n"
        "from seekforge.serve.gateway.feedback import Feedback, FeedbackStore\n"
        "store = FeedbackStore(FeedbackConfig(path=Path(sys.argv[1]), fsync='never'), print)\n"
        "for i in range(200): store.add_now(Feedback(f'answer-{i}', 3, 'x' * i, sys.argv[2], 'm'))\n"
    )
    with opened(path, fsync="never") as store:

        def work(caller: str) -> None:
            for i in range(200):
                store.add_now(Feedback(f"answer-{i}", 3, "x" * i, caller, "m"))

        children = [subprocess.Popen([sys.executable, "-c", code, str(path), f"p{n % 2}"]) for n in range(3)]
        threads = [threading.Thread(target=work, args=(f"t{n % 2}",)) for n in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [child.wait(LONG) for child in children] == [0, 0, 0]
    lines = stored(path)
    assert len(lines) == len({(line["answer"], line["caller"]) for line in lines}) == 800


@settings(deadline=None, max_examples=60)
@given(cut=st.integers(0, 200))
def test_a_torn_line_is_put_aside_and_nothing_is_lost(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    path = tmp_path_factory.mktemp("f") / "feedback.jsonl"
    with opened(path) as store:
        store.add_now(GOOD)
        whole = path.stat().st_size
        store.add_now(replace(GOOD, answer="chatcmpl-2"))
    data = path.read_bytes()
    kept = data[: min(whole + cut, len(data))]
    path.write_bytes(kept)
    lines: list[str] = []
    with opened(path, lines) as store:
        assert store.add_now(GOOD) == "unchanged"
        again = store.add_now(replace(GOOD, answer="chatcmpl-2"))
    assert [line["answer"] for line in stored(path)] == ["chatcmpl-1", "chatcmpl-2"]
    aside = path.with_name("feedback.jsonl.torn")
    torn = kept[whole:]
    if not torn or len(data) - len(kept) <= 1:  # nothing of the second line, or all of it but perhaps its end
        assert again == ("stored" if not torn else "unchanged")
        assert not aside.exists()
        assert lines == []
    else:
        assert again == "stored"
        assert aside.read_bytes() == torn + b"\n"
        assert stat.S_IMODE(aside.stat().st_mode) == 0o600
        assert f"its {len(torn)} bytes are in feedback.jsonl.torn" in lines[0]


def test_kill_9_loses_nothing_that_was_answered(path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from seekforge.core.config import FeedbackConfig\n"
        "from seekforge.serve.gateway.feedback import Feedback, FeedbackStore\n"
        "store = FeedbackStore(FeedbackConfig(path=Path(sys.argv[1]), fsync='never'), print)\n"
        "i = 0\n"
        "while True:\n"
        "    store.add_now(Feedback(f'answer-{i}', 3, 'x' * 3000, 'c', 'm')); print(i, flush=True); i += 1\n"
    )
    answered = -1
    for _ in range(3):
        path.unlink(missing_ok=True)
        child = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        for _ in range(50):
            answered = int(child.stdout.readline())
        child.send_signal(signal.SIGKILL)
        rest = child.stdout.read().split()
        answered = int(rest[-1]) if rest else answered
        child.wait()
        with opened(path) as store:
            assert len(store) in (answered + 1, answered + 2), "the last may be stored and not yet answered"
            assert store.add_now(Feedback("answer-0", 3, "x" * 3000, "c", "m")) == "unchanged"


def test_lines_of_others_stay_as_they_are(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"# mine\n\n[]\n" + b"[" * 100_000 + b'\n{"answer": 1}\n\xff\n')
    before = path.read_bytes()
    lines: list[str] = []
    with opened(path, lines) as store:
        assert store.add_now(GOOD) == "stored"
    assert path.read_bytes().startswith(before)
    assert len(lines) == 5
    assert "byte 0 is no feedback" in lines[0]


def test_a_file_that_was_begun_anew_is_followed(path: Path) -> None:
    with opened(path) as store:
        store.add_now(GOOD)
        os.truncate(path, 0)
        assert store.add_now(GOOD) == "stored"
    assert len(stored(path)) == 1


def test_a_full_disk_leaves_no_half_line(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(path) as store:
        store.add_now(GOOD)
        before = path.read_bytes()
        real, calls = os.write, []

        def half(file: int, data: bytes) -> int:
            calls.append(data)
            if len(calls) > 1:
                raise OSError(errno.ENOSPC, "No space left on device")
            return real(file, data[:7])

        monkeypatch.setattr(os, "write", half)
        with pytest.raises(ResourceError, match="no space"):
            store.add_now(replace(GOOD, answer="x"))
        assert path.read_bytes() == before
        monkeypatch.undo()
        assert store.add_now(replace(GOOD, answer="x")) == "stored"
    assert len(stored(path)) == 2


@pytest.mark.parametrize(("policy", "times", "syncs"), [("always", 3, 3), ("second", 3, 1), ("never", 3, 0)])
def test_when_the_disk_must_have_it(
    path: Path, monkeypatch: pytest.MonkeyPatch, policy: str, times: int, syncs: int
) -> None:
    count: list[Any] = []
    store = opened(path, fsync=policy)
    monkeypatch.setattr(os, "fsync", count.append)
    for number in range(times):
        store.add_now(replace(GOOD, answer=str(number)))
    assert len(count) == syncs
    store.close()
    assert len(count) == syncs + 1
    with pytest.raises(ResourceError, match="closed"):
        store.add_now(GOOD)
    store.close()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("answer", ""),
        ("answer", "a\nb"),
        ("answer", "x" * 257),
        ("answer", 5),
        ("caller", " "),
        ("model", "\x00"),
        ("rating", 0),
        ("rating", 6),
        ("rating", True),
        ("rating", 4.5),
        ("rating", "5"),
        ("comment", None),
        ("comment", "\ud800"),
        ("comment", "x" * 11),
    ],
)
def test_what_is_refused(path: Path, field: str, value: Any) -> None:
    with opened(path, max_comment_chars=10) as store:
        with pytest.raises(InputError) as caught:
            store.add_now(replace(GOOD, **{"comment": "", field: value}))
        assert caught.value.where == field
        assert path.read_bytes() == b""
        assert store.add_now(replace(GOOD, comment="x" * 10)) == "stored"


@settings(deadline=None, max_examples=100)
@given(comment=st.text(max_size=50), rating=st.integers(1, 5))
def test_what_comes_back_is_what_was_said(tmp_path_factory: pytest.TempPathFactory, comment: str, rating: int) -> None:
    path = tmp_path_factory.mktemp("f") / "feedback.jsonl"
    said = replace(GOOD, comment=comment, rating=rating)
    check(said, 50)
    with opened(path, fsync="never") as store:
        store.add_now(said)
    assert [(line["comment"], line["rating"]) for line in stored(path)] == [(comment, rating)]


def test_the_event_loop_goes_on_while_the_disk_is_slow(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, written = threading.Event(), threading.Event()
    waited: list[bool] = []

    def slow(file: int) -> None:
        begun.set()
        waited.append(written.wait(5))

    async def run() -> None:
        task = asyncio.create_task(store.add(GOOD))
        while not begun.is_set():
            await asyncio.sleep(0.001)
        written.set()  # which a loop that waits for the disk never does
        await task

    with opened(path) as store:
        monkeypatch.setattr(os, "fsync", slow)
        asyncio.run(run())
        monkeypatch.undo()
    assert waited == [True]
